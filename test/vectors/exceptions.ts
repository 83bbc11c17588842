// SPDX-License-Identifier: Apache-2.0
// Vectors: program exceptions with ILC and old PSW, what is installed, the order of checks, addressing modes.
// Source: ap-architecture.md 3.1, 3.2, AD-01 to AD-08, AD-15, AD-16.

import {
  anyFunction,
  dqap,
  F,
  instruction,
  LAST,
  nqap,
  pattern,
  pqap,
  SPECIAL,
  T,
  write,
} from './build.ts';
import {
  BARE,
  BARE_HOST,
  GUEST,
  HOST,
  SECURE,
  STANDARD,
  standardWith,
  WITHOUT_AP,
} from './presets.ts';
import type { FunctionName, MachinePreset } from './under-test.ts';
import type { Vector } from './vector.ts';

const Q = 0x0504;
const ALL: readonly FunctionName[] = [
  'tapq',
  'rapq',
  'zapq',
  'aqic',
  'qci',
  'qact',
  'nqap',
  'dqap',
];

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

const INSTALLED: Vector[] = [
  ...ALL.flatMap((name) => [
    pgm(
      `${name.toUpperCase()} without AP on the machine`,
      WITHOUT_AP,
      anyFunction(name, Q, { guest: HOST }),
      1,
    ),
    pgm(
      `${name.toUpperCase()} without AP on the machine in problem state`,
      WITHOUT_AP,
      anyFunction(name, Q, { guest: HOST, problem: true }),
      1,
    ),
    pgm(
      `${name.toUpperCase()} in problem state`,
      STANDARD,
      anyFunction(name, Q, { guest: HOST, problem: true }),
      2,
    ),
  ]),
  pgm('QCI without STFLE 12 in a guest', STANDARD, pqap('qci', 0, { guest: BARE }), 6),
  pgm('QCI without STFLE 12 in the partition', BARE_HOST, pqap('qci', 0, { guest: HOST }), 6),
  pgm(
    'AQIC without STFLE 65 in the partition',
    BARE_HOST,
    anyFunction('aqic', Q, { guest: HOST }),
    6,
  ),
  pgm('QACT without QCI flag C', BARE_HOST, pqap('qact', Q, { guest: GUEST }), 6),
  pgm('TAPQ with T=1 without STFLE 15', STANDARD, pqap('tapq', Q, { guest: BARE, bits: T }), 6),
  pgm('RAPQ with T=1 without STFLE 15', STANDARD, pqap('rapq', Q, { guest: BARE, bits: T }), 6),
  pgm('QBAP with aligned GR2', STANDARD, pqap('qbap', 0, { gr: { 2: 0x3000n } }), 6),
  ...(['bapq', 'aapq'] as const).flatMap((name) => [
    pgm(`${name.toUpperCase()} outside secure execution`, STANDARD, pqap(name, Q), 6),
    pgm(`${name.toUpperCase()} in the partition`, STANDARD, pqap(name, Q, { guest: HOST }), 6),
    pgm(`${name.toUpperCase()} without QCI flag B`, BARE_HOST, pqap(name, Q, { guest: SECURE }), 6),
  ]),
  pgm('RAPQ with F outside secure execution', STANDARD, pqap('rapq', Q, { bits: F }), 6),
  pgm('ZAPQ with F without QCI flag B', BARE_HOST, pqap('zapq', Q, { guest: SECURE, bits: F }), 6),
  ...[9, 10, 42, 0x80, 0xff].map((fc) =>
    pgm(
      `PQAP with function code ${fc}`,
      STANDARD,
      instruction(0xb2af0000, { 0: BigInt(fc) << 24n }),
      6,
    ),
  ),
  {
    name: 'TAPQ with T=0 needs no facility',
    preset: STANDARD,
    steps: [[pqap('tapq', Q, { guest: BARE }), { cc: 0, gr: { 1: 0x80000000n, 2: 0x0e540307n } }]],
  },
  {
    name: 'RAPQ with T=1 is accepted where STFLE 15 is there',
    preset: STANDARD,
    steps: [[pqap('rapq', Q, { bits: T }), { cc: 0, gr: { 1: 0x80000000n } }]],
  },
  {
    name: 'QACT with bit 41 is accepted where QCI flag C is on, and lowers the type to that of the adapter',
    preset: STANDARD,
    steps: [
      [
        pqap('qact', 0x0b04, { bits: F, gr: { 1: 0x1fffffff0effffffn } }),
        { cc: 0, gr: { 1: 0x80000000n, 2: 0x1c0000000b000000n } },
      ],
    ],
  },
  {
    name: 'QACT gives the type asked for where the adapter has a higher one',
    preset: STANDARD,
    steps: [
      [
        pqap('qact', Q, { gr: { 1: 0x0a000000n } }),
        { cc: 0, gr: { 1: 0x80000000n, 2: 0x0a000000n } },
      ],
    ],
  },
  ...(['tapq', 'nqap'] as const).map(
    (name) =>
      ({
        name: `${name.toUpperCase()} ignores instruction bits 16-23 and GR0 bits 0-31`,
        preset: STANDARD,
        steps: [
          [
            anyFunction(name, Q, {
              word: name === 'tapq' ? 0xb2afff5a : 0xb2adff46,
              gr: { 0: 0xffffffff00000504n + (name === 'nqap' ? LAST : 0n) },
            }),
            name === 'tapq'
              ? { cc: 0, gr: { 1: 0x80000000n, 2: 0x0e540307n } }
              : { cc: 0, gr: { 1: 0n, 6: 0x4040n, 7: 0n } },
          ],
        ],
      }) satisfies Vector,
  ),
  {
    name: 'NQAP ignores GR0 bits 36-39 and 42-47',
    preset: STANDARD,
    steps: [
      [nqap(Q, 64, { bits: LAST + 0x0f3f0000n }), { cc: 0, gr: { 1: 0n, 6: 0x4040n, 7: 0n } }],
    ],
  },
];

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

