// SPDX-License-Identifier: Apache-2.0
// Vectors: resets, notification, operator actions and bind states over time.
// Source: ap-architecture.md 1.5, 2.4, 5.6, AD-20, AD-22, AD-36.

import { advance, aqic, dqap, ms, nqap, pqap, T, us, write } from './build.ts';
import type { Operation } from './operations.ts';
import { HOST, SECURE, STANDARD } from './presets.ts';
import type { Step, Vector } from './vector.ts';

const Q = 0x0504;

const SLOW = 0x0604;

const RESETS: Vector[] = [
  ...(['rapq', 'zapq'] as const).flatMap((name) => [
    {
      name: `${name.toUpperCase()} discards requests and replies, also those in service`,
      preset: STANDARD,
      steps: [
        nqap(SLOW, 64),
        [pqap(name, SLOW), { cc: 0, gr: { 1: 0x80000000n }, status: { [SLOW]: 0x80020000 } }],
        [advance(ms(5)), { status: { [SLOW]: 0x80000000 } }],
        [dqap(SLOW, 64), { cc: 3, gr: { 1: 0x80100000n } }],
      ],
    } satisfies Vector,
    {
      name: `${name.toUpperCase()} cancels a pending AQIC change`,
      preset: STANDARD,
      steps: [
        aqic(Q, 0x0000800000000006n, 0x2000n),
        [pqap(name, Q), { cc: 0, gr: { 1: 0x80000000n } }],
        [advance(ms(5)), { status: { [Q]: 0x80000000 } }],
      ],
    } satisfies Vector,
  ]),
  {
    name: 'ZAPQ during a RAPQ ends with RC 02 and does not prolong the reset',
    preset: STANDARD,
    steps: [
      pqap('rapq', Q),
      advance(us(500)),
      [pqap('zapq', Q), { cc: 3, gr: { 1: 0x80020000n } }],
      [advance(us(500)), { status: { [Q]: 0x80000000 } }],
    ],
  },
  {
    name: 'notification happens with each reply, also if one waits already',
    preset: STANDARD,
    steps: [
      aqic(Q, 0x0000800000000006n, 0x2000n),
      advance(us(100)),
      nqap(Q, 64),
      write(HOST, 0x2000, Uint8Array.of(0)),
      [
        nqap(Q, 64),
        {
          cc: 0,
          gr: { 1: 0x41000000n, 6: 0x4040n, 7: 0n },
          storage: [{ guest: HOST, at: 0x2000, hex: '01' }],
        },
      ],
    ],
  },
];

const OPERATOR: Vector[] = (
  [
    ['deconfigure', 'configure', 0x00030000],
    ['checkstop', 'recover', 0x00040000],
  ] as const
).map(([away, back, status]) => ({
  name: `${away} empties the queues, disables interruptions and unbinds; ${back} gives idle queues at once`,
  preset: STANDARD,
  steps: [
    aqic(0x0a04, 0x0000800000000006n, 0x2000n),
    pqap('bapq', 0x0a04, { guest: SECURE }),
    advance(us(100)),
    nqap(0x0a04, 64),
    [{ op: away, apid: 0x0a } as Operation, { status: { 2564: status, [Q]: 0x80000000 } }],
    [{ op: back, apid: 0x0a } as Operation, { status: { 2564: 0x80000000 } }],
    [
      pqap('tapq', 0x0a04, { guest: SECURE, bits: T }),
      { cc: 0, gr: { 1: 0x80000000n, 2: 0x868080000e540307n } },
    ],
  ],
}));

const secureTapq = (apqn: number, gr2: bigint): Step => [
  pqap('tapq', apqn, { guest: SECURE, bits: T }),
  { cc: 0, gr: { 1: 0x80000000n, 2: gr2 } },
];

const BINDING: Vector[] = [
  {
    name: 'bs goes from 2 over 1 to 0 with BAPQ and AAPQ, to 1 with ZAPQ, to 2 with RAPQ and F',
    preset: STANDARD,
    steps: [
      secureTapq(0x0a04, 0x868080000e540307n),
      [pqap('bapq', 0x0a04, { guest: SECURE }), { cc: 0, gr: { 1: 0x80000000n } }],
      secureTapq(0x0a04, 0x868040000e540307n),
      pqap('aapq', 0x0a04, { guest: SECURE, gr: { 2: 1n } }),
      advance(ms(1)),
      secureTapq(0x0a04, 0x868000000e540307n),
      pqap('rapq', 0x0a04, { guest: SECURE }),
      advance(ms(1)),
      secureTapq(0x0a04, 0x868000000e540307n),
      pqap('zapq', 0x0a04, { guest: SECURE }),
      advance(ms(5)),
      secureTapq(0x0a04, 0x868040000e540307n),
      pqap('rapq', 0x0a04, { guest: SECURE, bits: 0x00400000n }),
      advance(ms(1)),
      secureTapq(0x0a04, 0x868080000e540307n),
    ],
  },
  {
    name: 'a CCA queue shows bs 3 to a secure-execution guest and bs 0 to another',
    preset: STANDARD,
    steps: [
      secureTapq(Q, 0xf280c0000e540307n),
      [pqap('tapq', Q, { bits: T }), { cc: 0, gr: { 1: 0x80000000n, 2: 0xf28000000e540307n } }],
    ],
  },
];

export const LIFECYCLE: readonly Vector[] = [...RESETS, ...OPERATOR, ...BINDING];
