// SPDX-License-Identifier: Apache-2.0
// Isolation over generated streams, read from the machine image and not from what instructions answer: no instruction touches
// a queue outside APM x AQM, nothing reaches another guest's storage, messages are kept account of, reserved bits stay zero.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type Action, HOST, TIME } from '../../src/self-check/action.ts';
import type { Violation } from '../../src/self-check/rules.ts';
import { checkMasks, checkQueues } from '../../src/self-check/state-rules.ts';
import { Watch } from '../../src/self-check/watch.ts';
import { Generator } from '../model/generate.ts';
import { apply, type Operation } from '../vectors/operations.ts';
import type { MachineUnderTest, Outcome } from '../vectors/under-test.ts';
import { type Bench, createBench, kernelFactory } from './kernel-under-test.ts';
import { plainKernel, plant, readMutations, writeKernel } from './mutations.ts';

const STREAMS = 600;
const OPERATIONS = 500;

const bench = await createBench();
const { image } = bench;

const actionOf = (operation: Operation): Action => {
  if (operation.op === 'advance') return TIME;
  if (operation.op === 'write') return { ...HOST, kind: 'guest', guest: operation.guest };
  if (operation.op !== 'instruction') return HOST;
  const { guest, vcpu, word } = operation;
  return { kind: 'instruction', guest, vcpu: image.vcpu(guest, vcpu), word };
};

/** Applies an operation in two steps, so that loading registers is not part of what is watched. */
const watched = (
  watch: Watch,
  machine: MachineUnderTest,
  operation: Operation,
): [Violation | undefined, Outcome | undefined] => {
  const action = actionOf(operation);
  if (operation.op === 'instruction')
    for (const [n, value] of operation.gr)
      machine.setRegister(operation.guest, operation.vcpu, n, value);
  watch.begin(action);
  const outcome = apply(machine, operation);
  // What is intercepted has not been executed yet.
  if (outcome?.kind === 'intercept') return [watch.end(HOST), outcome];
  const program = outcome?.kind === 'program' ? outcome.code : 0;
  const cc = outcome?.kind === 'completed' ? outcome.cc : 0;
  return [watch.end(action, { program, cc }), outcome];
};

const totals = { accepted: 0, answered: 0, flushed: 0, lost: 0 };

/** One generated stream; the first violation with the operation it came from. */
const runStream = (seed: number, tested: Bench = bench): string | undefined => {
  const generator = new Generator(seed);
  const machine = kernelFactory(tested).create(generator.preset);
  // Generated masks overlap, so guests share queues.
  const watch = new Watch(image, false);
  for (let at = 0; at < OPERATIONS; at++) {
    const operation = generator.next();
    const [found, outcome] = watched(watch, machine, operation);
    const state = found ?? checkQueues(image);
    const masks = state ?? (operation.op === 'masks' ? checkMasks(image) : undefined);
    if (masks !== undefined)
      return `seed ${seed}, operation ${at} (${operation.op}): ${masks.rule}: ${masks.message}`;
    generator.ended(operation, outcome);
  }
  const { accepted, answered, flushed, lost } = watch.ledger.balance;
  if (accepted !== answered + flushed + lost + watch.ledger.open) return `seed ${seed}: balance`;
  for (const way of ['accepted', 'answered', 'flushed', 'lost'] as const)
    totals[way] += watch.ledger.balance[way];
  return undefined;
};

it(`holds on ${STREAMS} generated machines, ${OPERATIONS} operations each`, () => {
  for (let seed = 1; seed <= STREAMS; seed++) expect(runStream(seed)).toBeUndefined();
  // The streams did what the rules are about.
  expect(totals.answered).toBeGreaterThan(1000);
  expect(totals.flushed).toBeGreaterThan(1000);
});

/** Planted defects of the kernel that break isolation, and how far one has to look. */
const BREACHES = [
  'ignores the APM',
  'ignores the AQM',
  'NQAP ignores the masks',
  'DQAP ignores the masks',
  "the masks of the host instead of the guest's off the fast path",
  'no addressing exception',
  'keeps bits 0-31 of GR1',
  'flags with every response code',
  'reserved bytes are not zero',
  'replies survive a reset',
  'requests in service survive a reset',
  'a delivered reply stays',
  'NQAP takes one more message than fits',
];
const MAX_STREAMS = 100;

const folder = mkdtempSync(join(tmpdir(), 'apemu-isolation-'));
afterAll(() => rmSync(folder, { recursive: true }));

const notices = (tested: Bench): boolean => {
  try {
    for (let seed = 1; seed <= MAX_STREAMS; seed++)
      if (runStream(seed, tested) !== undefined) return true;
  } catch {
    return true;
  }
  return false;
};

it.each(BREACHES)(
  'is noticed to be broken by a kernel with a planted defect: %s',
  async (breaks) => {
    const mutations = readMutations().filter((candidate) => candidate.breaks === breaks);
    expect(mutations).toHaveLength(1);
    const text = plant(plainKernel(), mutations[0]);
    const file = writeKernel(folder, breaks.replace(/\W/g, '-'), text);
    expect(notices(await createBench(file, image))).toBe(true);
  },
);
