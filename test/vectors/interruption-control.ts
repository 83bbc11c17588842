// SPDX-License-Identifier: Apache-2.0
// Vectors: response codes of AQIC and notification when interruptions become enabled.
// Source: ap-architecture.md 1.6, AD-17, AD-21, AD-21b, AD-32, AD-33.

import { advance, aqic, nqap, us } from './build.ts';
import { HOST, STANDARD } from './presets.ts';
import type { Vector } from './vector.ts';

const Q = 0x0504;

const ENABLE = 0x0000800000000006n;

const NIB = 0x2000n;

const AQIC: Vector[] = [
  {
    name: 'AQIC ends with RC 05 while a change is pending, and the pending change happens',
    preset: STANDARD,
    steps: [
      aqic(Q, ENABLE, NIB),
      [aqic(Q, 0n, 0n), { cc: 3, gr: { 1: 0x00050000n } }],
      [advance(us(100)), { status: { [Q]: 0x81000000 } }],
    ],
  },
  ...[0n, 0x14000n, 0xffffffffffffffffn].map(
    (nib) =>
      ({
        name: `AQIC with NIB ${nib.toString(16)} ends with RC 06`,
        preset: STANDARD,
        steps: [[aqic(Q, ENABLE, nib), { cc: 3, gr: { 1: 0x00060000n } }]],
      }) satisfies Vector,
  ),
  {
    name: 'AQIC with the last byte of storage as NIB is accepted',
    preset: STANDARD,
    steps: [[aqic(Q, ENABLE, 0x13fffn), { cc: 0, gr: { 1: 0x80000000n } }]],
  },
  {
    name: 'AQIC in 31-bit mode ignores the bits of the NIB address above the mode',
    preset: STANDARD,
    steps: [
      [
        aqic(Q, ENABLE, 0xffffffff80002000n, { addressingMode: 31 }),
        { cc: 0, gr: { 1: 0x80000000n } },
      ],
    ],
  },
  {
    name: 'AQIC disable while disabled ends with RC 07 whatever the NIB',
    preset: STANDARD,
    steps: [[aqic(Q, 0n, 0xffffffffffffffffn), { cc: 3, gr: { 1: 0x00070000n } }]],
  },
  {
    name: 'AQIC enable while enabled ends with RC 07 even with another NIB and ISC',
    preset: STANDARD,
    steps: [
      aqic(Q, ENABLE, NIB),
      advance(us(100)),
      [aqic(Q, 0x0000800000000003n, 0n), { cc: 3, gr: { 1: 0x00070000n } }],
    ],
  },
  ...(
    [
      ['GISC 3 and no GISA', 0x0000830000000005n],
      ['a GISA outside storage', 0x0000800000014005n],
      ['a format-1 GISA half outside storage', 0x0000800100013ff5n],
      ['GISA format 2', 0x0000800200001005n],
      ['GISA format 3', 0x0000800300001005n],
    ] as const
  ).map(
    ([what, control]) =>
      ({
        name: `AQIC with ${what} ends with RC 08`,
        preset: STANDARD,
        steps: [[aqic(Q, control, NIB), { cc: 3, gr: { 1: 0x00080000n } }]],
      }) satisfies Vector,
  ),
  {
    name: 'AQIC with a format-0 GISA in the last 16 bytes of storage is accepted',
    preset: STANDARD,
    steps: [[aqic(Q, 0x0000800000013ff5n, NIB), { cc: 0, gr: { 1: 0x80000000n } }]],
  },
  {
    name: 'a reply that waits already is notified when interruptions become enabled',
    preset: STANDARD,
    steps: [
      nqap(Q, 64),
      aqic(Q, ENABLE, NIB),
      [
        advance(us(100)),
        {
          storage: [{ guest: HOST, at: 0x2000, hex: '01' }],
          pendingIscs: [6],
          status: { [Q]: 0x41000000 },
        },
      ],
    ],
  },
];

export const INTERRUPTION_CONTROL: readonly Vector[] = [...AQIC];
