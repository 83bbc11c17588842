// SPDX-License-Identifier: Apache-2.0
// Vectors: every check of the kvm-unit-tests series for AP.
// Source: ap-architecture.md 3.5.

import { advance, aqic, dqap, instruction, ms, nqap, pqap, us } from './build.ts';
import { GUEST, HOST, STANDARD } from './presets.ts';
import type { Vector } from './vector.ts';

const Q = 0x0504;
const ENABLE_ISC_0 = 0x0000800000000000n;
const SPECIFICATION = { pgm: 6 };
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, k) => from + k);
const bit = (n: number) => 1n << BigInt(63 - n);

/** All of these are refused with a specification exception by the host and by a guest. */
function refused(name: string, build: (guest: number) => ReturnType<typeof instruction>): Vector[] {
  return [HOST, GUEST].map((guest) => ({
    name: `${name}: specification exception ${guest === HOST ? 'in the partition' : 'in a guest'}`,
    preset: STANDARD,
    steps: [[build(guest), SPECIFICATION]],
  }));
}

const PRIVILEGED: Vector[] = [HOST, GUEST].flatMap((guest) =>
  (
    [
      ['PQAP(QCI)', 0xb2af0000, 0x04000000n],
      ['NQAP with registers 0 and 2', 0xb2ad0002, 0n],
      ['DQAP with registers 0 and 2', 0xb2ae0002, 0n],
    ] as const
  ).map(([name, word, gr0]) => ({
    name: `${name} in problem state: privileged operation ${guest === HOST ? 'in the partition' : 'in a guest'}`,
    preset: STANDARD,
    steps: [[instruction(word, { 0: gr0 }, { guest, problem: true }), { pgm: 2 }]],
  })),
);

const PQAP_OPERANDS: Vector[] = [
  ...refused('PQAP with function code 42', (guest) =>
    instruction(0xb2af0000, { 0: 42n << 24n }, { guest }),
  ),
  ...range(41, 47).flatMap((n) =>
    refused(`PQAP(TAPQ) with GR0 bit ${n}`, (guest) => pqap('tapq', Q, { guest, bits: bit(n) })),
  ),
  ...range(1, 7).flatMap((k) => [
    ...refused(`PQAP(QCI) with GR2 misaligned by ${k}`, (guest) =>
      pqap('qci', 0, { guest, gr: { 2: 0x3000n + BigInt(k) } }),
    ),
    ...refused(`PQAP with function code 6 and GR2 misaligned by ${k}`, (guest) =>
      pqap('qbap', 0, { guest, gr: { 2: 0x3000n + BigInt(k) } }),
    ),
  ]),
];

const MESSAGE_OPERANDS: Vector[] = (
  [
    ['NQAP', 0xb2ad0000, nqap, [32, 34, 35, 40]],
    ['DQAP', 0xb2ae0000, dqap, [33, 34, 35, 40, 41]],
  ] as const
).flatMap(([name, word, build, reserved]) => [
  ...(
    [
      [3, 6],
      [2, 7],
      [3, 7],
    ] as const
  ).flatMap(([r1, r2]) =>
    refused(`${name} with registers ${r1} and ${r2}`, (guest) =>
      build(Q, 64, { guest, word: word + r1 * 16 + r2, gr: { 3: 64n, 8: 64n } }),
    ),
  ),
  ...refused(`${name} with length 0 in GR5`, (guest) =>
    build(Q, 0, { guest, word: word + 0x24, gr: { 5: 0n } }),
  ),
  ...reserved.flatMap((n) =>
    refused(`${name} of 128 bytes with GR0 bit ${n}`, (guest) =>
      build(Q, 128, { guest, bits: bit(n) }),
    ),
  ),
  ...refused(`${name} of 12289 bytes`, (guest) => build(Q, 12289, { guest })),
  ...range(14, 62).flatMap((n) =>
    refused(`${name} with length 2^${n}`, (guest) =>
      build(Q, 64, { guest, gr: { 7: 1n << BigInt(n) } }),
    ),
  ),
  {
    name: `${name} with a length equal to the limit is no specification exception`,
    preset: STANDARD,
    steps: [
      name === 'NQAP'
        ? [build(Q, 12288), { cc: 0, gr: { 1: 0n, 6: 0x7000n, 7: 0n } }]
        : [build(Q, 12288), { cc: 3, gr: { 1: 0x80100000n } }],
    ],
  } satisfies Vector,
]);

const AQIC: Vector[] = [
  {
    name: 'AQIC with NIB 0 and with NIB -1: CC 3, RC 06 each',
    preset: STANDARD,
    steps: [
      [aqic(Q, ENABLE_ISC_0, 0n), { cc: 3, gr: { 1: 0x00060000n } }],
      [aqic(Q, ENABLE_ISC_0, 0xffffffffffffffffn), { cc: 3, gr: { 1: 0x00060000n } }],
    ],
  },
  {
    name: 'AQIC disable while disabled: CC 3, RC 07',
    preset: STANDARD,
    steps: [[aqic(Q, 0n, 0n), { cc: 3, gr: { 1: 0x00070000n } }]],
  },
  {
    name: 'AQIC enable: CC 0, I becomes 1; enable again: RC 07; disable: CC 0, I becomes 0',
    preset: STANDARD,
    steps: [
      [aqic(Q, ENABLE_ISC_0, 0x2000n), { cc: 0, gr: { 1: 0x80000000n } }],
      advance(ms(20)),
      [pqap('tapq', Q, { guest: HOST }), { cc: 0, gr: { 1: 0x81000000n, 2: 0x0e540307n } }],
      [aqic(Q, ENABLE_ISC_0, 0x2100n), { cc: 3, gr: { 1: 0x00070000n } }],
      [aqic(Q, 0n, 0n), { cc: 0, gr: { 1: 0x81000000n } }],
      advance(ms(20)),
      [pqap('tapq', Q, { guest: HOST }), { cc: 0, gr: { 1: 0x80000000n, 2: 0x0e540307n } }],
    ],
  },
  ...(['rapq', 'zapq'] as const).map(
    (reset) =>
      ({
        name: `${reset.toUpperCase()} with interruptions on: CC 0, RC 02 until it is done, then I = 0 and CC 0`,
        preset: STANDARD,
        steps: [
          aqic(Q, ENABLE_ISC_0, 0x2000n),
          advance(us(100)),
          [pqap(reset, Q, { guest: HOST }), { cc: 0, gr: { 1: 0x80000000n } }],
          [pqap('tapq', Q, { guest: HOST }), { cc: 3, gr: { 1: 0x80020000n, 2: 0x0e540307n } }],
          advance(ms(reset === 'rapq' ? 1 : 5) - 1),
          [pqap('tapq', Q, { guest: HOST }), { cc: 3, gr: { 1: 0x80020000n, 2: 0x0e540307n } }],
          advance(1),
          [pqap('tapq', Q, { guest: HOST }), { cc: 0, gr: { 1: 0x80000000n, 2: 0x0e540307n } }],
        ],
      }) satisfies Vector,
  ),
];

export const KVM_UNIT_TESTS: readonly Vector[] = [
  ...PRIVILEGED,
  ...PQAP_OPERANDS,
  ...MESSAGE_OPERANDS,
  ...AQIC,
];
