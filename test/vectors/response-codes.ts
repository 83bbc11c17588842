// SPDX-License-Identifier: Apache-2.0
// Vectors: response codes of queue states, of NQAP and DQAP, and their precedence, by their real cause.
// Source: ap-architecture.md 2.1, 2.4, AD-12, AD-13, AD-28.

import {
  advance,
  anyFunction,
  bytesOf,
  dqap,
  LAST,
  ms,
  nqap,
  pqap,
  SPECIAL,
  write,
} from './build.ts';
import { GUEST, HOST, SECURE, STANDARD, standardWith } from './presets.ts';
import type { FunctionName } from './under-test.ts';
import type { Step, Vector } from './vector.ts';

const Q = 0x0504;

const INFORMATION = 0x0e540307n;

/** All functions that name a queue; AQIC, BAPQ and AAPQ only where they are not intercepted or undefined. */
const PLAIN: readonly FunctionName[] = ['tapq', 'rapq', 'zapq', 'qact', 'nqap', 'dqap'];

/** What each function answers in a state of the queue: the same RC, GR2 of TAPQ full unless RC 01. */
function inState(
  what: string,
  rc: number,
  gr1: bigint,
  setup: readonly Step[],
  options: { apqn?: number; functions?: readonly FunctionName[]; guests?: readonly number[] } = {},
): Vector[] {
  const { apqn = Q, functions = PLAIN, guests = [HOST, GUEST] } = options;
  const gr2 = rc === 0x01 ? 0n : INFORMATION;
  return guests.flatMap((guest) => {
    const names = guest === HOST ? [...functions, 'aqic' as const] : functions;
    return names.map((name) => ({
      name: `${name.toUpperCase()} ends with RC ${rc.toString(16).padStart(2, '0')} ${what} (guest ${guest})`,
      preset: STANDARD,
      steps: [
        ...setup,
        [
          anyFunction(name, apqn, { guest }),
          { cc: 3, gr: name === 'tapq' ? { 1: gr1, 2: gr2 } : { 1: gr1 } },
        ],
      ],
    }));
  });
}

const STATES: Vector[] = [
  ...inState('if the machine has no such adapter', 0x01, 0x00010000n, [], { apqn: 0x6304 }),
  ...inState('if the machine has no such domain', 0x01, 0x00010000n, [], { apqn: 0x05f0 }),
  ...inState('while a reset runs', 0x02, 0x80020000n, [pqap('rapq', Q)]),
  ...inState('if the adapter is deconfigured', 0x03, 0x00030000n, [{ op: 'deconfigure', apid: 5 }]),
  ...inState('if the adapter is in checkstop', 0x04, 0x00040000n, [{ op: 'checkstop', apid: 5 }]),
  ...inState('while the queue is busy', 0x05, 0x00050000n, [{ op: 'busy', apqn: Q, ns: ms(1) }]),
];

const MESSAGES: Vector[] = [
  {
    name: 'NQAP ends with RC 10 and valid flags on a full queue, registers unchanged',
    preset: STANDARD,
    steps: [nqap(0x0b04, 64), [nqap(0x0b04, 64), { cc: 3, gr: { 1: 0x60100000n } }]],
  },
  {
    name: 'DQAP ends with RC 10 and valid flags on an empty queue, registers unchanged',
    preset: STANDARD,
    steps: [[dqap(Q, 64), { cc: 3, gr: { 1: 0x80100000n } }]],
  },
  ...(['no token in GR0', 'a token but nothing partly delivered'] as const).map(
    (what, k) =>
      ({
        name: `DQAP with bit 32 = 0 and ${what} ends with RC 13, reply or no reply`,
        preset: STANDARD,
        steps: [
          [dqap(Q, 64, { bits: k === 0 ? 0n : 0x01010000n }), { cc: 3, gr: { 1: 0x00130000n } }],
          nqap(Q, 64),
          [dqap(Q, 64, { bits: k === 0 ? 0n : 0x01010000n }), { cc: 3, gr: { 1: 0x00130000n } }],
        ],
      }) satisfies Vector,
  ),
  {
    name: 'NQAP ends with RC 15 if the parts together exceed the limit, and forgets the parts',
    preset: STANDARD,
    steps: [
      nqap(Q, 12288, { bits: 0n }),
      [nqap(Q, 1), { cc: 3, gr: { 1: 0x00150000n } }],
      [nqap(Q, 1), { cc: 0, gr: { 1: 0n, 6: 0x4001n, 7: 0n } }],
    ],
  },
  {
    name: 'NQAP of a special command ends with RC 16 on a queue without facility S',
    preset: STANDARD,
    steps: [[nqap(0x0b04, 64, { bits: LAST + SPECIAL }), { cc: 3, gr: { 1: 0x00160000n } }]],
  },
];

