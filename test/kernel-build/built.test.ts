// SPDX-License-Identifier: Apache-2.0
// The built kernel: its source map leads back to native-like, and APEMU_KERNEL chooses which build runs.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const dist = (name: string): string => readFileSync(join(ROOT, 'dist', name), 'utf8');

/** Line and column of a text. */
const placeOf = (text: string, found: string): { line: number; column: number } => {
  const before = text.slice(0, text.indexOf(found)).split('\n');
  return { line: before.length, column: (before.at(-1) as string).length };
};

it.each([
  ['kernel.js', 'const slotFor = ', 'native-like/exec/nqap.ts', 'const slotFor = '],
  ['kernel.js', 'accept$requests = ', 'native-like/exec/nqap.ts', 'const requests = '],
  ['kernel.js', 'complete$psw', 'native-like/exec/ending.ts', 'const psw = '],
  ['kernel.plain.js', 'const dequeue = ', 'native-like/exec/dqap.ts', 'const dequeue = '],
])('%s: the map leads from "%s" to %s', (name, made, file, written) => {
  const map = new TraceMap(dist(`${name}.map`));
  const original = originalPositionFor(map, placeOf(dist(name), made));
  expect(original.source).toBe(`../${file}`);
  const lines = readFileSync(join(ROOT, file), 'utf8').split('\n');
  expect(lines[(original.line as number) - 1]).toContain(written);
});

/** Runs a process with APEMU_KERNEL set that prints which kernel it loads. */
const loaded = (variant: string): { status: number | null; output: string } => {
  const module = join(ROOT, 'dist/src/lpar/kernel.js');
  const code = `import('${module}').then((m) => console.log(m.kernelFile()))`;
  const env = { ...process.env, APEMU_KERNEL: variant };
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', code], {
    cwd: ROOT,
    env,
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
};

it.each([
  ['', 'dist/kernel.js'],
  ['plain', 'dist/kernel.plain.js'],
])('APEMU_KERNEL=%s runs %s', (variant, file) => {
  const { status, output } = loaded(variant);
  expect([status, output.trim()]).toEqual([0, join(ROOT, file)]);
});

it('APEMU_KERNEL with another value is refused', () => {
  const { status, output } = loaded('fast');
  expect(status).toBe(1);
  expect(output).toContain('APEMU_KERNEL is "fast" (expected "plain", or nothing)');
});

it('the plain kernel runs a program of the command line', () => {
  const env = { ...process.env, APEMU_KERNEL: 'plain' };
  const program = 'examples/program-exceptions.ap';
  const run = (options: object): string =>
    execFileSync(process.execPath, ['dist/src/cli/main.js', 'exec', program], {
      cwd: ROOT,
      encoding: 'utf8',
      ...options,
    });
  expect(run({ env })).toBe(run({}));
});
