// SPDX-License-Identifier: Apache-2.0
// The instruction path allocates nothing: ten million instructions on the built kernel, in a process of their own.
// Source: docs/reference/performance.md section 4; docs/design.md section 3.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const INSTRUCTIONS = 2_500_000;
/** What the engine itself keeps after a change of workload (compiled code, feedback), however long it runs: up to 180 KB. */
const ENGINE_BYTES = 0x80000;
/** The smallest object there is. */
const OBJECT_BYTES = 12;

interface Measured {
  readonly name: string;
  readonly grownBytes: number;
  readonly collections: number;
  /** Whether the last instruction ended as it must. */
  readonly ended: boolean;
}

const child = fileURLToPath(new URL('heap-child.mjs', import.meta.url));
const output = execFileSync(process.execPath, ['--expose-gc', child, String(INSTRUCTIONS)]);
const measured = JSON.parse(output.toString()) as Measured[];
const control = measured.pop();

it('measures: a loop that allocates an object a turn collects garbage', () => {
  expect(control?.name).toBe('a loop that allocates');
  expect(control?.collections).toBeGreaterThan(0);
});

it('runs ten million instructions', () => {
  expect(measured).toHaveLength(4);
  expect(measured.length * INSTRUCTIONS).toBe(10_000_000);
  expect(ENGINE_BYTES).toBeLessThan(INSTRUCTIONS * OBJECT_BYTES);
});

it.each(measured)('does not grow the heap nor collect garbage: $name', (workload) => {
  expect(workload.ended).toBe(true);
  expect(workload.collections).toBe(0);
  expect(workload.grownBytes).toBeLessThan(ENGINE_BYTES);
});
