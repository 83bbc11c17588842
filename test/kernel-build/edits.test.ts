// SPDX-License-Identifier: Apache-2.0
// The kernel's build on edited copies of the sources: a right kernel, or a refusal that names function, file, line and what to write.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { createBench, kernelFactory } from '../exec/kernel-under-test.ts';
import { lockstep } from '../model/lockstep.ts';
import { modelFactory } from '../model/under-test.ts';
import { MESSAGES } from '../vectors/messages.ts';
import { runVector } from '../vectors/run.ts';
import { type Edit, REFUSED, RIGHT } from './edits.ts';
import { buildKernel } from './kernel-build.ts';

const ROOT = join(import.meta.dirname, '../..');
const SEEDS = 4;
const OPERATIONS = 300;

const folder = mkdtempSync(join(tmpdir(), 'apemu-edits-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A copy of what the kernel is built from. Results go to its folder dist: test runners load such files as they are. */
const copy = (name: string): string => {
  const root = join(folder, name);
  cpSync(join(ROOT, 'native-like'), join(root, 'native-like'), { recursive: true });
  for (const config of ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.kernel.json'])
    cpSync(join(ROOT, config), join(root, config));
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  return root;
};

/** The text with one function changed, and the line in it that a refusal names. */
const edited = (text: string, { at, find, put, line }: Edit): { text: string; line: number } => {
  const start = at === undefined ? 0 : text.search(new RegExp(`^(export )?const ${at} = `, 'm'));
  const end = at === undefined ? text.length : text.indexOf('\n};', start);
  const before = text.slice(start, end);
  const after = before.replaceAll(find, put);
  if (start < 0 || after === before) throw new Error(`there is no ${find} in ${at}`);
  const changed = text.slice(0, start) + after + text.slice(end);
  const place = line === undefined ? 0 : changed.indexOf(line, start);
  return { text: changed, line: changed.slice(0, place).split('\n').length };
};

/** Applies an edit to a copy. Returns the line of the last file that a refusal names. */
const applyEdit = (root: string, edit: Edit): number => {
  let line = 0;
  for (const name of edit.files) {
    const file = join(root, 'native-like/exec', name);
    const result = edited(readFileSync(file, 'utf8'), edit);
    writeFileSync(file, result.text);
    line = result.line;
  }
  return line;
};

/** What a kernel does differently from the model: streams, and vectors of messages. */
const differences = async (file: string): Promise<string[]> => {
  const bench = await createBench(file);
  const found: string[] = [];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const subject = kernelFactory(bench);
    const run = { seed, operations: OPERATIONS, reference: modelFactory(), subject };
    if (lockstep(run) !== undefined) found.push(`stream ${seed}`);
  }
  return [...found, ...MESSAGES.flatMap((one) => runVector(kernelFactory(bench), one))];
};

it.each(RIGHT.map((edit, n) => [edit.name, n, edit] as const))(
  'builds a right kernel with %s',
  async (_name, n, edit) => {
    const root = copy(`right-${n}`);
    applyEdit(root, edit);
    await buildKernel(root, join(root, 'dist'));
    expect(await differences(join(root, 'dist/kernel.js'))).toEqual([]);
  },
);

it.each(REFUSED.map((edit, n) => [edit.name, n, edit] as const))(
  'refuses %s',
  async (_name, n, edit) => {
    const root = copy(`refused-${n}`);
    const line = applyEdit(root, edit);
    const message = edit.refusal?.replace('LINE', String(line));
    await expect(buildKernel(root, join(root, 'dist'))).rejects.toThrow(message);
  },
);
