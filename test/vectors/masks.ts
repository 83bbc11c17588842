// SPDX-License-Identifier: Apache-2.0
// Vectors: SIE, CRYCB formats and effective masks, for each instruction.
// Source: ap-architecture.md 6.2, 6.3, AD-23, AD-29, AD-38.

import { anyFunction, aqic, nqap, pqap, T } from './build.ts';
import {
  BARE,
  EMPTY,
  FORMAT_0,
  FORMAT_1,
  GUEST,
  GUEST_MASKS,
  HOST,
  NARROW,
  NO_APIE,
  STANDARD,
} from './presets.ts';
import type { MachinePreset } from './under-test.ts';
import type { Vector } from './vector.ts';

const OK = { 1: 0x80000000n, 2: 0x0e540307n };
const GONE = { 1: 0x00010000n, 2: 0n };

/** TAPQ of an APQN by a guest: available, not available, or outside the range of ids. */
function tapq(
  preset: MachinePreset,
  guest: number,
  apqn: number,
  result: 'available' | 'not available' | 'specification exception',
  why: string,
): Vector {
  const expected = {
    available: { cc: 0, gr: OK },
    'not available': { cc: 3, gr: GONE },
    'specification exception': { pgm: 6 },
  }[result];
  return {
    name: `TAPQ of ${apqn.toString(16).padStart(4, '0')} by guest ${guest} gives ${result}: ${why}`,
    preset,
    steps: [[pqap('tapq', apqn, { guest }), expected]],
  };
}

const FORMAT_2: Vector[] = [
  tapq(STANDARD, GUEST, 0x0504, 'available', 'both bits are in APCB1'),
  tapq(STANDARD, GUEST, 0x05ab, 'available', 'both bits are in APCB1'),
  tapq(STANDARD, GUEST, 0x2104, 'not available', 'the APM bit is off'),
  tapq(STANDARD, GUEST, 0x0510, 'not available', 'the AQM bit is off'),
  tapq(STANDARD, GUEST, 0x210f, 'not available', 'the bits are in APCB0 only'),
  tapq(STANDARD, GUEST, 0x6304, 'not available', 'the partition has no such adapter'),
  tapq(STANDARD, GUEST, 0x05f0, 'not available', 'the partition has no such usage domain'),
  tapq(STANDARD, GUEST, 0x0554, 'not available', 'a control domain is no usage domain'),
  tapq(STANDARD, EMPTY, 0x0504, 'not available', 'the masks are empty'),
  tapq(STANDARD, EMPTY, 0x0000, 'not available', 'the probe of a guest without adapters'),
  tapq(STANDARD, HOST, 0x21ff, 'available', 'the partition has all its own adapters and domains'),
  tapq(STANDARD, HOST, 0x4104, 'available', 'APID above 63 with APXA'),
  tapq(STANDARD, HOST, 0x0554, 'not available', 'a control domain is no usage domain'),
];

const FORMATS_0_AND_1: Vector[] = [FORMAT_0, FORMAT_1].flatMap((guest) => [
  tapq(STANDARD, guest, 0x0504, 'available', 'both bits are in APCB0'),
  tapq(STANDARD, guest, 0x210f, 'available', 'both bits are in APCB0'),
  tapq(STANDARD, guest, 0x0604, 'not available', 'the bit is in APCB1 only'),
  tapq(STANDARD, guest, 0x0505, 'not available', 'the AQM bit is off'),
  tapq(STANDARD, guest, 0x0510, 'specification exception', 'APCB0 knows 16 domains'),
  tapq(STANDARD, guest, 0x4104, 'specification exception', 'APCB0 knows 64 adapters'),
  tapq(STANDARD, guest, 0x8004, 'specification exception', 'GR0 bit 48 without APXA'),
  tapq(STANDARD, guest, 0x0584, 'specification exception', 'GR0 bit 56 without APXA'),
]);

const WITHOUT_APXA: Vector[] = [
  tapq(NARROW, HOST, 0x3f04, 'available', 'highest 6-bit APID'),
  tapq(NARROW, HOST, 0x050f, 'available', 'highest 4-bit APQI'),
  tapq(NARROW, HOST, 0x4004, 'specification exception', 'GR0 bit 49 without APXA'),
  tapq(NARROW, HOST, 0x0510, 'specification exception', 'GR0 bit 59 without APXA'),
  ...[1, 2, 3].flatMap((guest) => [
    tapq(NARROW, guest, 0x0504, 'available', `both bits are in APCB0 (format ${guest - 1})`),
    tapq(NARROW, guest, 0x0505, 'not available', `APCB1 is not used (format ${guest - 1})`),
    tapq(NARROW, guest, 0x0604, 'not available', `the bit is in APCB1 only (format ${guest - 1})`),
    tapq(NARROW, guest, 0x4004, 'specification exception', `no APXA (format ${guest - 1})`),
  ]),
].map((vector) => ({
  ...vector,
  // Adapter 05 of this machine differs from the standard one only in facilities, 3F not at all.
  name: `without APXA: ${vector.name}`,
}));

