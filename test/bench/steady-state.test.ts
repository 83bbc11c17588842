// SPDX-License-Identifier: Apache-2.0
// What speed rests on and noise cannot hide: no deoptimisation of the kernel, handlers small enough to be inlined, constants
// that stay constants. Source: docs/reference/performance.md sections 4 and 8 item 8.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { buildReference } from '../../bench/reference/build.ts';
import { kernelFile } from '../../src/lpar/kernel.ts';

const CHILD = fileURLToPath(new URL('../../dist/bench/child.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'apemu-steady-'));
// The frozen kernel's functions have the same names as the kernel's, hence C where there is a compiler.
const reference = buildReference(folder);
const kernelText = readFileSync(kernelFile(), 'utf8');
const kernelFunctions = [...kernelText.matchAll(/^const (\w+) = \([\w, ]*\) =>/gm)].map(
  ([, name]) => name as string,
);

afterAll(() => rmSync(folder, { recursive: true }));

const runChild = (flags: readonly string[], question: string, variant: string): string => {
  const pace = { rounds: 10, sliceMs: 3, warmupMs: 300 };
  const task = JSON.stringify({ question, variant, reference, pace, smoke: true });
  const args = [...flags, '--expose-gc', CHILD, task];
  return execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
};

const LOOPS: readonly (readonly [string, string])[] = [
  ['tapq', 'loop-64'],
  ['messages', '64'],
  ['messages', '12K'],
  ['refused', 'refused-nqap'],
  ['mixed', '64'],
];

describe('the kernel in steady state', () => {
  it.skipIf(reference.kind !== 'c').each(LOOPS)(
    'is not deoptimised by %s %s',
    (question, variant) => {
      const output = runChild(['--trace-deopt'], question, variant);
      expect(output).toContain('"ratio"');
      const names = [...output.matchAll(/bailout .*?JSFunction (\w+) /g)].map(([, name]) => name);
      expect(names.filter((name) => kernelFunctions.includes(name as string))).toEqual([]);
    },
  );

  /** TurboFan's limit for inlining, in Node 20 to 26 (performance.md section 1 item 5). */
  const INLINED_MAX_BYTES = 460;

  it.each([
    ['showQueue', 'tapq', 'loop-1'],
    ['authorized', 'mixed', '64'],
    ['execute', 'mixed', '64'],
    ['tapqOperational', 'mixed', '64'],
    ['tapqUnavailable', 'mixed', '64'],
    ['advance', 'mixed', '64'],
    ['completeStatus', 'mixed', '64'],
    ['copyBytes', 'mixed', '64'],
    ['accept', 'mixed', '64'],
    ['remove', 'mixed', '64'],
    ['isPlainlyRefused', 'refused', 'refused-nqap'],
  ])('has bytecode of %s below the limit for inlining', (name, question, variant) => {
    const flags = ['--print-bytecode', `--print-bytecode-filter=${name}`];
    const output = runChild(flags, question, variant);
    // Others may have the same name: the kernel's takes halves of words, none is longer by chance.
    const lengths = [...output.matchAll(/^Bytecode length: (\d+)$/gm)].map(([, n]) => Number(n));
    expect(lengths.length).toBeGreaterThan(0);
    expect(Math.max(...lengths)).toBeLessThan(INLINED_MAX_BYTES);
  });
});

describe('the built kernel', () => {
  it('declares nothing with var or let at its top level', () => {
    expect(kernelText).not.toMatch(/^(var|let) /m);
  });

  it('exports one name only: exported functions would be loaded from module cells at each call', () => {
    expect(kernelText.match(/^export .*$/gm)).toEqual(['export { kernel };']);
  });

  it('makes no sum in an index that could overflow', () => {
    const indices = [...kernelText.matchAll(/\b(?:I32|U8|F64|U64)\[([^\]]*)/g)].map(
      ([, one]) => one,
    );
    expect(indices.length).toBeGreaterThan(300);
    // A shift makes 32 bits of its sum as `| 0` does; sums of constants are folded.
    const isPlainSum = (one = ''): boolean =>
      one.includes(' + ') && /[a-z]/.test(one) && !/\||>>/.test(one);
    expect(indices.filter(isPlainSum)).toEqual([]);
  });
});