/** Requests that name a domain (messages.md 2.4, 2.5, 2.10). */
const cca = (domain: string) => bytesOf(308, { 1: '06', 32: '4341', 88: '00dc02', 258: domain });

const ep11 = (domain: string) => bytesOf(148, { 1: '06', 32: '5843', 88: '002004', 100: domain });

const TARGETS: Vector[] = [
  ...(
    [
      ['CCA request for a usage domain', 0x0704, cca('00ab'), 0],
      ['CCA request for a control domain', 0x0704, cca('0054'), 0],
      ['CCA request for any domain', 0x0704, cca('ffff'), 0],
      ['CCA request for a domain that is in neither mask', 0x0704, cca('0010'), 0x42],
      ['CCA request for a control domain that the machine has not', 0x0704, cca('0077'), 0x42],
      ['EP11 request for a usage domain', 0x0c04, ep11('000000ab'), 0],
      ['EP11 request for a domain that is in neither mask', 0x0c04, ep11('00000010'), 0x42],
      ['request of no known format', 0x0704, bytesOf(308, { 1: '50', 258: '0010' }), 0],
      ['loopback request that looks like CCA', Q, cca('0010'), 0],
    ] as const
  ).map(
    ([what, apqn, bytes, rc]) =>
      ({
        name: `NQAP of a ${what} ends with RC ${rc.toString(16).padStart(2, '0')}`,
        preset: STANDARD,
        steps: [
          write(GUEST, 0x4000, bytes),
          [
            nqap(apqn, bytes.length),
            rc === 0
              ? { cc: 0, gr: { 1: 0n, 6: 0x4000n + BigInt(bytes.length), 7: 0n } }
              : { cc: 3, gr: { 1: 0x00420000n } },
          ],
        ],
      }) satisfies Vector,
  ),
  {
    name: 'NQAP of a request for a domain in neither mask is accepted if QCI flag R is on',
    preset: standardWith({ qciFlags: { S: true, C: true, R: true, B: true } }),
    steps: [
      write(GUEST, 0x4000, cca('0010')),
      [nqap(0x0704, 308), { cc: 0, gr: { 1: 0n, 6: 0x4134n, 7: 0n } }],
    ],
  },
];

const EP11_QUEUE = 0x0a04;

const bind = (apqn: number, guest = SECURE) => pqap('bapq', apqn, { guest });

const associate = (apqn: number, secret: bigint, guest = SECURE) =>
  pqap('aapq', apqn, { guest, gr: { 2: secret } });

/** Two associations with one secret: the second ends with RC 35. */
const notUnique: Step[] = [
  bind(EP11_QUEUE),
  bind(0x0aab),
  associate(EP11_QUEUE, 1n),
  associate(0x0aab, 1n),
  advance(ms(1)),
];

/** AD-13: two states hold, the first one named wins. */
const PRECEDENCE: Vector[] = (
  [
    [
      'RC 35 before RC 03',
      0x02350000n,
      [...notUnique.slice(0, 4), advance(ms(1)), { op: 'deconfigure', apid: 6 }],
      0x0aab,
    ],
    [
      'RC 03 before RC 04',
      0x00030000n,
      [
        { op: 'checkstop', apid: 5 },
        { op: 'deconfigure', apid: 5 },
      ],
      Q,
    ],
    ['RC 02 before RC 05', 0x80020000n, [pqap('rapq', Q), { op: 'busy', apqn: Q, ns: ms(9) }], Q],
    [
      'RC 04 before RC 05',
      0x00040000n,
      [
        { op: 'checkstop', apid: 5 },
        { op: 'busy', apqn: Q, ns: ms(9) },
      ],
      Q,
    ],
    ['RC 0B before RC 05', 0x000b0000n, [{ op: 'busy', apqn: Q, ns: ms(9) }], Q],
    [
      'RC 05 before RC 10',
      0x00050000n,
      [bind(EP11_QUEUE), { op: 'busy', apqn: EP11_QUEUE, ns: ms(9) }],
      EP11_QUEUE,
    ],
  ] as [string, bigint, Step[], number][]
).map(([what, gr1, setup, apqn]) => ({
  name: `DQAP of a secure-execution guest shows ${what}`,
  preset: STANDARD,
  steps: [...setup, [dqap(apqn, 64, { guest: SECURE }), { cc: 3, gr: { 1: gr1 } }]],
}));

export const RESPONSE_CODES: readonly Vector[] = [
  ...STATES,
  ...MESSAGES,
  ...TARGETS,
  ...PRECEDENCE,
];
