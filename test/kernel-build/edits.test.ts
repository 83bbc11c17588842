// SPDX-License-Identifier: Apache-2.0
// The kernel's build on edited copies of the sources: a right kernel, or a refusal that names function, file, line and what to write.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { createBench, kernelFactory } from '../exec/kernel-under-test.ts';
import { lockstep } from '../model/lockstep.ts';
import { modelFactory } from '../model/under-test.ts';
import { MESSAGES } from '../vectors/messages.ts';
import { runVector } from '../vectors/run.ts';
import { REFUSED, RIGHT } from './edits.ts';
import { buildKernel } from './kernel-build.ts';
import { applyEdit, copySources } from './source-copy.ts';

const SEEDS = 4;
const OPERATIONS = 300;

const folder = mkdtempSync(join(tmpdir(), 'apemu-edits-'));
afterAll(() => rmSync(folder, { recursive: true }));

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
    const root = copySources(join(folder, `right-${n}`));
    applyEdit(root, edit);
    await buildKernel(root, join(root, 'dist'));
    expect(await differences(join(root, 'dist/kernel.js'))).toEqual([]);
  },
);

it.each(REFUSED.map((edit, n) => [edit.name, n, edit] as const))(
  'refuses %s',
  async (_name, n, edit) => {
    const root = copySources(join(folder, `refused-${n}`));
    const line = applyEdit(root, edit);
    const message = edit.refusal?.replace('LINE', String(line));
    await expect(buildKernel(root, join(root, 'dist'))).rejects.toThrow(message);
  },
);
