// SPDX-License-Identifier: Apache-2.0
// What does the check of one APQN against a guest's APM and AQM cost, with masks in cache and out of it?
import { MASK_WORDS } from '../../native-like/machine/layout.ts';
import { type Finding, pairedFinding, type Question, type QuestionContext } from '../findings.ts';
import { loadDriver } from '../machine/driver-binding.ts';
import { attachReference, buildMachine } from '../machine/machine.ts';
import { createRandom } from '../machine/random.ts';
import { measureRounds } from '../measure/rounds.ts';

const GUESTS = [1, 64, 4096, 65536];
const CHECKS = 16384;
/** With all guests there are no more checks in a call than guests, so that masks come from memory. */
const CHECKS_COLD = 65536;

/** Masks with three of four bits on. */
const fillMasks = (i32: Int32Array, masks: number, guests: number): void => {
  const random = createRandom(guests);
  const word = (): number => random.below(0x100000000) | 0;
  for (let n = 0; n < guests * MASK_WORDS; n++) i32[masks + n] = word() | word();
};

/** Guest number (from 0) and APQN, 16 bits each. */
const questions = (guests: number, count: number): Int32Array => {
  const random = createRandom(count);
  return Int32Array.from(
    { length: count },
    () => (random.below(guests) << 16) | random.below(0x10000),
  );
};

const measure = async (variant: string, context: QuestionContext): Promise<Finding[]> => {
  const [form, text] = variant.split('-') as [string, string];
  const guests = Number(text);
  const machine = await buildMachine({ guests, storageBytes: 0, messageBytes: 0x10000 });
  const masks = machine.image.masks(1);
  fillMasks(machine.image.i32, masks, guests);
  const count = guests > 4096 ? CHECKS_COLD : CHECKS;
  const table = questions(guests, count);
  const driver = await loadDriver({ ...machine, table });
  const reference = await attachReference(context.reference, machine.image);
  const chained = form === 'chained';
  const js = (): number => (chained ? driver.checksChained(count) : driver.checks(count));
  const base = (): number =>
    chained ? reference.checksChained(table, count) : reference.checks(table, count);
  if (js() !== base()) throw new Error('kernel and reference disagree');
  const times = measureRounds(
    [
      { name: 'kernel', operations: count, run: js },
      { name: 'reference', operations: count, run: base },
    ],
    context.pace,
  );
  return [pairedFinding(`check-${variant}`, times, 'kernel', 'reference')];
};

export const check: Question = {
  name: 'check',
  variants: [...GUESTS.map((guests) => `random-${guests}`), 'chained-1', 'chained-65536'],
  measure,
};
