// SPDX-License-Identifier: Apache-2.0
// Measures returns of a kernel under test to its moment, in both ways, and the cases between them.
// Source: docs/reference/fuzzing.md section 3 (figures of a prototype).
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { judge } from '../oracle/oracles.ts';
import type { MomentLevel } from '../qemu/moment/moment.ts';
import { parseScenarioLines } from '../scenario/text.ts';
import { KernelTarget, type KernelTargetOptions } from './kernel-target.ts';

/** Milliseconds, except for the cases a second. */
export interface ReturnFigures {
  readonly level: MomentLevel;
  readonly bootMs: number;
  readonly returns: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly casesPerSecond: number;
  /** Resident storage in MiB, of QEMU and of this process: after the first tenth of the run, and at the end. */
  readonly qemuMib: readonly [number, number];
  readonly ownMib: readonly [number, number];
  /** Number of processes that wanted a processor, as an average over the last minute. */
  readonly load: number;
  /** Number of cases that broke a rule (such as: each request ends with the right result). It should be 0. */
  readonly wrong: number;
}

/** A case: one request of a user, followed by one to each queue. */
const CASE = 'user: request\n';

const residentMib = (pid: number): number => {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
};

/** Boots one kernel and takes it back `returns` times, with a case each time. */
export const measureReturns = async (
  options: KernelTargetOptions,
  returns: number,
): Promise<ReturnFigures> => {
  const began = performance.now();
  const target = await KernelTarget.create(options);
  try {
    const bootMs = performance.now() - began;
    const times: number[] = [];
    const events = parseScenarioLines(CASE);
    let wrong = 0;
    const memory = (): [number, number] => [
      residentMib(target.guest.pid),
      residentMib(process.pid),
    ];
    let first = memory();
    const start = performance.now();
    for (let n = 0; n < returns && options.signal?.aborted !== true; n++) {
      const from = performance.now();
      await target.reset();
      times.push(performance.now() - from);
      if (judge(await target.run(events)) !== undefined) wrong++;
      if (n === Math.floor(returns / 10)) first = memory();
    }
    const seconds = (performance.now() - start) / 1000;
    const last = memory();
    const sorted = times.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
    return {
      level: target.guest.level,
      bootMs,
      returns: times.length,
      medianMs: at(0.5),
      p95Ms: at(0.95),
      casesPerSecond: times.length / seconds,
      qemuMib: [first[0], last[0]],
      ownMib: [first[1], last[1]],
      load: loadavg()[0],
      wrong,
    };
  } finally {
    await target.close();
  }
};
