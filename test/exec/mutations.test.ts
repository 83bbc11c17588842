// SPDX-License-Identifier: Apache-2.0
// The tests are sensitive: lockstep streams, vectors or lowcore cases notice every defect planted in the built kernel.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { lockstep } from '../model/lockstep.ts';
import { modelFactory } from '../model/under-test.ts';
import { VECTORS } from '../vectors/index.ts';
import { runVector } from '../vectors/run.ts';
import { addressAfter, addressPast, COMPLETION_CASES } from './completion.ts';
import { type Bench, createBench, kernelFactory } from './kernel-under-test.ts';
import { LOWCORE_CASES, runLowcoreCase } from './lowcore.ts';
import { MORE_VECTORS } from './more-vectors.ts';
import { plainKernel, plant, readMutations, writeKernel } from './mutations.ts';

/** What these do, streams and vectors do not look at. */
const LOWCORE_FUNCTIONS = [
  'storeProgramOld',
  'carryOld',
  'interruptWithLength',
  'operationException',
];

/** What these do, only the place of the instruction address shows. */
const COMPLETION_FUNCTIONS = ['advance', 'advanceSlow'];

/** Most defects show in the first streams, the rest in vectors or in later streams. */
const FIRST_STREAMS = 6;
const MAX_STREAMS = 500;
const OPERATIONS = 300;

const mutations = readMutations();
const vectors = [...MORE_VECTORS, ...VECTORS.flatMap((subject) => subject.vectors)];
/** The kernel before the build rewrites index sums. */
const source = plainKernel();
const folder = mkdtempSync(join(tmpdir(), 'apemu-mutations-'));
const { image } = await createBench();

afterAll(() => rmSync(folder, { recursive: true }));

const streamNotices = (bench: Bench, seed: number): boolean => {
  const subject = kernelFactory(bench);
  const reference = modelFactory();
  return (
    lockstep({ seed, operations: OPERATIONS, reference, subject, keepLong: true }) !== undefined
  );
};

const completionNotices = (bench: Bench): boolean =>
  COMPLETION_CASES.some((one) => addressAfter(bench, one) !== addressPast(one));

/** What notices the defect; a thrown error counts, machines never throw on instructions. */
const noticedBy = (bench: Bench, at: string): string | undefined => {
  const lowcoreNotices = () =>
    LOWCORE_CASES.some((lowcore) => runLowcoreCase(bench, lowcore).length > 0);
  try {
    if (COMPLETION_FUNCTIONS.includes(at) && completionNotices(bench)) return 'completion';
    if (LOWCORE_FUNCTIONS.includes(at)) return lowcoreNotices() ? 'lowcore' : undefined;
    for (let seed = 1; seed <= FIRST_STREAMS; seed++)
      if (streamNotices(bench, seed)) return 'stream';
    if (vectors.some((vector) => runVector(kernelFactory(bench), vector).length > 0))
      return 'vector';
    for (let seed = FIRST_STREAMS + 1; seed <= MAX_STREAMS; seed++)
      if (streamNotices(bench, seed)) return 'stream';
  } catch {
    return 'error';
  }
  return undefined;
};

it('has at least one planted defect for each check and rule, and no two alike', () => {
  expect(mutations.length).toBeGreaterThan(200);
  expect(new Set(mutations.map((m) => m.at + m.find + m.put)).size).toBe(mutations.length);
});

it('has tests that do not notice a kernel without a defect', async () => {
  const file = writeKernel(folder, 'unchanged', source);
  const bench = await createBench(file, image);
  for (let seed = 1; seed <= FIRST_STREAMS; seed++) expect(streamNotices(bench, seed)).toBe(false);
});

it.each(mutations.map((m, n) => [`${m.breaks} (${m.rule}, ${m.at})`, n, m] as const))(
  'notices a kernel that is wrong: %s',
  async (_name, n, mutation) => {
    const file = writeKernel(folder, `kernel-${n}`, plant(source, mutation));
    expect(noticedBy(await createBench(file, image), mutation.at), 'not noticed').toBeDefined();
  },
);
