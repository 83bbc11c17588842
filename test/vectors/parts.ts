// SPDX-License-Identifier: Apache-2.0
// Vectors: messages enqueued in parts, and segment boundaries (CC 2).
// Source: ap-architecture.md 1.8, 1.9, AD-18, AD-19.

import {
  advance,
  again,
  BUFFER_AT,
  DQAP_WORD,
  dqap,
  hexOf,
  MESSAGE_AT,
  ms,
  NQAP_WORD,
  nqap,
  PSMID_HIGH,
  PSMID_LOW,
  pattern,
  pqap,
  write,
} from './build.ts';
import { GUEST, STANDARD, standardWith } from './presets.ts';
import type { Vector } from './vector.ts';

const Q = 0x0504;

const message = write(GUEST, MESSAGE_AT, pattern(64));

const PSMID = { 4: PSMID_HIGH, 5: PSMID_LOW };

const at = (address: number, from: number, to: number) => ({
  guest: GUEST,
  at: address,
  hex: hexOf(pattern(64).subarray(from, to)),
});

const part = (length: number, from: number, more: Parameters<typeof nqap>[2] = {}) =>
  nqap(Q, length, { bits: 0n, at: BigInt(MESSAGE_AT + from), ...more });

const PARTS: Vector[] = [
  {
    name: 'NQAP with L=0 ends with CC 1 and RC 00, and the queue gains the message with the last part',
    preset: STANDARD,
    steps: [
      message,
      [
        part(20, 0),
        { cc: 1, gr: { 1: 0x80000000n, 6: 0x4014n, 7: 0n }, status: { [Q]: 0x80000000 } },
      ],
      [
        part(20, 20),
        { cc: 1, gr: { 1: 0x80000000n, 6: 0x4028n, 7: 0n }, status: { [Q]: 0x80000000 } },
      ],
      [
        nqap(Q, 24, { at: 0x4028n }),
        { cc: 0, gr: { 1: 0n, 6: 0x4040n, 7: 0n }, status: { [Q]: 0x40000000 } },
      ],
      [
        dqap(Q, 64),
        {
          cc: 0,
          gr: { 1: 0x80000000n, 2: 0n, ...PSMID, 6: 0x6040n, 7: 0n },
          storage: [at(BUFFER_AT, 0, 64)],
        },
      ],
    ],
  },
  {
    name: 'a part with another PSMID begins a new message and drops the open one',
    preset: STANDARD,
    steps: [
      message,
      part(20, 0),
      nqap(Q, 10, { at: 0x4000n, psmid: 9n }),
      [
        dqap(Q, 64),
        {
          cc: 0,
          gr: { 1: 0x80000000n, 2: 0n, 4: PSMID_HIGH, 5: 9n, 6: 0x600an, 7: 54n },
          storage: [at(BUFFER_AT, 0, 10)],
        },
      ],
    ],
  },
  ...(['rapq', 'zapq'] as const).map(
    (name) =>
      ({
        name: `${name.toUpperCase()} drops an open message`,
        preset: STANDARD,
        steps: [
          message,
          part(20, 0),
          pqap(name, Q),
          advance(ms(5)),
          nqap(Q, 10, { at: 0x4000n }),
          [
            dqap(Q, 64),
            {
              cc: 0,
              gr: { 1: 0x80000000n, 2: 0n, ...PSMID, 6: 0x600an, 7: 54n },
              storage: [at(BUFFER_AT, 0, 10)],
            },
          ],
        ],
      }) satisfies Vector,
  ),
];

const every40 = standardWith({ cc2: { at: 'progress', bytes: 40 } });

const at32 = standardWith({ cc2: { at: 'address', bytes: 32 } });

const SEGMENTS: Vector[] = [
  {
    name: 'NQAP with CC 2 advances R2, leaves GR1 and the queue; executed again it takes the rest',
    preset: every40,
    steps: [
      message,
      [nqap(Q, 64), { cc: 2, gr: { 6: 0x4028n, 7: 24n }, status: { [Q]: 0x80000000 } }],
      [again(NQAP_WORD), { cc: 0, gr: { 1: 0n, 6: 0x4040n, 7: 0n }, status: { [Q]: 0x40000000 } }],
    ],
  },
  {
    name: 'DQAP with CC 2 stores, gives residual and token, leaves GR1 and R1; executed again it takes the rest',
    preset: every40,
    steps: [
      message,
      nqap(Q, 64),
      again(NQAP_WORD),
      [
        dqap(Q, 100),
        { cc: 2, gr: { 0: 0x01010504n, 2: 24n, 6: 0x6028n, 7: 60n }, storage: [at(0x6000, 0, 40)] },
      ],
      [
        again(DQAP_WORD),
        {
          cc: 0,
          gr: { 1: 0x80000000n, 2: 0n, ...PSMID, 6: 0x6040n, 7: 36n },
          storage: [at(0x6028, 40, 64)],
        },
      ],
    ],
  },
  {
    name: 'DQAP ends with CC 1, not 2, where the buffer ends at the boundary',
    preset: every40,
    steps: [
      message,
      nqap(Q, 64),
      again(NQAP_WORD),
      [
        dqap(Q, 40),
        { cc: 1, gr: { 0: 0x01010504n, 2: 24n, 6: 0x6028n, 7: 0n }, storage: [at(0x6000, 0, 40)] },
      ],
    ],
  },
  {
    name: 'a message that ends exactly at the boundary is no reason for CC 2',
    preset: every40,
    steps: [[nqap(Q, 40), { cc: 0, gr: { 1: 0n, 6: 0x4028n, 7: 0n } }]],
  },
  {
    name: 'NQAP is interrupted at each address that is a multiple of the segment size',
    preset: at32,
    steps: [
      [nqap(Q, 64, { at: 0x4001n }), { cc: 2, gr: { 6: 0x4020n, 7: 33n } }],
      [again(NQAP_WORD), { cc: 2, gr: { 6: 0x4040n, 7: 1n } }],
      [again(NQAP_WORD), { cc: 0, gr: { 1: 0n, 6: 0x4041n, 7: 0n } }],
    ],
  },
];

export const PARTS_AND_SEGMENTS: readonly Vector[] = [...PARTS, ...SEGMENTS];
