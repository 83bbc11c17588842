// SPDX-License-Identifier: Apache-2.0
// Vectors: worked values of the reference: queue information, status words, the sequence of a Linux driver.
// Source: ap-architecture.md section 8 (interruption words and CR6 masks belong to KVM, not to these instructions).

import {
  advance,
  aqic,
  dqap,
  ms,
  nqap,
  PSMID_HIGH,
  PSMID_LOW,
  pqap,
  T,
  us,
  write,
} from './build.ts';
import { HOST, INSTANT, SECURE, STANDARD } from './presets.ts';
import type { Step, Vector } from './vector.ts';

const INFORMATION: Vector[] = (
  [
    [0x0504, 0xf28000000e540307n, 'CCA preset'],
    [0x0a04, 0x868000000e540307n, 'EP11 preset'],
    [0x0604, 0xea8000000e540307n, 'accelerator preset'],
  ] as const
).flatMap(([apqn, gr2, what]) => [
  {
    name: `TAPQ with T=1 gives the queue information of the ${what} in GR2`,
    preset: STANDARD,
    steps: [[pqap('tapq', apqn, { bits: T }), { cc: 0, gr: { 1: 0x80000000n, 2: gr2 } }]],
  },
  {
    name: `TAPQ with T=0 gives only the low word of the queue information of the ${what}`,
    preset: STANDARD,
    steps: [[pqap('tapq', apqn), { cc: 0, gr: { 1: 0x80000000n, 2: gr2 & 0xffffffffn } }]],
  },
]);

const Q = 0x0504;

const SLOW = 0x0604;

const ENABLE = 0x0000800000000006n;

const NIB = 0x2000n;

/** Host enables interruptions and waits until they are on. */
const enabled = (apqn: number): Step[] => [aqic(apqn, ENABLE, NIB), advance(us(100))];

const STATUS: Vector[] = [
  {
    name: 'status 80000000: a queue that never was used is empty with interruptions off',
    preset: STANDARD,
    steps: [[pqap('tapq', Q), { cc: 0, gr: { 1: 0x80000000n, 2: 0x0e540307n } }]],
  },
  {
    name: 'status 81000000: an empty queue with interruptions on',
    preset: STANDARD,
    steps: [...enabled(Q), [pqap('tapq', Q), { cc: 0, gr: { 1: 0x81000000n, 2: 0x0e540307n } }]],
  },
  {
    name: 'status 80020000: TAPQ while a reset runs ends with CC 3 and the queue information',
    preset: STANDARD,
    steps: [
      [pqap('rapq', Q), { cc: 0, gr: { 1: 0x80000000n } }],
      [pqap('tapq', Q), { cc: 3, gr: { 1: 0x80020000n, 2: 0x0e540307n } }],
    ],
  },
  {
    name: 'status 21100000: NQAP refused by a full queue with interruptions on',
    preset: STANDARD,
    steps: [
      ...enabled(SLOW),
      ...Array.from({ length: 8 }, () => nqap(SLOW, 64)),
      [nqap(SLOW, 64), { cc: 3, gr: { 1: 0x21100000n } }],
    ],
  },
  {
    name: 'status 81100000: DQAP with nothing in the queue and interruptions on',
    preset: STANDARD,
    steps: [...enabled(Q), [dqap(Q, 64), { cc: 3, gr: { 1: 0x81100000n } }]],
  },
  {
    name: 'status 01100000: DQAP while the only request is in work, interruptions on',
    preset: STANDARD,
    steps: [...enabled(SLOW), nqap(SLOW, 64), [dqap(SLOW, 64), { cc: 3, gr: { 1: 0x01100000n } }]],
  },
  {
    name: 'status 41000000: a reply waits with interruptions on',
    preset: STANDARD,
    steps: [
      ...enabled(Q),
      nqap(Q, 64),
      [pqap('tapq', Q), { cc: 0, gr: { 1: 0x41000000n, 2: 0x0e540307n } }],
    ],
  },
  {
    name: 'status 00010000: TAPQ of an APQN that is not available clears GR2',
    preset: STANDARD,
    steps: [[pqap('tapq', 0x05ff, { bits: T }), { cc: 3, gr: { 1: 0x00010000n, 2: 0n } }]],
  },
  {
    name: 'status 02350000: TAPQ after two associations with one secret shows the asynchronous error',
    preset: STANDARD,
    steps: [
      pqap('bapq', 0x0a04, { guest: SECURE }),
      pqap('bapq', 0x0aab, { guest: SECURE }),
      pqap('aapq', 0x0a04, { guest: SECURE, gr: { 2: 1n } }),
      pqap('aapq', 0x0aab, { guest: SECURE, gr: { 2: 1n } }),
      advance(ms(1)),
      [
        pqap('tapq', 0x0aab, { guest: SECURE, bits: T }),
        { cc: 3, gr: { 1: 0x02350000n, 2: 0x8680_4000_0e540307n } },
      ],
    ],
  },
];

/** The minimum sequence of a Linux guest, executed by the host partition with everything instant. */
const SEQUENCE: Vector = {
  name: 'the minimum sequence of a Linux driver runs from the first TAPQ to an idle queue',
  preset: INSTANT,
  steps: [
    [pqap('tapq', 0, { guest: HOST }), { cc: 3, gr: { 1: 0x00010000n, 2: 0n } }],
    [
      pqap('tapq', Q, { guest: HOST, bits: T }),
      { cc: 0, gr: { 1: 0x80000000n, 2: 0xf28000000e540307n } },
    ],
    [
      pqap('rapq', Q, { guest: HOST }),
      { cc: 0, gr: { 1: 0x80000000n }, status: { [Q]: 0x80000000 } },
    ],
    [
      pqap('tapq', Q, { guest: HOST, bits: T }),
      { cc: 0, gr: { 1: 0x80000000n, 2: 0xf28000000e540307n } },
    ],
    [aqic(Q, ENABLE, NIB), { cc: 0, gr: { 1: 0x80000000n }, status: { [Q]: 0x81000000 } }],
    [pqap('tapq', Q, { guest: HOST }), { cc: 0, gr: { 1: 0x81000000n, 2: 0x0e540307n } }],
    [
      nqap(Q, 64, { guest: HOST }),
      {
        cc: 0,
        gr: { 1: 0x01000000n, 6: 0x4040n, 7: 0n },
        storage: [{ guest: HOST, at: 0x2000, hex: '01' }],
        pendingIscs: [6],
      },
    ],
    write(HOST, 0x2000, Uint8Array.of(0)),
    [
      dqap(Q, 0x3000, { guest: HOST }),
      { cc: 0, gr: { 1: 0x81000000n, 2: 0n, 4: PSMID_HIGH, 5: PSMID_LOW, 6: 0x6040n, 7: 0x2fc0n } },
    ],
    [dqap(Q, 0x3000, { guest: HOST }), { cc: 3, gr: { 1: 0x81100000n } }],
  ],
};

export const WORKED_VALUES: readonly Vector[] = [...INFORMATION, ...STATUS, SEQUENCE];
