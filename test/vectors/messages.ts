// SPDX-License-Identifier: Apache-2.0
// Vectors: NQAP and DQAP of whole messages, and replies delivered in parts.
// Source: ap-architecture.md 1.8, 1.9, AD-10, AD-26, AD-30, AD-31.

import {
  advance,
  again,
  BUFFER_AT,
  DQAP_WORD,
  dqap,
  FIRST,
  hexOf,
  instruction,
  LAST,
  MESSAGE_AT,
  ms,
  nqap,
  PSMID_HIGH,
  PSMID_LOW,
  pattern,
  pqap,
  write,
} from './build.ts';
import { GUEST, STANDARD } from './presets.ts';
import type { Step, Vector } from './vector.ts';

const Q = 0x0504;

const SLOW = 0x0604;

const message = write(GUEST, MESSAGE_AT, pattern(64));

const PSMID = { 4: PSMID_HIGH, 5: PSMID_LOW };

const at = (address: number, from: number, to: number) => ({
  guest: GUEST,
  at: address,
  hex: hexOf(pattern(64).subarray(from, to)),
});

const WHOLE: Vector[] = [
  {
    name: 'NQAP and DQAP of one message return its bytes and its PSMID, with bits 0-31 of the R1 pair zero',
    preset: STANDARD,
    steps: [
      message,
      [nqap(Q, 64), { cc: 0, gr: { 1: 0n, 6: 0x4040n, 7: 0n }, status: { [Q]: 0x40000000 } }],
      [
        dqap(Q, 100),
        {
          cc: 0,
          gr: { 1: 0x80000000n, 2: 0n, ...PSMID, 6: 0x6040n, 7: 36n },
          storage: [at(BUFFER_AT, 0, 64)],
        },
      ],
    ],
  },
  {
    name: 'DQAP with a buffer exactly as long as the reply ends with CC 0',
    preset: STANDARD,
    steps: [
      message,
      nqap(Q, 64),
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
    name: 'replies come in the order of acceptance, with their own PSMIDs, equal ones too',
    preset: STANDARD,
    steps: [
      ...[1n, 2n, 2n].map((psmid) => nqap(Q, 64, { psmid })),
      ...[1n, 2n, 2n].map(
        (psmid, k): Step => [
          dqap(Q, 64),
          {
            cc: 0,
            gr: {
              1: k === 2 ? 0x80000000n : 0x40000000n,
              2: 0n,
              4: PSMID_HIGH,
              5: psmid,
              6: 0x6040n,
              7: 0n,
            },
          },
        ],
      ),
    ],
  },
  {
    name: 'NQAP keeps R from replies that wait, and counts its own request as not answered',
    preset: STANDARD,
    steps: [nqap(Q, 64), [nqap(Q, 64), { cc: 0, gr: { 1: 0x40000000n, 6: 0x4040n, 7: 0n } }]],
  },
  {
    name: 'a request is in work until its service time is over',
    preset: STANDARD,
    steps: [
      [nqap(SLOW, 64), { cc: 0, gr: { 1: 0n, 6: 0x4040n, 7: 0n } }],
      [advance(ms(1) - 1), { status: { [SLOW]: 0 } }],
      [dqap(SLOW, 64), { cc: 3, gr: { 1: 0x00100000n } }],
      [advance(1), { status: { [SLOW]: 0x40000000 } }],
      [dqap(SLOW, 64), { cc: 0, gr: { 1: 0x80000000n, 2: 0n, ...PSMID, 6: 0x6040n, 7: 0n } }],
    ],
  },
  {
    name: 'F is on from the last message that fits until a reply is removed',
    preset: STANDARD,
    steps: [
      nqap(0x0d04, 64),
      [nqap(0x0d04, 64), { cc: 0, gr: { 1: 0x60000000n, 6: 0x4040n, 7: 0n } }],
      [nqap(0x0d04, 64), { cc: 3, gr: { 1: 0x60100000n } }],
      [dqap(0x0d04, 64), { cc: 0, gr: { 1: 0x40000000n, 2: 0n, ...PSMID, 6: 0x6040n, 7: 0n } }],
      [nqap(0x0d04, 64), { cc: 0, gr: { 1: 0x60000000n, 6: 0x4040n, 7: 0n } }],
    ],
  },
  ...(
    [
      [1, 0x0b04, 0n],
      [2, 0x0d04, 1n],
      [8, 0x0504, 7n],
      [16, 0x0c04, 15n],
    ] as const
  ).map(
    ([depth, apqn, qd]) =>
      ({
        name: `a queue of depth ${depth} shows qd ${qd}, takes ${depth} messages and refuses the next with RC 10`,
        preset: STANDARD,
        steps: [
          ...Array.from({ length: depth - 1 }, () => nqap(apqn, 64)),
          [advance(ms(1)), { status: { [apqn]: depth === 1 ? 0x80000000 : 0x40000000 } }],
          nqap(apqn, 64),
          [advance(ms(1)), { status: { [apqn]: 0x60000000 } }],
          [nqap(apqn, 64), { cc: 3, gr: { 1: 0x60100000n } }],
        ],
      }) satisfies Vector,
  ),
  {
    name: 'NQAP with R2 = 0 leaves the status in GR1 and the advanced address in GR0',
    preset: STANDARD,
    steps: [
      [
        instruction(
          0xb2ad0040,
          { 0: LAST + 0x0504n, 1: 64n, 4: 1n, 5: 2n },
          { addressingMode: 24 },
        ),
        { cc: 0, gr: { 0: 0x544n, 1: 0n } },
      ],
      [
        instruction(0xb2ad0042, { 0: LAST + 0x0504n, 1: 0n, 2: 0x4000n, 3: 64n, 4: 1n, 5: 2n }),
        { cc: 0, gr: { 1: 0x40000000n, 2: 0x4040n, 3: 0n } },
      ],
    ],
  },
  {
    name: 'DQAP with R1 = 0 and R2 = 2: status in GR1 and residual length in GR2 win over the pairs',
    preset: STANDARD,
    steps: [
      nqap(Q, 64),
      [
        instruction(0xb2ae0002, { 0: FIRST + 0x0504n, 1: 5n, 2: 0x6000n, 3: 100n }),
        { cc: 0, gr: { 0: PSMID_HIGH, 1: 0x80000000n, 2: 0n, 3: 36n } },
      ],
    ],
  },
];

const PARTIAL: Vector[] = [
  {
    name: 'DQAP delivers a reply in three parts with CC 1, 1, 0 and tokens counting from 1',
    preset: STANDARD,
    steps: [
      message,
      nqap(Q, 64),
      [
        dqap(Q, 30),
        {
          cc: 1,
          gr: { 0: 0x01010504n, 2: 34n, 6: 0x601en, 7: 0n },
          storage: [at(0x6000, 0, 30)],
          status: { [Q]: 0x40000000 },
        },
      ],
      [
        again(DQAP_WORD, { 2: 0n, 7: 30n }),
        { cc: 1, gr: { 0: 0x01020504n, 2: 4n, 6: 0x603cn, 7: 0n }, storage: [at(0x601e, 30, 60)] },
      ],
      [
        again(DQAP_WORD, { 2: 0n, 7: 30n }),
        {
          cc: 0,
          gr: { 1: 0x80000000n, 2: 0n, ...PSMID, 6: 0x6040n, 7: 26n },
          storage: [at(0x603c, 60, 64)],
        },
      ],
    ],
  },
  {
    name: 'DQAP with bit 32 = 1 while a reply is open starts over with the same reply',
    preset: STANDARD,
    steps: [
      message,
      nqap(Q, 64),
      dqap(Q, 30),
      [
        dqap(Q, 40, { at: 0x7000n }),
        { cc: 1, gr: { 0: 0x01010504n, 2: 24n, 6: 0x7028n, 7: 0n }, storage: [at(0x7000, 0, 40)] },
      ],
      [
        dqap(Q, 64, { at: 0x7000n }),
        {
          cc: 0,
          gr: { 1: 0x80000000n, 2: 0n, ...PSMID, 6: 0x7040n, 7: 0n },
          storage: [at(0x7000, 0, 64)],
        },
      ],
    ],
  },
  {
    name: 'DQAP goes on from the position in the queue whatever counter the token has and whatever GR2 holds',
    preset: STANDARD,
    steps: [
      message,
      nqap(Q, 64),
      dqap(Q, 30),
      [
        dqap(Q, 64, { bits: 0x013f0000n, gr: { 2: 999n } }),
        {
          cc: 0,
          gr: { 1: 0x80000000n, 2: 0n, ...PSMID, 6: 0x6022n, 7: 30n },
          storage: [at(0x6000, 30, 64)],
        },
      ],
    ],
  },
  {
    name: 'the token of APQN 00.0000 would not be zero: bits 36-39 are 0001 and other bits of GR0 are kept',
    preset: STANDARD,
    steps: [
      nqap(Q, 64),
      [
        dqap(Q, 1, { bits: 0x12345678_8f3f0000n }),
        {
          cc: 1,
          gr: { 0: 0x12345678_01010504n, 2: 63n, 6: 0x6001n, 7: 0n },
          storage: [{ guest: GUEST, at: 0x6000, hex: '00' }],
        },
      ],
    ],
  },
  {
    name: 'the part counter of the token has six bits',
    preset: STANDARD,
    steps: [
      nqap(Q, 100),
      dqap(Q, 1),
      ...Array.from({ length: 62 }, () => again(DQAP_WORD, { 7: 1n })),
      [
        again(DQAP_WORD, { 2: 0n, 7: 1n }),
        { cc: 1, gr: { 0: 0x01000504n, 2: 36n, 6: 0x6040n, 7: 0n } },
      ],
    ],
  },
  {
    name: 'a partly delivered reply counts towards the depth, and a reset discards it',
    preset: STANDARD,
    steps: [
      nqap(0x0b04, 64),
      dqap(0x0b04, 30),
      [nqap(0x0b04, 64), { cc: 3, gr: { 1: 0x60100000n } }],
      pqap('rapq', 0x0b04),
      advance(ms(1)),
      [dqap(0x0b04, 30, { bits: 0x01010000n }), { cc: 3, gr: { 1: 0x00130000n } }],
    ],
  },
];

export const MESSAGES: readonly Vector[] = [...WHOLE, ...PARTIAL];
