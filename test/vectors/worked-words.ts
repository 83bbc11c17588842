// SPDX-License-Identifier: Apache-2.0
// Vectors: worked values of the reference: words in GR0, AQIC control words, QCI bytes.
// Source: ap-architecture.md section 8.

import {
  advance,
  again,
  aqic,
  BUFFER_AT,
  DQAP_WORD,
  dqap,
  hexOf,
  LAST,
  MESSAGE_AT,
  ms,
  nqap,
  PSMID_HIGH,
  PSMID_LOW,
  pattern,
  pqap,
  SPECIAL,
  us,
  write,
} from './build.ts';
import { BARE_HOST, GUEST, HOST, SECURE, STANDARD, standardWith } from './presets.ts';
import type { Vector } from './vector.ts';

const Q = 0x0504;

const SLOW = 0x0604;

const ENABLE = 0x0000800000000006n;

const NIB = 0x2000n;

const CONTROL_WORDS: Vector[] = [
  {
    name: 'AQIC control word 0000800000000006 enables interruptions of the host partition after the delay',
    preset: STANDARD,
    steps: [
      [aqic(Q, ENABLE, NIB), { cc: 0, gr: { 1: 0x80000000n }, status: { [Q]: 0x80000000 } }],
      [advance(us(99)), { status: { [Q]: 0x80000000 } }],
      [advance(us(1)), { status: { [Q]: 0x81000000 } }],
    ],
  },
  {
    name: 'AQIC control word 0000800000000006 in a guest is intercepted with nothing changed',
    preset: STANDARD,
    steps: [[aqic(Q, ENABLE, NIB, { guest: GUEST }), { ipb: 0 }]],
  },
  {
    name: 'AQIC control word 000086001F00A905 names a GISA that is outside this storage: RC 08',
    preset: STANDARD,
    steps: [[aqic(Q, 0x000086001f00a905n, NIB), { cc: 3, gr: { 1: 0x00080000n } }]],
  },
  {
    name: 'AQIC control word as by vfio_ap with its GISA in storage: the reply sets NIB and the IPM bit of GISC 6',
    preset: STANDARD,
    steps: [
      [aqic(SLOW, 0x000086000000a905n, NIB), { cc: 0, gr: { 1: 0x80000000n } }],
      advance(us(100)),
      nqap(SLOW, 64),
      [
        advance(ms(1)),
        {
          status: { [SLOW]: 0x41000000 },
          storage: [
            { guest: HOST, at: 0x2000, hex: '01' },
            { guest: HOST, at: 0xa904, hex: '02' },
          ],
          pendingIscs: [],
        },
      ],
    ],
  },
];

const GR0_WORDS: Vector[] = [
  {
    name: 'GR0 01000504 with F (01400504) is accepted in a secure-execution guest',
    preset: STANDARD,
    steps: [
      [pqap('rapq', Q, { guest: SECURE, bits: 0x00400000n }), { cc: 0, gr: { 1: 0x80000000n } }],
    ],
  },
  {
    name: 'GR0 02000504 resets and zeroizes the queue',
    preset: STANDARD,
    steps: [[pqap('zapq', Q), { cc: 0, gr: { 1: 0x80000000n }, status: { [Q]: 0x80020000 } }]],
  },
  {
    name: 'GR0 40400504 is NQAP of a special command, accepted by a queue with facility S',
    preset: STANDARD,
    steps: [
      [
        nqap(Q, 64, { bits: LAST + SPECIAL }),
        { cc: 0, gr: { 1: 0n, 6: 0x4040n, 7: 0n }, status: { [Q]: 0x40000000 } },
      ],
    ],
  },
  {
    name: 'GR0 01010504 is the token of the first part of a reply',
    preset: STANDARD,
    steps: [
      write(GUEST, MESSAGE_AT, pattern(64)),
      nqap(Q, 64),
      [
        dqap(Q, 40),
        {
          cc: 1,
          gr: { 0: 0x01010504n, 2: 24n, 6: 0x6028n, 7: 0n },
          storage: [{ guest: GUEST, at: BUFFER_AT, hex: hexOf(pattern(40)) }],
        },
      ],
      [
        again(DQAP_WORD, { 2: 0n, 6: 0x7000n, 7: 24n }),
        {
          cc: 0,
          gr: { 1: 0x80000000n, 2: 0n, 4: PSMID_HIGH, 5: PSMID_LOW, 6: 0x7018n, 7: 0n },
          storage: [{ guest: GUEST, at: 0x7000, hex: hexOf(pattern(64).subarray(40)) }],
        },
      ],
    ],
  },
  {
    name: 'GR0 05000504 asks for the compatibility type',
    preset: STANDARD,
    steps: [
      [
        pqap('qact', Q, { gr: { 1: 0x100000000e000000n } }),
        { cc: 0, gr: { 1: 0x80000000n, 2: 0x100000000e000000n } },
      ],
    ],
  },
];

const QCI: Vector[] = [
  {
    name: 'QCI bytes 0-1 F0 00: flags S N C R, and control domain 0x54 is byte 10 value 08 of the ADM',
    preset: standardWith({ qciFlags: { S: true, C: true, R: true, B: false } }),
    steps: [
      [
        pqap('qci', 0, { guest: GUEST }),
        {
          cc: 0,
          storage: [
            { guest: GUEST, at: 0x3000, hex: 'f0000000ffff' },
            { guest: GUEST, at: 0x3010, hex: '073c' },
            { guest: GUEST, at: 0x3030, hex: '08' },
            { guest: GUEST, at: 0x3038, hex: '01' },
            { guest: GUEST, at: 0x3045, hex: '10' },
            { guest: GUEST, at: 0x3050, hex: '08' },
            { guest: GUEST, at: 0x305a, hex: '08' },
          ],
        },
      ],
    ],
  },
  {
    name: 'QCI bytes 0-1 F0 80: flags S N C R B in a secure-execution guest',
    preset: standardWith({
      qciFlags: { S: true, C: true, R: true, B: true },
      usageDomains: [],
      adapters: [],
      controlDomains: [],
    }),
    steps: [
      [
        pqap('qci', 0, { guest: SECURE }),
        { cc: 0, storage: [{ guest: SECURE, at: 0x3000, hex: 'f0800000ffff' }] },
      ],
    ],
  },
  {
    name: 'QCI without facilities C and B shows S, N and R to a guest',
    preset: BARE_HOST,
    steps: [
      [
        pqap('qci', 0, { guest: 2 }),
        { cc: 0, storage: [{ guest: 2, at: 0x3000, hex: 'd0000000ffff' }] },
      ],
    ],
  },
];

export const WORKED_WORDS: readonly Vector[] = [...CONTROL_WORDS, ...GR0_WORDS, ...QCI];
