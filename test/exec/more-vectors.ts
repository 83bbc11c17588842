// SPDX-License-Identifier: Apache-2.0
// Vectors for what the planted defects showed nothing else to notice.
// Source: ap-architecture.md sections 1.8, 1.9, 3.5, AD-02, AD-08, AD-15 to AD-18, AD-30.
import {
  advance,
  aqic,
  DQAP_WORD,
  dqap,
  FIRST,
  type InstructionOperation,
  instruction,
  LAST,
  ms,
  NQAP_WORD,
  nqap,
  PSMID_HIGH,
  PSMID_LOW,
  pqap,
  us,
} from '../vectors/build.ts';
import { HOST, STANDARD, STORAGE_BYTES } from '../vectors/presets.ts';
import type { Vector } from '../vectors/vector.ts';

/** A queue that answers each request after 1 ms. */
const SLOW = 0x0604;
const REPLIES = 0x40000000;
/** A queue that answers at once. */
const QUICK = 0x0504;
const ABOVE_4_GIB = 1n << 32n;
const BEYOND_STORAGE = BigInt(STORAGE_BYTES);
const R1_ODD = 0x10;
const R2_ODD = 0x01;

const nqapOf = (at: bigint, length: bigint, word = NQAP_WORD) =>
  instruction(word, { 0: LAST + BigInt(QUICK), 6: at, 7: length });
const dqapOf = (at: bigint, length: bigint, word = DQAP_WORD) =>
  instruction(word, { 0: FIRST + BigInt(QUICK), 2: 0n, 6: at, 7: length });
const problem = { problem: true };
/** Registers after DQAP of the reply of 64 bytes that was alone on the queue. */
const DEQUEUED = {
  1: 0x80000000n,
  2: 0n,
  4: PSMID_HIGH,
  5: PSMID_LOW,
  6: 0x6040n,
  7: 0n,
};

/** Exceptions of instructions that would otherwise complete: slots are there and a reply waits, so no check is hidden by another. */
const EXCEPTIONS: readonly (readonly [string, InstructionOperation, number])[] = [
  ['TAPQ in problem state', pqap('tapq', QUICK, problem), 2],
  ['NQAP in problem state', nqap(QUICK, 64, problem), 2],
  ['DQAP in problem state', dqap(QUICK, 64, problem), 2],
  ['NQAP with an odd R1', nqapOf(0x4000n, 64n, NQAP_WORD | R1_ODD), 6],
  ['NQAP with an odd R2', nqapOf(0x4000n, 64n, NQAP_WORD | R2_ODD), 6],
  ['DQAP with an odd R1', dqapOf(0x4000n, 64n, DQAP_WORD | R1_ODD), 6],
  ['DQAP with an odd R2', dqapOf(0x4000n, 64n, DQAP_WORD | R2_ODD), 6],
  ['NQAP of no bytes', nqapOf(0x4000n, 0n), 6],
  ['NQAP above the limit', nqapOf(0x4000n, 12289n), 6],
  ['NQAP of more than 4 GiB', nqapOf(0x4000n, ABOVE_4_GIB + 64n), 6],
  ['DQAP with a buffer of no bytes', dqapOf(0x4000n, 0n), 6],
  ['DQAP with a buffer above the limit', dqapOf(0x4000n, 12289n), 6],
  ['DQAP with a buffer of more than 4 GiB', dqapOf(0x4000n, ABOVE_4_GIB + 64n), 6],
  ['NQAP of a message above 4 GiB', nqapOf(ABOVE_4_GIB + 0x4000n, 64n), 5],
  ['NQAP of a message that ends beyond storage', nqapOf(BEYOND_STORAGE - 63n, 64n), 5],
  ['DQAP into a buffer above 4 GiB', dqapOf(ABOVE_4_GIB + 0x4000n, 64n), 5],
  ['DQAP of a reply that would end beyond storage', dqapOf(BEYOND_STORAGE - 63n, 64n), 5],
  ['NQAP with reserved bit 35', nqap(QUICK, 64, { bits: LAST + 0x10000000n }), 6],
  ['DQAP with reserved bit 33', dqap(QUICK, 64, { bits: FIRST + 0x40000000n }), 6],
];

const exceptionVectors = EXCEPTIONS.map(
  ([what, operation, pgm]): Vector => ({
    name: `${what} is program interruption ${pgm}, also where a reply waits and nothing else is wrong`,
    preset: STANDARD,
    steps: [
      nqap(QUICK, 64),
      [operation, { pgm, status: { [QUICK]: REPLIES } }],
      [dqap(QUICK, 64), { cc: 0, gr: DEQUEUED }],
    ],
  }),
);

export const MORE_VECTORS: readonly Vector[] = [
  {
    name: 'AQIC with a notification byte above 4 GiB ends with RC 06, although bits 32-63 are inside storage',
    preset: STANDARD,
    steps: [
      [
        aqic(0x0504, 0x0000800000000006n, 0x0000010000002000n, { guest: HOST }),
        { cc: 3, rc: 0x06, gr: { 1: 0x00060000n } },
      ],
    ],
  },
  {
    name: 'a reply is there at its own time, also when a later request took an earlier slot',
    preset: STANDARD,
    steps: [
      nqap(SLOW, 64, { psmid: 1n }),
      advance(us(400)),
      nqap(SLOW, 64, { psmid: 2n }),
      advance(us(600)),
      dqap(SLOW, 100),
      nqap(SLOW, 64, { psmid: 3n }),
      advance(us(400)),
      [
        dqap(SLOW, 100),
        {
          cc: 0,
          gr: { 1: 0n, 2: 0n, 4: PSMID_HIGH, 5: 2n, 6: 0x6040n, 7: 36n },
        },
      ],
      advance(ms(1)),
      [dqap(SLOW, 0), { pgm: 6, status: { [SLOW]: REPLIES } }],
    ],
  },
  ...exceptionVectors,
];
