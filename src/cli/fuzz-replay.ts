// SPDX-License-Identifier: Apache-2.0
// `apemu fuzz --replay PATH`: runs scenarios as tests, one or those of a folder with corpus and findings; writes JUnit XML for programs
// that collect results.
// Source: docs/design.md section 10.

import { statSync } from 'node:fs';
import { Rejections } from '../campaign/rejections.ts';
import { ApemuError } from '../errors.ts';
import { type Replay, replayScenario } from '../fuzz/replay.ts';
import { printable } from './errors.ts';
import { compareKernels, KernelReplay } from './fuzz-kernel-replay.ts';
import type { FuzzOptions } from './fuzz-options.ts';
import { breathe, type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { programsBelow } from './test/find.ts';
import { writeJunit } from './test/junit.ts';
import { countOf, type TestResult } from './test/result.ts';
import { count } from './text.ts';

/** Scenarios below a folder, in order of their names. */
const scenariosOf = (path: string): string[] =>
  statSync(path).isDirectory() ? programsBelow(path) : [path];

/** What went wrong in a replay; undefined: nothing. */
export const failureOf = ({
  violation,
  mismatches,
}: Pick<Replay, 'violation' | 'mismatches'>): string | undefined => {
  if (violation !== undefined)
    return `${violation.oracle}: ${violation.did}. Expected: ${violation.expected}.`;
  const [first] = mismatches;
  return first === undefined ? undefined : `line ${first.line} differs: ${first.operation}`;
};

export async function replayScenarios(
  config: string | undefined,
  path: string,
  options: FuzzOptions,
  io: CommandIo,
): Promise<number> {
  const files = existing(path);
  if (options.kernel === undefined)
    return await replayFiles(files, options, io, (file) =>
      // The driver may be in a step that never ends.
      io.blocking(() => replayDriver(file, config, options)),
    );
  const { against } = options;
  if (against !== undefined)
    return await compareKernels(config, files, { ...options, against }, io);
  const kernel = await KernelReplay.boot(config, files[0], options, io);
  try {
    return await replayFiles(files, options, io, async (file) =>
      failureOf({ violation: await kernel.violation(file), mismatches: [] }),
    );
  } finally {
    await kernel.close();
  }
}

/** What is wrong with the driver in a scenario; undefined: nothing. */
const replayDriver = async (
  file: string,
  config: string | undefined,
  { driver, guest, without }: FuzzOptions,
): Promise<string | undefined> => {
  const rejections = new Rejections();
  try {
    const options = { config, driver, guest, ...(without === undefined ? {} : { without }) };
    const failure = failureOf(await replayScenario(file, options));
    const thrown = await rejections.first();
    if (failure !== undefined || thrown === undefined || without?.has('throws') === true)
      return failure;
    return `throws: it threw ${thrown.message} at ${thrown.place}.`;
  } finally {
    rejections.close();
  }
};

async function replayFiles(
  files: readonly string[],
  options: FuzzOptions,
  io: CommandIo,
  replay: (file: string) => Promise<string | undefined>,
): Promise<number> {
  const results: TestResult[] = [];
  for (const file of files) {
    if (io.signal.aborted) break;
    const began = performance.now();
    const failure = await replay(file);
    results.push({
      name: file,
      seconds: (performance.now() - began) / 1000,
      outcome: failure === undefined ? 'passed' : 'failed',
      why: failure ?? '',
    });
    if (failure !== undefined) io.out(printable(`${file}: ${failure}\n`));
    else if (files.length === 1) io.out(`${file}: every rule holds\n`);
    await breathe();
  }
  const failed = countOf(results, 'failed');
  if (options.junit !== undefined) writeJunit(options.junit, 'apemu fuzz', results);
  if (files.length > 1)
    io.out(
      `${count(results.length, 'scenario')}: ${failed === 0 ? 'every rule holds' : `${count(failed, 'scenario')} fail`}\n`,
    );
  return failed > 0 ? EXIT_MISMATCH : EXIT_OK;
}

/** @throws ApemuError `APEMU_ERR_USAGE_REPLAY` for what is not there, or a folder without scenarios */
const existing = (path: string): string[] => {
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw new ApemuError(
      'APEMU_ERR_USAGE_REPLAY',
      `there is no ${path} (expected a scenario, or a folder of them)`,
    );
  const files = scenariosOf(path);
  if (files.length > 0) return files;
  throw new ApemuError('APEMU_ERR_USAGE_REPLAY', `${path} holds no scenario (expected files *.ap)`);
};
