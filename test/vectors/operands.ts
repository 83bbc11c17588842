// SPDX-License-Identifier: Apache-2.0
// Vectors: lengths, addresses and addressing modes.
// Source: ap-architecture.md 4.5, AD-02, AD-08, AD-16.

import { dqap, type instruction, nqap, pattern, pqap, write } from './build.ts';
import { GUEST, LONGER_MESSAGES, SHORT_MESSAGES, STANDARD } from './presets.ts';
import type { MachinePreset } from './under-test.ts';
import type { Vector } from './vector.ts';

/** Old PSW behind the instruction (suppressed), ILC 2: what `pgm` means unless a vector names other values. */
function pgm(
  name: string,
  preset: MachinePreset,
  operation: ReturnType<typeof instruction>,
  code: number,
): Vector {
  return {
    name: `${name}: program interruption ${code}, suppressed`,
    preset,
    steps: [[operation, { pgm: code }]],
  };
}

const LENGTHS: Vector[] = (
  [
    ['nqap', 0x0504, 12289],
    ['nqap', 0x0b04, 12289],
    ['nqap', 0x0d04, 4097],
    ['nqap', 0x0c04, 61441],
    ['dqap', 0x0d04, 4097],
    ['nqap', 0x2104, 61441],
    ['dqap', 0x2104, 61441],
  ] as const
).flatMap(([name, apqn, length]) => {
  const build = name === 'nqap' ? nqap : dqap;
  const at = { at: 0x2000n };
  return [
    pgm(
      `${name.toUpperCase()} of ${length} bytes to ${apqn.toString(16)}`,
      STANDARD,
      build(apqn, length, at),
      6,
    ),
    {
      name: `${name.toUpperCase()} of ${length - 1} bytes to ${apqn.toString(16)} is no specification exception`,
      preset: STANDARD,
      steps: [
        [
          build(apqn, length - 1, at),
          apqn === 0x2104
            ? { cc: 3, gr: { 1: 0x00010000n } }
            : name === 'nqap'
              ? {
                  cc: 0,
                  gr: {
                    1: apqn === 0x0b04 ? 0x20000000n : 0n,
                    6: 0x2000n + BigInt(length - 1),
                    7: 0n,
                  },
                }
              : { cc: 3, gr: { 1: 0x80100000n } },
        ],
      ],
    } satisfies Vector,
  ];
});

/** AD-08: the largest limit of the partition's queues, at least 12288, where the queue is not available. */
const UNAVAILABLE: Vector[] = (
  [
    ['queues of 4096 bytes', SHORT_MESSAGES, 12288],
    ['queues of 4096 and 16384 bytes', LONGER_MESSAGES, 16384],
  ] as const
).flatMap(([machine, preset, limit]) =>
  [nqap, dqap].flatMap((build) => {
    const name = build === nqap ? 'NQAP' : 'DQAP';
    const at = { at: 0x2000n };
    const legal = `${name} of ${limit} bytes to an unavailable queue among ${machine}`;
    return [
      pgm(
        `${name} of ${limit + 1} bytes among ${machine}`,
        preset,
        build(0x2104, limit + 1, at),
        6,
      ),
      {
        name: `${legal} is refused with 01`,
        preset,
        steps: [[build(0x2104, limit, at), { cc: 3, gr: { 1: 0x00010000n } }]],
      },
    ];
  }),
);

const Q = 0x0504;

const END = 0x14000n;

const ADDRESSES: Vector[] = [
  pgm('QCI one byte beyond storage', STANDARD, pqap('qci', 0, { gr: { 2: END - 120n } }), 5),
  pgm('QCI far beyond storage', STANDARD, pqap('qci', 0, { gr: { 2: 0xfffffffffffffff8n } }), 5),
  pgm('NQAP one byte beyond storage', STANDARD, nqap(Q, 64, { at: END - 63n }), 5),
  pgm('NQAP at the highest address', STANDARD, nqap(Q, 64, { at: 0xffffffffffffffffn }), 5),
  {
    name: 'NQAP with the last byte of storage is accepted',
    preset: STANDARD,
    steps: [[nqap(Q, 64, { at: END - 64n }), { cc: 0, gr: { 1: 0n, 6: END, 7: 0n } }]],
  },
  {
    name: 'NQAP with an addressing exception enqueues nothing',
    preset: STANDARD,
    steps: [[nqap(Q, 64, { at: END }), { pgm: 5, status: { [Q]: 0x80000000 } }]],
  },
  {
    name: 'DQAP with an addressing exception leaves the reply; a long buffer matters only as far as it is stored into',
    preset: STANDARD,
    steps: [
      nqap(Q, 64),
      [dqap(Q, 64, { at: END - 63n }), { pgm: 5, status: { [Q]: 0x40000000 } }],
      [
        dqap(Q, 4096, { at: END - 64n }),
        {
          cc: 0,
          gr: { 1: 0x80000000n, 2: 0n, 4: 0x11223344n, 5: 0x55667788n, 6: END, 7: 4032n },
        },
      ],
    ],
  },
  {
    name: 'DQAP with nothing to store does not touch a buffer outside storage',
    preset: STANDARD,
    steps: [[dqap(Q, 64, { at: END }), { cc: 3, gr: { 1: 0x80100000n } }]],
  },
];

const HIGH = 0x99999999_00000000n;

const MODES: Vector[] = ([24, 31] as const).flatMap((addressingMode) => {
  const above = addressingMode === 24 ? 0xff000000n : 0x80000000n;
  return [
    {
      name: `NQAP in ${addressingMode}-bit mode uses the address and length of the mode and keeps bits 0-31`,
      preset: STANDARD,
      steps: [
        write(GUEST, 0x4000, pattern(64)),
        [
          nqap(Q, 64, { addressingMode, at: HIGH + above + 0x4000n, gr: { 7: HIGH + 64n } }),
          { cc: 0, gr: { 1: 0n, 6: HIGH + 0x4040n, 7: HIGH } },
        ],
      ],
    },
    {
      name: `DQAP in ${addressingMode}-bit mode uses the address and length of the mode and keeps bits 0-31`,
      preset: STANDARD,
      steps: [
        nqap(Q, 64),
        [
          dqap(Q, 100, { addressingMode, at: HIGH + above + 0x6000n, gr: { 7: HIGH + 100n } }),
          {
            cc: 0,
            gr: {
              1: 0x80000000n,
              2: 0n,
              4: 0x11223344n,
              5: 0x55667788n,
              6: HIGH + 0x6040n,
              7: HIGH + 36n,
            },
          },
        ],
      ],
    },
    {
      name: `QCI in ${addressingMode}-bit mode stores at the address of the mode`,
      preset: STANDARD,
      steps: [
        [
          pqap('qci', 0, { guest: 2, addressingMode, gr: { 2: HIGH + above + 0x3000n } }),
          { cc: 0, storage: [{ guest: 2, at: 0x3000, hex: 'e0000000ffff' }] },
        ],
      ],
    },
  ] satisfies Vector[];
});

const SIXTY_FOUR: Vector[] = [
  pgm(
    'NQAP in 64-bit mode with a length above 2^32',
    STANDARD,
    nqap(Q, 64, { gr: { 7: HIGH + 64n } }),
    6,
  ),
  pgm(
    'NQAP in 64-bit mode with an address above storage',
    STANDARD,
    nqap(Q, 64, { at: HIGH + 0x4000n }),
    5,
  ),
];

export const OPERANDS: readonly Vector[] = [
  ...LENGTHS,
  ...UNAVAILABLE,
  ...ADDRESSES,
  ...MODES,
  ...SIXTY_FOUR,
];