/** AD-15: two conditions hold, the earlier check wins. */
const ORDER: Vector[] = [
  {
    name: 'program interruptions and intercepts leave the condition code',
    preset: STANDARD,
    steps: [
      [pqap('tapq', 0x2104), { cc: 3, gr: { 1: 0x00010000n, 2: 0n } }],
      [pqap('tapq', Q, { problem: true }), { pgm: 2 }],
      [anyFunction('aqic', Q, { guest: GUEST }), { ipb: 0 }],
    ],
  },
  {
    name: 'a missing facility (RC 16) comes before a full queue (RC 10)',
    preset: STANDARD,
    steps: [
      nqap(0x0b04, 64),
      [nqap(0x0b04, 64, { bits: LAST + SPECIAL }), { cc: 3, gr: { 1: 0x00160000n } }],
    ],
  },
  pgm(
    'problem state before an undefined function code',
    STANDARD,
    instruction(0xb2af0000, { 0: 0x2a000000n }, { problem: true }),
    2,
  ),
  pgm('an odd register before RC 01', STANDARD, nqap(0x2104, 64, { word: 0xb2ad0056 }), 6),
  pgm('a reserved bit before RC 01', STANDARD, pqap('tapq', 0x2104, { bits: 0x00010000n }), 6),
  pgm(
    'QCI misaligned before its addressing exception',
    STANDARD,
    pqap('qci', 0, { gr: { 2: END + 1n } }),
    6,
  ),
  {
    name: 'RC 01 comes before an addressing exception',
    preset: STANDARD,
    steps: [[nqap(0x2104, 64, { at: END }), { cc: 3, gr: { 1: 0x00010000n } }]],
  },
  {
    name: 'a full queue (RC 10) comes before an addressing exception',
    preset: STANDARD,
    steps: [nqap(0x0b04, 64), [nqap(0x0b04, 64, { at: END }), { cc: 3, gr: { 1: 0x60100000n } }]],
  },
  {
    name: 'a deconfigured adapter (RC 03) comes after a specification exception',
    preset: STANDARD,
    steps: [
      { op: 'deconfigure', apid: 5 },
      [nqap(Q, 0), { pgm: 6 }],
      [nqap(Q, 64), { cc: 3, gr: { 1: 0x00030000n } }],
    ],
  },
  pgm(
    'NQAP with L=0 where parts are switched off',
    standardWith({ partsAllowed: false }),
    nqap(Q, 64, { bits: 0n }),
    6,
  ),
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

export const EXCEPTIONS: readonly Vector[] = [
  ...INSTALLED,
  ...LENGTHS,
  ...ADDRESSES,
  ...ORDER,
  ...MODES,
  ...SIXTY_FOUR,
];
