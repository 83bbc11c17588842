// SPDX-License-Identifier: Apache-2.0
// `apemu bench --kernel`: how long a kernel under test takes to be back at its moment, and how many cases there are in a second.
// Source: docs/fuzzing.md section 7.

import { InvalidArgumentError } from 'commander';
import { configFromObject } from '../config/load.ts';
import { measureReturns, type ReturnFigures } from '../kernel-fuzz/return-benchmark.ts';
import { findGuestImage, makeGuestImage } from '../qemu/guest-image/build.ts';
import { DEFAULT_SERIES } from '../qemu/guest-image/suites.ts';
import type { MomentLevel } from '../qemu/moment/moment.ts';
import { type BuiltPlugin, buildPlugin } from '../qemu/plugin/build.ts';
import { type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';

/** Most the way back may take, ms: portable, in place. */
const TARGET_MS = { portable: 120, 'in place': 5 } as const;

/** Names of the ways on a command line. */
const WAYS: readonly (readonly [name: string, level: MomentLevel])[] = [
  ['portable', 'portable'],
  ['in-place', 'in place'],
];

/** A configuration with a card of each mode and a queue on each. */
const RETURN_CONFIG = {
  apemu: 1,
  machine: {
    adapters: { 5: { type: 'CEX8', mode: 'cca' }, 6: { type: 'CEX8', mode: 'accelerator' } },
    usageDomains: [4],
    controlDomains: [4],
  },
  host: { apmask: '-5,-6' },
  guests: { Linux: { vcpus: 1, mdev: { adapters: [5, 6], domains: [4], controlDomains: [] } } },
};

const lineOf = (figures: ReturnFigures): string => {
  const { level, bootMs, returns, medianMs, p95Ms, casesPerSecond, wrong } = figures;
  const target = TARGET_MS[level];
  const memory = `QEMU ${figures.qemuMib.join(' to ')} MiB, apemu ${figures.ownMib.join(' to ')} MiB (after a tenth, at the end)`;
  return (
    `${level}: boot ${Math.round(bootMs)} ms; ${returns} returns, median ${medianMs.toFixed(1)} ms, p95 ${p95Ms.toFixed(1)} ms ` +
    `(target ${target} ms: ${medianMs <= target ? 'holds' : 'missed'}); ${casesPerSecond.toFixed(1)} cases/s; ${memory}; load ${figures.load.toFixed(1)}; ${wrong} wrong cases\n`
  );
};

export interface BenchKernelOptions {
  /** A kernel series; true for the newest. */
  readonly kernel: string | true;
  /** How often the kernel is taken back. */
  readonly returns: number;
  /** Ways that are measured, by their names; undefined: both. */
  readonly only: readonly string[] | undefined;
  readonly json: boolean;
}

/**
 * The ways that are named.
 *
 * @throws InvalidArgumentError for a name that does not exist
 */
const levelsOf = (only: readonly string[] | undefined): MomentLevel[] => {
  const unknown = only?.find((name) => !WAYS.some(([way]) => way === name));
  if (unknown !== undefined)
    throw new InvalidArgumentError(
      `there is no way ${unknown} (expected one of ${WAYS.map(([way]) => way).join(', ')})`,
    );
  return WAYS.filter(([way]) => only?.includes(way) !== false).map(([, level]) => level);
};

/** Measures returns and prints a line for each way. Exit code 1 if a case went wrong. */
export async function benchKernel(
  { kernel, returns, only, json }: BenchKernelOptions,
  io: CommandIo,
): Promise<number> {
  const levels = levelsOf(only);
  const series = kernel === true ? DEFAULT_SERIES : kernel;
  const log = (line: string): void => io.err(`${line}\n`);
  const image = findGuestImage(series) ?? (await makeGuestImage(series, { log }));
  const { config } = configFromObject(RETURN_CONFIG);
  const cover = await buildPlugin('cover');
  const all: ReturnFigures[] = [];
  for (const level of levels) {
    const portable: BuiltPlugin = { why: 'portable' };
    const moment = level === 'portable' ? portable : await buildPlugin('moment');
    if (level !== 'portable' && moment.path === undefined) {
      log(`in place: not measured: ${moment.why}`);
      continue;
    }
    const options = { config, guest: 'Linux', image, moment, cover, signal: io.signal };
    const figures = await measureReturns(options, returns);
    all.push(figures);
    if (!json) io.out(lineOf(figures));
  }
  if (json) io.out(`${JSON.stringify(all)}\n`);
  return all.some(({ wrong }) => wrong > 0) ? EXIT_MISMATCH : EXIT_OK;
}
