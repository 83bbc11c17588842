// SPDX-License-Identifier: Apache-2.0
// What does a whole TAPQ cost: in a run loop over guest storage, and one at a time on vCPUs chosen at random?

import { V_GR, V_STORAGE_BYTE } from '../../native-like/machine/layout.ts';
import { type Finding, pairedFinding, type Question, type QuestionContext } from '../findings.ts';
import { loadDriver } from '../machine/driver-binding.ts';
import { attachReference, type BenchMachine, buildMachine } from '../machine/machine.ts';
import { createRandom } from '../machine/random.ts';
import { PQAP_WORD } from '../machine/tables.ts';
import { measureRounds } from '../measure/rounds.ts';
import { agree, measureExecuted } from './driven.ts';

/**
 * Instructions a vCPU runs before the next one's turn, a page of them. It may be long: the event word is looked at before each
 * instruction, so that a batch ends as soon as somebody wants the vCPU out.
 */
export const BATCH = 1024;
const INSTRUCTIONS = 8192;
const CALLS = 4096;
const CALLS_COLD = 65536;

/** Fills each guest's storage with PQAP words, and GR0 of each vCPU with APQN 00.0000. */
export const loadTapqLoop = (machine: BenchMachine, batch: number): void => {
  const { image, vcpus } = machine;
  for (const vcpu of vcpus) {
    const storage = image.word(vcpu + V_STORAGE_BYTE);
    const view = new DataView(image.memory.buffer, storage);
    for (let at = 0; at < batch; at++) view.setInt32(4 * at, PQAP_WORD);
    image.i32[vcpu + V_GR + 1] = 0;
  }
};

const measureLoop = async (guests: number, context: QuestionContext): Promise<Finding> => {
  const machine = await buildMachine({ guests, storageBytes: 0x1000 });
  loadTapqLoop(machine, BATCH);
  const turns = Math.max(guests, INSTRUCTIONS / BATCH);
  const table = Int32Array.from({ length: turns }, (_, n) => machine.vcpus[n % guests]);
  const driver = await loadDriver({ ...machine, table });
  const reference = await attachReference(context.reference, machine.image);
  agree(driver.runAll(turns, BATCH), reference.runAll(table, turns, BATCH), turns);
  const operations = turns * BATCH;
  const times = measureRounds(
    [
      { name: 'kernel', operations, run: () => driver.runAll(turns, BATCH) },
      { name: 'reference', operations, run: () => reference.runAll(table, turns, BATCH) },
    ],
    context.pace,
  );
  return pairedFinding(`tapq-loop-${guests}`, times, 'kernel', 'reference');
};

/** Queues as there are guests, up to all 65,536; each vCPU names one of them. */
const measureCalls = async (guests: number, context: QuestionContext): Promise<Finding> => {
  const side = Math.min(256, Math.ceil(Math.sqrt(guests)));
  const shape = { guests, adapters: side, domains: side, storageBytes: 0, messageBytes: 0x10000 };
  const machine = await buildMachine(shape);
  const random = createRandom(guests);
  for (const vcpu of machine.vcpus)
    machine.image.i32[vcpu + V_GR + 1] = (random.below(side) << 8) | random.below(side);
  const calls = guests > 4096 ? CALLS_COLD : CALLS;
  const vcpus = Array.from({ length: calls }, () => machine.vcpus[random.below(guests)]);
  return measureExecuted(`tapq-call-${guests}`, machine, vcpus, PQAP_WORD, context);
};

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  const [form, guests] = variant.split('-') as [string, string];
  const one = form === 'loop' ? measureLoop : measureCalls;
  return [await one(Number(guests), context)];
};

export const tapq: Question = {
  name: 'tapq',
  variants: ['loop-1', 'loop-64', 'call-1', 'call-64', 'call-4096', 'call-65536'],
  measure,
};
