// SPDX-License-Identifier: Apache-2.0
// Does an instruction allocate? Heap growth and garbage collections over millions of instructions after the warm-up.
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Finding, Question, QuestionContext } from '../findings.ts';
import { loadDriver } from '../machine/driver-binding.ts';
import { buildMachine } from '../machine/machine.ts';
import { instructionTable } from '../machine/tables.ts';
import { buildMixedMachine, mixedRows } from './mixed.ts';
import { BATCH, loadTapqLoop } from './tapq.ts';

const INSTRUCTIONS = 20_000_000;
const INSTRUCTIONS_SMOKE = 200_000;
const MESSAGE_BYTES = 256;
const STREAM_ROWS = 4096;

/** A call and how many instructions it does. */
interface Work {
  readonly instructions: number;
  readonly run: () => number;
}

const loopWork = async (): Promise<Work> => {
  const machine = await buildMachine({ storageBytes: 0x1000 });
  loadTapqLoop(machine, BATCH);
  const turns = 32;
  const table = new Int32Array(turns).fill(machine.vcpus[0]);
  const driver = await loadDriver({ ...machine, table });
  return { instructions: turns * BATCH, run: () => driver.runAll(turns, BATCH) };
};

const mixedWork = async (): Promise<Work> => {
  const machine = await buildMixedMachine();
  const rows = mixedRows(machine, MESSAGE_BYTES, STREAM_ROWS);
  const driver = await loadDriver({ ...machine, table: instructionTable(rows) });
  return { instructions: rows.length, run: () => driver.drive(rows.length) };
};

/** Bytes of heap an instruction leaves behind, and collections while `calls` calls run. */
const observe = async (work: Work, calls: number): Promise<{ bytes: number; gcs: number }> => {
  let gcs = 0;
  const observer = new PerformanceObserver((list) => {
    gcs += list.getEntries().length;
  });
  globalThis.gc?.();
  await turn();
  observer.observe({ entryTypes: ['gc'] });
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < calls; n++) work.run();
  const bytes = process.memoryUsage().heapUsed - before;
  await turn();
  await turn();
  observer.disconnect();
  return { bytes, gcs };
};

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  const work = variant === 'loop' ? await loopWork() : await mixedWork();
  const total = context.smoke ? INSTRUCTIONS_SMOKE : INSTRUCTIONS;
  const calls = Math.ceil(total / work.instructions);
  for (let n = 0; n < calls / 4; n++) work.run();
  // What reading the counters itself leaves on the heap.
  const idle = await observe({ instructions: 0, run: () => 0 }, 1);
  const busy = await observe(work, calls);
  const value = Math.max(0, busy.bytes - idle.bytes) / (calls * work.instructions);
  const detail = { collections: busy.gcs, heapBytes: busy.bytes - idle.bytes };
  return [{ row: `allocation-${variant}`, value, spread: [value, value], detail }];
};

export const allocation: Question = { name: 'allocation', variants: ['loop', 'mixed'], measure };
