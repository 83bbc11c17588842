// SPDX-License-Identifier: Apache-2.0
// Vectors: every response code at every instruction by injection, with its flags.
// Source: ap-architecture.md 2.1, AD-12, AD-19a, AD-20a, AD-25; P7, P28, P35 of test/model/README.md.

import { anyFunction, dqap, nqap, pattern, pqap, T, write } from './build.ts';
import { GUEST, HOST, INSTANT, SECURE } from './presets.ts';
import type { FunctionName } from './under-test.ts';
import type { Vector } from './vector.ts';

const Q = 0x0a04;
const INFORMATION = 0x0e540307n;

const RESPONSE_CODES = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x10, 0x11, 0x13, 0x15, 0x16,
  0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x42,
];
/** The queue holds one reply: R=1, in the codes that carry flags. */
const FLAGS: Record<number, bigint> = {
  2: 0x40000000n,
  16: 0x40000000n,
  53: 0x02000000n,
  54: 0x02000000n,
};

const AT: readonly (readonly [FunctionName, number])[] = [
  ['tapq', GUEST],
  ['rapq', GUEST],
  ['zapq', GUEST],
  ['aqic', HOST],
  ['qact', GUEST],
  ['bapq', SECURE],
  ['aapq', SECURE],
  ['nqap', GUEST],
  ['dqap', GUEST],
];

const EACH: Vector[] = AT.flatMap(([name, guest]) =>
  RESPONSE_CODES.map((rc) => {
    const gr1 = BigInt(rc) * 0x10000n + (FLAGS[rc] ?? 0n);
    const sticky = rc === 0x35 || rc === 0x36;
    const gr2 = rc === 1 ? 0n : INFORMATION;
    return {
      name: `${name.toUpperCase()} answers an injected RC ${rc.toString(16).padStart(2, '0')} with CC 3 and leaves the queue alone`,
      preset: INSTANT,
      steps: [
        nqap(Q, 64),
        { op: 'fault', fault: { apqn: Q, on: name, rc, count: 1 } },
        [
          anyFunction(name, Q, { guest }),
          {
            cc: 3,
            gr: name === 'tapq' ? { 1: gr1, 2: gr2 } : { 1: gr1 },
            status: { [Q]: sticky ? 0x02000000 + rc * 0x10000 : 0x40000000 },
          },
        ],
      ],
    } satisfies Vector;
  }),
);

const RULES: Vector[] = [
  ...[0x35, 0x36].map(
    (rc) =>
      ({
        name: `an injected RC ${rc.toString(16)} stays until a reset`,
        preset: INSTANT,
        steps: [
          { op: 'fault', fault: { apqn: Q, on: 'tapq', rc, count: 1 } },
          [
            pqap('tapq', Q, { bits: T }),
            { cc: 3, gr: { 1: 0x02000000n + BigInt(rc * 0x10000), 2: 0x868000000e540307n } },
          ],
          [nqap(Q, 64), { cc: 3, gr: { 1: 0x02000000n + BigInt(rc * 0x10000) } }],
          [pqap('rapq', Q), { cc: 0, gr: { 1: 0x80000000n } }],
          [nqap(Q, 64), { cc: 0, gr: { 1: 0n, 6: 0x4040n, 7: 0n } }],
        ],
      }) satisfies Vector,
  ),
  {
    name: 'an injected response code is used as often as its count says',
    preset: INSTANT,
    steps: [
      { op: 'fault', fault: { apqn: Q, on: 'any', rc: 0x09, count: 2 } },
      [pqap('tapq', Q), { cc: 3, gr: { 1: 0x00090000n, 2: INFORMATION } }],
      [nqap(Q, 64), { cc: 3, gr: { 1: 0x00090000n } }],
      [nqap(Q, 64), { cc: 0, gr: { 1: 0n, 6: 0x4040n, 7: 0n } }],
    ],
  },
  {
    name: 'an injected response code waits for the function, the guest and the APQN that it names',
    preset: INSTANT,
    steps: [
      { op: 'fault', fault: { apqn: Q, on: 'dqap', rc: 0x11, count: 1 } },
      { op: 'fault', fault: { guest: SECURE, on: 'tapq', rc: 0x33, count: 1 } },
      [nqap(Q, 64), { cc: 0, gr: { 1: 0n, 6: 0x4040n, 7: 0n } }],
      [nqap(0x0aab, 64), { cc: 0, gr: { 1: 0n, 6: 0x4040n, 7: 0n } }],
      [pqap('tapq', Q), { cc: 0, gr: { 1: 0x40000000n, 2: INFORMATION } }],
      [pqap('tapq', Q, { guest: SECURE }), { cc: 3, gr: { 1: 0x00330000n, 2: INFORMATION } }],
      [dqap(Q, 64), { cc: 3, gr: { 1: 0x00110000n } }],
    ],
  },
  {
    name: 'operand checks and masks come before an injected response code and do not use it up',
    preset: INSTANT,
    steps: [
      { op: 'fault', fault: { on: 'nqap', rc: 0x30, count: 1 } },
      [nqap(Q, 0), { pgm: 6 }],
      [nqap(Q, 64, { problem: true }), { pgm: 2 }],
      [nqap(0x2104, 64), { cc: 3, gr: { 1: 0x00010000n } }],
      [nqap(Q, 64), { cc: 3, gr: { 1: 0x00300000n } }],
    ],
  },
  {
    name: 'an injected response code comes before the state of the queue',
    preset: INSTANT,
    steps: [
      { op: 'deconfigure', apid: 0x0a },
      { op: 'fault', fault: { on: 'tapq', rc: 0x05, count: 1 } },
      [pqap('tapq', Q), { cc: 3, gr: { 1: 0x00050000n, 2: INFORMATION } }],
      [pqap('tapq', Q), { cc: 3, gr: { 1: 0x00030000n, 2: INFORMATION } }],
    ],
  },
  ...(['nqap', 'dqap'] as const).map(
    (name) =>
      ({
        name: `${name.toUpperCase()} with an injected CC 2 changes nothing and can be executed again`,
        preset: INSTANT,
        steps: [
          write(GUEST, 0x4000, pattern(64)),
          { op: 'fault', fault: { on: 'any', cc: 2, count: 1 } },
          [anyFunction('tapq', Q), { cc: 0, gr: { 1: 0x80000000n, 2: INFORMATION } }],
          [anyFunction(name, Q), { cc: 2, gr: {}, status: { [Q]: 0x80000000 } }],
          [anyFunction('nqap', Q), { cc: 0, gr: { 1: 0n, 6: 0x4040n, 7: 0n } }],
        ],
      }) satisfies Vector,
  ),
];

export const INJECTED: readonly Vector[] = [...EACH, ...RULES];
