// SPDX-License-Identifier: Apache-2.0
// `apemu test PATH...`: AP programs, scenarios and guest runs as tests, for people and for CI.
// Source: docs/design.md section 7; docs/ci.md.

import { availableParallelism } from 'node:os';
import type { AddCommand, RunCommand } from '../add-command.ts';
import { printable } from '../errors.ts';
import { type CommandIo, EXIT_BAD_INPUT, EXIT_MISMATCH, EXIT_OK } from '../io.ts';
import { outputOption } from '../output-file.ts';
import { durationOption, numberOption } from '../run-options.ts';
import { count } from '../text.ts';
import { findTests, usage } from './find.ts';
import { writeJunit } from './junit.ts';
import { countOf, type TestResult } from './result.ts';
import { runTests } from './run-tests.ts';
import { tapEnd, tapHead, tapLine } from './tap.ts';

interface TestOptions {
  readonly config?: string;
  readonly filter?: readonly string[];
  readonly jobs?: number;
  /** Time limit in nanoseconds. */
  readonly timeout: number;
  readonly guests: boolean;
  readonly bail?: boolean;
  readonly list?: boolean;
  readonly tap?: boolean;
  readonly junit?: string;
}

const JOBS_MAX = 256;
const TIMEOUT_NS = 60_000_000_000;

export const addTest: AddCommand = (program, io, done, run) => {
  program
    .command('test')
    .description('run AP programs, scenarios and guest runs as tests')
    .argument('<path...>', 'tests, or folders of them: *.ap and *.guest.yaml')
    .option('-c, --config <file>', 'configuration for AP programs, instead of the one they name')
    .option('--filter <text...>', 'only tests whose path has one of these texts in it')
    .option(
      '--jobs <number>',
      'tests at a time (default: cores)',
      numberOption('jobs', 1, JOBS_MAX),
    )
    .option(
      '--timeout <time>',
      'most real time of an AP program or a scenario (default: 60s)',
      durationOption('timeout'),
      TIMEOUT_NS,
    )
    .option('--no-guests', 'leave out guest runs, which need QEMU')
    .option('--bail', 'end with the first test that does not pass')
    .option('--list', 'only name the tests')
    .option('--tap', 'the result in the Test Anything Protocol')
    .option('--junit <file>', 'write the result as JUnit XML too', outputOption)
    .action(async (paths: string[], options: TestOptions) => {
      done(await test(paths, options, io, run));
    });
};

async function test(
  paths: readonly string[],
  options: TestOptions,
  io: CommandIo,
  run: RunCommand,
): Promise<number> {
  const files = chosen(findTests(paths), options);
  if (options.list === true) {
    io.out(files.map((file) => `${file}\n`).join(''));
    return EXIT_OK;
  }
  const show = options.tap === true ? tapReporter(files, io) : textReporter(io);
  const began = performance.now();
  const results = await runTests(files, {
    jobs: Math.min(options.jobs ?? availableParallelism(), files.length),
    timeoutMs: Math.max(1, Math.round(options.timeout / 1e6)),
    withoutGuests: options.guests ? undefined : 'left out by --no-guests',
    config: options.config,
    bail: options.bail === true,
    signal: io.signal,
    onResult: show.result,
    run,
  });
  show.end(results, files.length, (performance.now() - began) / 1000);
  if (options.junit !== undefined) writeJunit(options.junit, 'apemu test', results);
  if (countOf(results, 'error') > 0) return EXIT_BAD_INPUT;
  return countOf(results, 'failed') > 0 ? EXIT_MISMATCH : EXIT_OK;
}

/** @throws ApemuError APEMU_ERR_USAGE_TEST when no test is left */
function chosen(files: readonly string[], { filter }: TestOptions): readonly string[] {
  if (filter === undefined) return files;
  const left = files.filter((file) => filter.some((text) => file.includes(text)));
  if (left.length > 0) return left;
  throw usage(
    `--filter ${filter.join(' ')} leaves none of ${count(files.length, 'test')} (--list names them)`,
  );
}

interface Reporter {
  readonly result: (result: TestResult) => void;
  readonly end: (results: readonly TestResult[], tests: number, seconds: number) => void;
}

function tapReporter(files: readonly string[], io: CommandIo): Reporter {
  let number = 0;
  io.out(tapHead(files.length));
  return {
    result: (result) => io.out(printable(tapLine(++number, result))),
    end: (results, tests) => {
      if (results.length < tests) io.out('Bail out! not all tests were run\n');
      io.out(tapEnd(results));
    },
  };
}

const LABELS = { passed: 'ok', failed: 'FAILED', error: 'ERROR', skipped: 'skipped' } as const;

/** Seconds that a test must take at least so that its time is shown. */
const WORTH_TELLING_S = 1;

function textReporter(io: CommandIo): Reporter {
  return {
    result: ({ name, outcome, why, seconds }) => {
      const time = seconds < WORTH_TELLING_S ? '' : `  (${seconds.toFixed(1)} s)`;
      const lines = why === '' ? [] : why.trim().split('\n');
      const text = outcome === 'skipped' ? `: ${why}` : '';
      io.out(printable(`${LABELS[outcome].padEnd(7)}  ${name}${text}${time}\n`));
      if (outcome === 'skipped') return;
      for (const line of lines) io.out(printable(`    ${line}\n`));
    },
    end: (results, tests, seconds) => {
      const [passed, failed, error, skipped] = (
        ['passed', 'failed', 'error', 'skipped'] as const
      ).map((outcome) => countOf(results, outcome));
      const parts = [`${count(results.length, 'test')}: ${passed} passed`];
      if (failed > 0) parts.push(`${failed} failed`);
      if (error > 0) parts.push(`${error} could not be run`);
      if (skipped > 0) parts.push(`${skipped} skipped`);
      if (results.length < tests) parts.push(`${tests - results.length} not run`);
      io.out(`${parts.join(', ')} (${seconds.toFixed(1)} s)\n`);
    },
  };
}