const EACH_INSTRUCTION: Vector[] = (
  ['tapq', 'rapq', 'zapq', 'qact', 'nqap', 'dqap'] as const
).flatMap((name) => [
  {
    name: `${name.toUpperCase()} of an APQN outside the masks ends with RC 01 and changes nothing else`,
    preset: STANDARD,
    steps: [
      nqap(0x2104, 64, { guest: HOST }),
      [
        anyFunction(name, 0x2104),
        { cc: 3, gr: name === 'tapq' ? GONE : { 1: 0x00010000n }, status: { 8452: 0x40000000 } },
      ],
    ],
  },
  {
    name: `${name.toUpperCase()} with APIE off is intercepted, in problem state too`,
    preset: STANDARD,
    steps: [
      [
        anyFunction(name, 0x0504, { guest: NO_APIE }),
        { ipb: ['nqap', 'dqap'].includes(name) ? 0x00460000 : 0 },
      ],
      [
        anyFunction(name, 0x0504, { guest: NO_APIE, problem: true }),
        { ipb: ['nqap', 'dqap'].includes(name) ? 0x00460000 : 0 },
      ],
    ],
  },
]);

const qciOf = (guest: number, hex: { [offset: number]: string }) => ({
  cc: 0,
  storage: [
    { guest, at: 0x3000, hex: '00'.repeat(128) },
    ...Object.entries(hex).map(([at, bytes]) => ({ guest, at: 0x3000 + Number(at), hex: bytes })),
  ],
});

const SIE: Vector[] = [
  {
    name: 'PQAP(AQIC) of a guest is intercepted whatever its operands, but problem state comes first',
    preset: STANDARD,
    steps: [
      [aqic(0x0504, 0n, 0n, { guest: GUEST }), { ipb: 0 }],
      [aqic(0x2104, 0n, 0n, { guest: GUEST, word: 0xb2af1234 }), { ipb: 0x12340000 }],
      [aqic(0x0504, 0n, 0n, { guest: BARE, gr: { 0: 0x03ff0504n } }), { ipb: 0 }],
      [aqic(0x0504, 0n, 0n, { guest: GUEST, problem: true }), { pgm: 2 }],
    ],
  },
  {
    name: 'a change of the masks counts from the next instruction, and messages stay in the queue',
    preset: STANDARD,
    steps: [
      nqap(0x0504, 64),
      { op: 'masks', guest: GUEST, apcb: 1, masks: { apm: [], aqm: [], adm: [] } },
      [pqap('tapq', 0x0504, { bits: T }), { cc: 3, gr: GONE, status: { 1284: 0x40000000 } }],
      { op: 'masks', guest: GUEST, apcb: 1, masks: GUEST_MASKS },
      [pqap('tapq', 0x0504), { cc: 0, gr: { 1: 0x40000000n, 2: 0x0e540307n } }],
    ],
  },
  {
    name: 'QCI of the partition shows all adapters and domains, B, na and nd',
    preset: STANDARD,
    steps: [
      [
        pqap('qci', 0, { guest: HOST }),
        qciOf(HOST, {
          0: 'e0800000ffff',
          16: '073c000040000000' + '40',
          48: '0801' + '80',
          56: '01',
          69: '10',
          79: '01',
          80: '08',
          88: '01',
          90: '08',
          101: '10',
          111: '01',
        }),
      ],
    ],
  },
  ...[FORMAT_0, FORMAT_1].map(
    (guest) =>
      ({
        name: `QCI under SIE with a format-${guest - FORMAT_0} CRYCB shows 64 and 16 bits, N=0, na=nd=0`,
        preset: STANDARD,
        steps: [
          [
            pqap('qci', 0, { guest }),
            qciOf(guest, { 0: 'a000000000', 16: '0400000040', 48: '0801', 80: '08' }),
          ],
        ],
      }) satisfies Vector,
  ),
  {
    name: 'QCI under SIE with empty masks shows the flags and no adapters or domains',
    preset: STANDARD,
    steps: [[pqap('qci', 0, { guest: EMPTY }), qciOf(EMPTY, { 0: 'e0000000ffff' })]],
  },
  {
    name: 'QCI ignores GR0 bits 40-63',
    preset: STANDARD,
    steps: [
      [pqap('qci', 0xffff, { guest: EMPTY, bits: 0xff0000n }), qciOf(EMPTY, { 0: 'e0000000ffff' })],
    ],
  },
];

export const MASKS: readonly Vector[] = [
  ...FORMAT_2,
  ...FORMATS_0_AND_1,
  ...WITHOUT_APXA,
  ...EACH_INSTRUCTION,
  ...SIE,
];
