// SPDX-License-Identifier: Apache-2.0
// `apemu bench`: the benchmarks, as ratios to C on this computer, with their targets.
// Source: docs/design.md section 7; bench/README.md.

import { InvalidArgumentError } from 'commander';
import type { AddCommand } from './add-command.ts';
import { benchKernel } from './bench-kernel.ts';
import { type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { outputOption, writeOutput } from './output-file.ts';
import { table } from './text.ts';

interface BenchOptions {
  readonly json?: boolean;
  readonly out?: string;
  readonly smoke?: boolean;
  readonly only?: readonly string[];
  readonly processes?: number;
  readonly rounds?: number;
  readonly compiler?: string;
  readonly gate?: boolean;
  readonly kernel?: string | true;
}

/** Returns to the moment that `--kernel` measures. */
const KERNEL_RETURNS = 1_000;
/** As docs/reference/performance.md section 8 item 3 asks. */
const PROCESSES = 5;

const positive = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected 1 or more');
  return value;
};

export const addBench: AddCommand = (program, io, done) => {
  program
    .command('bench')
    .description('benchmarks as ratios to C on this computer, with targets')
    .option('--json', 'one JSON object')
    .option('--out <file>', 'also write the JSON object to a file', outputOption)
    .option('--only <questions...>', 'these questions only')
    .option('--smoke', 'seconds instead of minutes: shows that all run, not how fast')
    .option('--processes <n>', `fresh processes a question (default ${PROCESSES})`, positive)
    .option('--rounds <n>', 'rounds a process', positive)
    .option('--compiler <cc>', 'C compiler; "" takes the frozen JavaScript kernel instead')
    .option(
      '--kernel [kernel]',
      'instead: returns of a Linux under QEMU, --rounds of them (1000); --only portable or in-place',
    )
    .option('--gate', 'exit code 1 when a target does not hold')
    .action(async (options: BenchOptions) => done(await bench(options, io)));
};

async function bench(options: BenchOptions, io: CommandIo): Promise<number> {
  const { kernel, json: asJson = false } = options;
  if (kernel !== undefined) {
    const returns = options.rounds ?? (options.smoke === true ? 20 : KERNEL_RETURNS);
    return await benchKernel({ kernel, returns, only: options.only, json: asJson }, io);
  }
  // The benchmarks bring a package that only they need.
  const { questionNames, runBenchmarks } = await import('../../bench/run.ts');
  const { reasons, reportCells, verdict } = await import('../../bench/report.ts');
  const { only, rounds, compiler, smoke = false } = options;
  const unknown = only?.find((name) => !questionNames().includes(name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(
      `there is no question ${unknown} (expected one of ${questionNames().join(', ')})`,
    );
  const report = await runBenchmarks({
    smoke,
    processes: options.processes ?? (smoke ? 1 : PROCESSES),
    signal: io.signal,
    onProgress: (text) => io.err(`${text}\n`),
    ...(only === undefined ? {} : { only }),
    ...(rounds === undefined ? {} : { rounds }),
    ...(compiler === undefined ? {} : { compiler }),
  });
  const json = `${JSON.stringify(report, undefined, 1)}\n`;
  if (options.out !== undefined) writeOutput(options.out, json);
  if (asJson) io.out(json);
  else {
    const { processor, cores, node, platform } = report.machine;
    io.out(`${processor}, ${cores} cores, Node ${node}, ${platform}\n`);
    io.out(`reference: ${report.referenceDescription}\n`);
    io.out(`${report.processes} processes, ${report.rounds} rounds each\n\n`);
    io.out(table(reportCells(report.rows, io.isTerminal ? io.columns : undefined)));
    io.out(reasons(report.rows));
    io.out(smoke ? '\na smoke run: figures mean nothing\n' : `\n${verdict(report.rows)}\n`);
  }
  const missed = report.rows.some((row) => row.holds === false);
  return options.gate === true && missed ? EXIT_MISMATCH : EXIT_OK;
}
