// SPDX-License-Identifier: Apache-2.0
// The run loop, which has a TAPQ of its own for speed, leaves the machine as instruction by instruction execution does.
import { beforeEach, describe, expect, it } from 'vitest';
import { buildMachine, loadRegisters, primeQueues } from '../../bench/machine/machine.ts';
import { createRandom } from '../../bench/machine/random.ts';
import { DQAP_WORD, dqap, NQAP_WORD, nqap, PQAP_WORD, tapq } from '../../bench/machine/tables.ts';
import { PSW_BA, PSW_CC, PSW_EA, PSW_PROBLEM } from '../../native-like/arch/psw.ts';
import {
  ATTENTION_CHECKSTOPPED,
  MASK_WORDS,
  Q_ATTENTION,
  V_EVENT,
  V_GR,
  V_PSW_ADDRESS_HIGH,
  V_PSW_ADDRESS_LOW,
  V_PSW_MASK_HIGH,
  V_PSW_MASK_LOW,
  V_STORAGE_BYTE,
} from '../../native-like/machine/layout.ts';
import {
  EXECUTE_COMPLETED,
  EXECUTE_EVENT,
  EXECUTE_OTHER,
  EXECUTE_PROGRAM,
} from '../../native-like/machine/outcome.ts';

const STORAGE_BYTES = 0x10000;
const machine = await buildMachine({
  storageBytes: STORAGE_BYTES,
  depth: 4,
  messageBytes: 0x40000,
});
const { image, kernel } = machine;
const { i32 } = image;
const vcpu = machine.vcpus[0];
primeQueues(machine, vcpu, [0]);
i32[vcpu + V_GR + 1] = 0;
const clean = image.u8.slice();

beforeEach(() => image.u8.set(clean));

/** Puts instruction words into guest storage. */
const load = (words: readonly number[], address = 0): void => {
  const view = new DataView(image.memory.buffer, image.word(vcpu + V_STORAGE_BYTE));
  words.forEach((word, n) => {
    view.setInt32(address + 4 * n, word);
  });
  i32[vcpu + V_PSW_ADDRESS_LOW] = address;
};

const times = (count: number, word: number): number[] => new Array<number>(count).fill(word);

/** Runs the loop, then the same from the same state word by word. Both must leave the same image. */
const expectSame = (words: readonly number[]): void => {
  const start = image.u8.slice();
  const ended = kernel.run(vcpu, words.length);
  const wanted = image.u8.slice();
  image.u8.set(start);
  let single = EXECUTE_COMPLETED;
  for (const word of words) {
    single = kernel.execute(vcpu, word);
    if (single !== EXECUTE_COMPLETED) break;
  }
  expect(ended).toBe(single);
  expect(Buffer.compare(image.u8, wanted)).toBe(0);
};

/** States of the machine in which a TAPQ is not the ordinary one, or is one with something to lose. */
const STATES: readonly (readonly [string, () => void])[] = [
  ['an operational queue', () => undefined],
  ['T = 1', () => (i32[vcpu + V_GR + 1] = 0x00800000)],
  ['condition code 3 before', () => (i32[vcpu + V_PSW_MASK_HIGH] |= PSW_CC)],
  ['an APQN without a queue', () => (i32[vcpu + V_GR + 1] = 0x1234)],
  ['empty masks', () => i32.fill(0, image.masks(1), image.masks(1) + MASK_WORDS)],
  ['a checkstopped queue', () => (i32[image.queue(0) + Q_ATTENTION] = ATTENTION_CHECKSTOPPED)],
  ['problem state', () => (i32[vcpu + V_PSW_MASK_HIGH] |= PSW_PROBLEM)],
  ['reserved bits of GR0', () => (i32[vcpu + V_GR + 1] = 0x00010000)],
  ['an unknown function code', () => (i32[vcpu + V_GR + 1] = 0x77000000)],
  ['31-bit mode', () => (i32[vcpu + V_PSW_MASK_HIGH] &= ~PSW_EA)],
  [
    '24-bit mode',
    () => {
      i32[vcpu + V_PSW_MASK_HIGH] &= ~PSW_EA;
      i32[vcpu + V_PSW_MASK_LOW] &= ~PSW_BA;
    },
  ],
];

describe('the run loop', () => {
  it.each(STATES)('executes PQAP as execute does with %s', (_name, prepare) => {
    load(times(5, PQAP_WORD));
    prepare();
    expectSame(times(5, PQAP_WORD));
  });

  it('executes any mix of instructions as execute does (seeds 1 to 200)', () => {
    for (let seed = 1; seed <= 200; seed++) {
      image.u8.set(clean);
      const { below } = createRandom(seed);
      const words = Array.from({ length: 40 }, () => [PQAP_WORD, NQAP_WORD, DQAP_WORD][below(3)]);
      load(words, 0x400);
      const rows = [tapq(vcpu, 0), nqap(vcpu, 0, 0x1000, 64, seed), dqap(vcpu, 0, 0x2000, 64)];
      loadRegisters(image, rows[below(3)]);
      expectSame(words);
    }
  });

  it('stops behind the given number of instructions', () => {
    load(times(8, PQAP_WORD));
    expect(kernel.run(vcpu, 3)).toBe(EXECUTE_COMPLETED);
    expect(i32[vcpu + V_PSW_ADDRESS_LOW]).toBe(12);
    expect(kernel.run(vcpu, 0)).toBe(EXECUTE_COMPLETED);
    expect(i32[vcpu + V_PSW_ADDRESS_LOW]).toBe(12);
  });

  it('leaves an instruction that is none of ours to the caller', () => {
    load([PQAP_WORD, 0x07000700, PQAP_WORD]);
    expect(kernel.run(vcpu, 3)).toBe(EXECUTE_OTHER);
    expect(i32[vcpu + V_PSW_ADDRESS_LOW]).toBe(4);
  });

  it('executes the last instruction of storage and stops behind it', () => {
    load(times(2, PQAP_WORD), STORAGE_BYTES - 8);
    expect(kernel.run(vcpu, 3)).toBe(EXECUTE_OTHER);
    expect(i32[vcpu + V_PSW_ADDRESS_LOW]).toBe(STORAGE_BYTES);
  });

  it.each([
    ['half inside', 0, STORAGE_BYTES - 2],
    ['outside', 0, STORAGE_BYTES],
    ['negative as a signed number', 0, -4],
    ['above 4 GiB', 1, 0],
    ['odd', 0, 1],
  ])('executes nothing at an address that is %s', (_name, high, low) => {
    load(times(2, PQAP_WORD));
    i32[vcpu + V_PSW_ADDRESS_HIGH] = high;
    i32[vcpu + V_PSW_ADDRESS_LOW] = low;
    expect(kernel.run(vcpu, 2)).toBe(EXECUTE_OTHER);
    expect(i32[vcpu + V_PSW_ADDRESS_LOW]).toBe(low);
  });

  it('stops before an instruction when the event word is set', () => {
    load(times(2, PQAP_WORD));
    i32[vcpu + V_EVENT] = 1;
    expect(kernel.run(vcpu, 2)).toBe(EXECUTE_EVENT);
    expect(i32[vcpu + V_PSW_ADDRESS_LOW]).toBe(0);
  });

  it('ends with a program exception where it happens', () => {
    load(times(2, PQAP_WORD));
    i32[vcpu + V_GR + 1] = 0x00010000;
    expect(kernel.run(vcpu, 2)).toBe(EXECUTE_PROGRAM);
    expect(i32[vcpu + V_PSW_ADDRESS_LOW]).toBe(0);
  });
});
