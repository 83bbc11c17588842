// SPDX-License-Identifier: Apache-2.0
// Vectors: program exceptions with ILC and old PSW, what is installed, what is ignored, the order of checks.
// Source: ap-architecture.md 3.1, 3.2, AD-01 to AD-07, AD-15.

import { anyFunction, F, instruction, LAST, nqap, pqap, SPECIAL, T } from './build.ts';
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

const END = 0x14000n;

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

export const EXCEPTIONS: readonly Vector[] = [...INSTALLED, ...ORDER];
