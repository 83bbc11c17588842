// SPDX-License-Identifier: Apache-2.0
// Vectors: response codes of binding and association, and asynchronous errors.
// Source: ap-architecture.md 2.1, 2.4, 5.6; P16 to P21 of test/model/README.md.

import { advance, anyFunction, ms, nqap, pqap } from './build.ts';
import { SECURE, SECURE_2, STANDARD } from './presets.ts';
import type { Step, Vector } from './vector.ts';

const Q = 0x0504;

const SLOW = 0x0604;

const EP11_QUEUE = 0x0a04;

const bind = (apqn: number, guest = SECURE) => pqap('bapq', apqn, { guest });

const associate = (apqn: number, secret: bigint, guest = SECURE) =>
  pqap('aapq', apqn, { guest, gr: { 2: secret } });

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

const INFORMATION = 0x0e540307n;

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

export const SECURE_EXECUTION: readonly Vector[] = [...BINDING, ...ASYNC];
