// SPDX-License-Identifier: Apache-2.0
// Vectors: every response code by its real cause, where this machine has one.
// Source: ap-architecture.md 2.1, 2.4, AD-12, AD-13.

import {
  advance,
  anyFunction,
  aqic,
  bytesOf,
  dqap,
  LAST,
  ms,
  nqap,
  pqap,
  SPECIAL,
  us,
  write,
} from './build.ts';
import { GUEST, HOST, SECURE, SECURE_2, STANDARD, standardWith } from './presets.ts';
import type { FunctionName } from './under-test.ts';
import type { Step, Vector } from './vector.ts';

const Q = 0x0504;
const SLOW = 0x0604;
const EP11_QUEUE = 0x0a04;
const ENABLE = 0x0000800000000006n;
const NIB = 0x2000n;
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

const bind = (apqn: number, guest = SECURE) => pqap('bapq', apqn, { guest });
const associate = (apqn: number, secret: bigint, guest = SECURE) =>
  pqap('aapq', apqn, { guest, gr: { 2: secret } });

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

const BINDING: Vector[] = [
  ...(['rapq', 'zapq', 'qact', 'bapq', 'aapq', 'nqap', 'dqap'] as const).map(
    (name) =>
      ({
        name: `${name.toUpperCase()} ends with RC 0A while an association runs`,
        preset: STANDARD,
        steps: [
          bind(EP11_QUEUE),
          associate(EP11_QUEUE, 1n),
          [anyFunction(name, EP11_QUEUE, { guest: SECURE }), { cc: 3, gr: { 1: 0x000a0000n } }],
        ],
      }) satisfies Vector,
  ),
  {
    name: 'TAPQ while an association runs ends with RC 00 and bs 1, afterwards with bs 0',
    preset: STANDARD,
    steps: [
      bind(EP11_QUEUE),
      [associate(EP11_QUEUE, 1n), { cc: 0, gr: { 1: 0x80000000n } }],
      [
        pqap('tapq', EP11_QUEUE, { guest: SECURE, bits: 0x00800000n }),
        { cc: 0, gr: { 1: 0x80000000n, 2: 0x868040000e540307n } },
      ],
      advance(ms(1)),
      [
        pqap('tapq', EP11_QUEUE, { guest: SECURE, bits: 0x00800000n }),
        { cc: 0, gr: { 1: 0x80000000n, 2: 0x868000000e540307n } },
      ],
    ],
  },
  ...(['aapq', 'nqap', 'dqap'] as const).map(
    (name) =>
      ({
        name: `${name.toUpperCase()} of a secure-execution guest ends with RC 0B on an unbound queue`,
        preset: STANDARD,
        steps: [
          [anyFunction(name, EP11_QUEUE, { guest: SECURE }), { cc: 3, gr: { 1: 0x000b0000n } }],
        ],
      }) satisfies Vector,
  ),
  ...(
    [
      ['30', 'BAPQ of a CCA queue', 0x00300000n, [], bind(Q)],
      ['31', 'AAPQ of an accelerator queue', 0x00310000n, [bind(SLOW)], associate(SLOW, 1n)],
      [
        '31',
        'AAPQ of an associated queue',
        0x00310000n,
        [bind(EP11_QUEUE), associate(EP11_QUEUE, 1n), advance(ms(1))],
        associate(EP11_QUEUE, 2n),
      ],
      [
        '32',
        'AAPQ of a queue with a reply',
        0x00320000n,
        [bind(EP11_QUEUE), nqap(EP11_QUEUE, 64, { guest: SECURE })],
        associate(EP11_QUEUE, 1n),
      ],
      [
        '34',
        'AAPQ with an index that names no secret',
        0x00340000n,
        [bind(EP11_QUEUE)],
        associate(EP11_QUEUE, 3n),
      ],
    ] as const
  ).map(
    ([rc, what, gr1, setup, last]) =>
      ({
        name: `${what} ends with RC ${rc}`,
        preset: STANDARD,
        steps: [...setup, [last, { cc: 3, gr: { 1: gr1 } }]],
      }) satisfies Vector,
  ),
  {
    name: 'AAPQ uses GR2 bits 48-63 as the index of the secret',
    preset: STANDARD,
    steps: [
      bind(EP11_QUEUE),
      [associate(EP11_QUEUE, 0x7777777777770001n), { cc: 0, gr: { 1: 0x80000000n } }],
    ],
  },
  {
    name: 'the same index in two guests names two secrets, so both associations hold',
    preset: STANDARD,
    steps: [
      bind(EP11_QUEUE),
      bind(0x0aab, SECURE_2),
      associate(EP11_QUEUE, 1n),
      associate(0x0aab, 1n, SECURE_2),
      [advance(ms(1)), { status: { [EP11_QUEUE]: 0x80000000, 2731: 0x80000000 } }],
    ],
  },
];

/** Two associations with one secret: the second ends with RC 35. */
const notUnique: Step[] = [
  bind(EP11_QUEUE),
  bind(0x0aab),
  associate(EP11_QUEUE, 1n),
  associate(0x0aab, 1n),
  advance(ms(1)),
];

const ASYNC: Vector[] = [
  ...(['tapq', 'qact', 'bapq', 'aapq', 'nqap', 'dqap'] as const).map(
    (name) =>
      ({
        name: `${name.toUpperCase()} ends with RC 35 and A=1 after an association with a secret in use`,
        preset: STANDARD,
        steps: [
          ...notUnique,
          [
            anyFunction(name, 0x0aab, { guest: SECURE }),
            {
              cc: 3,
              gr: name === 'tapq' ? { 1: 0x02350000n, 2: INFORMATION } : { 1: 0x02350000n },
            },
          ],
        ],
      }) satisfies Vector,
  ),
  ...(['rapq', 'zapq'] as const).map(
    (name) =>
      ({
        name: `${name.toUpperCase()} clears RC 35`,
        preset: STANDARD,
        steps: [
          ...notUnique,
          [pqap(name, 0x0aab, { guest: SECURE }), { cc: 0, gr: { 1: 0x80000000n } }],
          [advance(ms(5)), { status: { 2731: 0x80000000 } }],
        ],
      }) satisfies Vector,
  ),
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
  ...AQIC,
  ...BINDING,
  ...ASYNC,
  ...MESSAGES,
  ...TARGETS,
  ...PRECEDENCE,
];
