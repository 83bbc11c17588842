// SPDX-License-Identifier: Apache-2.0
// What a guest with a virtual mdev sees of its AP instructions, as AP programs with their expectations: docs/reference/vfio-ap.md S0-31 to
// S0-33, V-03, V-05 to V-12, V-14.
import { CARDS, MATRIX, SHARED, UUIDS } from './machines.ts';

const [FIRST] = UUIDS as [string];
export const PATH = `${MATRIX}/${FIRST}`;
const one = (adapters: string, more = ''): string => `${CARDS}
host: { apmask: "-3,-5,-6,-0x10,-0x11" }
guests:
  A: { memory: 128KiB, mdev: { type: virtual, adapters: { 1: ${adapters} }, domains: { 0: [4] }${more} } }
`;
/** Numbers of the messages that a DQAP finds, in order, until the queue is empty. */
const drain = (guest: string, apqn: string, psmids: readonly number[]): string =>
  [
    ...psmids.map(
      (psmid) =>
        `${guest}: dqap ${apqn} addr=0x8000 len=0x1000 => rc=00 psmid=${psmid.toString(16)}`,
    ),
    `${guest}: dqap ${apqn} addr=0x8000 len=0x1000 => rc=10`,
  ].join('\n');
const send = (guest: string, apqn: string, psmid: number, length = 64): string =>
  `${guest}: nqap ${apqn} psmid=${psmid.toString(16)} addr=0x4000 len=${length} => rc=00`;

/** Name, configuration, lines. */
export const PROGRAMS: readonly (readonly [string, string, string])[] = [
  [
    'V-03, S0-31: instructions mean virtual numbers; no real APQN can be named',
    SHARED,
    `A.0: tapq 01.0000 => cc=0 rc=00
A.0: tapq 05.0004 => cc=3 rc=01
A.0: tapq 02.0009 => cc=3 rc=01
B.0: tapq 02.0009 => cc=0 rc=00
B.0: tapq 01.0000 => cc=3 rc=01
A.0: nqap 05.0004 psmid=1 addr=0x4000 len=64 => cc=3 rc=01
A.0: dqap 05.0004 addr=0x8000 len=64 => cc=3 rc=01
A.0: rapq 05.0004 => cc=3 rc=01
A.0: aqic 05.0004 ir=1 isc=3 nib=0x2000 => cc=3 rc=01`,
  ],
  [
    'V-03: problem state and reserved bits end as without the hook',
    SHARED,
    `A.0: psw p=1
A.0: tapq 01.0000 => pgm=2
A.0: nqap 01.0000 psmid=1 addr=0x4000 len=64 => pgm=2
A.0: aqic 01.0000 ir=1 isc=3 nib=0x2000 => pgm=2
A.0: psw p=0
A.0: nqap 01.0000 psmid=1 addr=0x4000 len=20000 => pgm=6
A.0: nqap 01.0000 psmid=1 addr=0x1fff0 len=64 => pgm=5
A.0: insn 0xb2af0000 gr0=0x00010100 => pgm=6
A.0: tapq 01.0000 => status=80000000`,
  ],
  [
    'V-08: the type, depth and functions all candidates have in common',
    `${CARDS}
guests:
  A: { memory: 128KiB, mdev: { type: virtual, adapters: { 1: [3, 6] }, domains: { 0: [4], 1: [4, 0x47] } } }
`,
    `A.0: tapq 01.0000 t=1 => rc=00 gr2=928000000E54030B
A.0: tapq 01.0001 t=1 => rc=00 gr2=928000000E54030F`,
  ],
  [
    'V-09: QCI has the virtual numbers and nothing else; V-15: an empty ADM',
    SHARED,
    `B.0: qci addr=0x1000 => cc=0
B.0: mem 0x1010 32 => 2000000000000000000000000000000000000000000000000000000000000000
B.0: mem 0x1030 32 => 0040000000000000000000000000000000000000000000000000000000000000
B.0: mem 0x1050 32 => 0000000000000000000000000000000000000000000000000000000000000000`,
  ],
  [
    'V-05, S0-32: messages go where least is pending, at a tie one after the other; V-06: replies in the order they were ready',
    one('[3, 5, 6]'),
    `${[1, 2, 3, 4, 5, 6].map((n) => send('A.0', '01.0000', n)).join('\n')}
clock: advance 1ms
${drain('A.0', '01.0000', [1, 2, 3])}
clock: advance 1ms
${drain('A.0', '01.0000', [4, 5, 6])}`,
  ],
  [
    'V-05: first sends everything to the first candidate',
    one('[3, 5, 6]', ', choice: first'),
    `${send('A.0', '01.0000', 1)}
${send('A.0', '01.0000', 2)}
clock: advance 1ms
${drain('A.0', '01.0000', [1, 2])}`,
  ],
  [
    'V-05: sticky sends one PSMID to one candidate',
    one('[3, 5, 6]', ', choice: sticky'),
    `${send('A.0', '01.0000', 7)}
${send('A.0', '01.0000', 7)}
clock: advance 1ms
${drain('A.0', '01.0000', [7])}
clock: advance 1ms
${drain('A.0', '01.0000', [7])}`,
  ],
  [
    'V-06: equal PSMIDs keep their order, with what each message was',
    one('[3]'),
    `A.0: mem 0x4000 = 11111111
${send('A.0', '01.0000', 9, 4)}
A.0: mem 0x4000 = 22222222
${send('A.0', '01.0000', 9, 4)}
clock: run
A.0: dqap 01.0000 addr=0x8000 len=4 => rc=00 psmid=9
A.0: mem 0x8000 4 => 11111111
A.0: dqap 01.0000 addr=0x8000 len=4 => rc=00 psmid=9
A.0: mem 0x8000 4 => 22222222`,
  ],
  [
    'V-07: guests that share a queue get their own replies',
    SHARED,
    `A.0: mem 0x4000 = aaaaaaaa
B.0: mem 0x4000 = bbbbbbbb
${send('A.0', '01.0000', 1, 4)}
${send('B.0', '02.0009', 1, 4)}
${send('A.0', '01.0000', 2, 4)}
${send('B.0', '02.0009', 2, 4)}
clock: run
B.0: dqap 02.0009 addr=0x8000 len=4 => rc=00 psmid=1
B.0: mem 0x8000 4 => bbbbbbbb
${drain('B.0', '02.0009', [2])}
${drain('A.0', '01.0000', [1, 2])}
A.0: mem 0x8000 4 => aaaaaaaa`,
  ],
  [
    'a reply is fetched in parts, with tokens',
    one('[3]'),
    `A.0: mem 0x4000 = 0102030405060708
${send('A.0', '01.0000', 5, 8)}
clock: run
A.0: dqap 01.0000 addr=0x8000 len=5 => cc=1
A.0: dqap 01.0000 token=01010100 addr=0x8005 len=3 => cc=0 rc=00 psmid=5
A.0: mem 0x8000 8 => 0102030405060708`,
  ],
  [
    'V-09: RAPQ discards this guest’s messages, waiting and under way, and no other’s',
    SHARED,
    `${[1, 2, 3, 4, 5].map((n) => send('A.0', '01.0000', n)).join('\n')}
${send('B.0', '02.0009', 1)}
A.0: rapq 01.0000 => rc=00
clock: run
A.0: tapq 01.0000 => status=80000000
${drain('A.0', '01.0000', [])}
${drain('B.0', '02.0009', [1])}
${send('A.0', '01.0000', 6)}
clock: run
${drain('A.0', '01.0000', [6])}`,
  ],
  [
    'V-10: the engine notifies: byte, sub-class, and nothing after AQIC has it off',
    SHARED,
    `A.0: aqic 01.0000 ir=1 isc=5 nib=0x2000 => rc=00
A.0: aqic 01.0000 ir=1 isc=5 nib=0x2000 => rc=05
clock: run
A.0: aqic 01.0000 ir=1 isc=5 nib=0x2000 => rc=07
A.0: tapq 01.0000 => status=81000000
B.0: tapq 02.0009 => status=80000000
${send('A.0', '01.0000', 1)}
A.0: io => none
clock: run
A.0: mem 0x2000 1 => 01
A.0: io => isc=5
B.0: io => none
A.0: aqic 01.0000 ir=0 => rc=00
clock: run
A.0: tapq 01.0000 => status=40000000
A.0: aqic 01.0000 ir=1 isc=5 nib=0x200000 => rc=06
A.0: aqic 01.0000 ir=1 isc=5 nib=0 => rc=06`,
  ],
  [
    'V-11: 03 when all candidates are off, 04 when checkstopped, 01 when none is mapped; back when one is',
    one('[3, 5]'),
    `lpar: deconfigure 3
A.0: tapq 01.0000 t=1 => rc=00 gr2=928000000E540307
lpar: deconfigure 5
A.0: tapq 01.0000 => cc=3 rc=03
A.0: nqap 01.0000 psmid=1 addr=0x4000 len=64 => rc=03
lpar: configure 3
A.0: tapq 01.0000 => rc=00
lpar: checkstop 3
lpar: remove-adapter 5
A.0: tapq 01.0000 => cc=3 rc=04
lpar: remove-adapter 3
A.0: tapq 01.0000 => cc=3 rc=01`,
  ],
  [
    'a message on a card that dies ends with an error a driver survives; one that waits goes to another card',
    one('[3, 5]'),
    `${[1, 2, 3, 4].map((n) => send('A.0', '01.0000', n)).join('\n')}
lpar: checkstop 3
clock: advance 1us
A.0: dqap 01.0000 addr=0x8000 len=0x100 => rc=00 psmid=1
A.0: mem 0x8000 8 => 0082000012000000
clock: run
${drain('A.0', '01.0000', [2, 3, 4])}`,
  ],
  [
    'a reset of a real queue by the host ends what is on it, and nothing else',
    one('[3, 5]'),
    `${[1, 2, 3].map((n) => send('A.0', '01.0000', n)).join('\n')}
sysfs: echo 03.0004 > /sys/bus/ap/drivers/vfio_ap/unbind => ok
clock: run
${drain('A.0', '01.0000', [1, 2, 3])}
A.0: tapq 01.0000 t=1 => rc=00 gr2=928000000E540307`,
  ],
  [
    'response codes of a real queue hold a message back, they never reach the guest',
    one('[3]'),
    `fault: 03.0004 on=nqap rc=05 count=3
${send('A.0', '01.0000', 1)}
clock: run
${drain('A.0', '01.0000', [1])}`,
  ],
  [
    'V-14: messages sent finish on the old real queue, later ones go to the new one',
    one('[3]'),
    `${send('A.0', '01.0000', 1)}
sysfs: echo 1:5 > ${PATH}/assign_adapter => ok
sysfs: echo 1:3 > ${PATH}/unassign_adapter => ok
${send('A.0', '01.0000', 2)}
clock: run
A.0: dqap 01.0000 addr=0x8000 len=64 => rc=00 psmid=1
A.0: mem 0x8000 4 => 00000000
${drain('A.0', '01.0000', [2])}`,
  ],
  [
    'V-12: an accelerator pool takes clear-key formats only',
    one('[0x10]'),
    `${send('A.0', '01.0000', 1)}
clock: run
A.0: dqap 01.0000 addr=0x8000 len=0x100 => rc=00 psmid=1
A.0: mem 0x8000 8 => 008200008b000000`,
  ],
  [
    'a full virtual queue answers 10 with F',
    one('[6]'),
    `${[1, 2, 3, 4].map((n) => send('A.0', '01.0000', n)).join('\n')}
A.0: tapq 01.0000 => status=20000000
A.0: nqap 01.0000 psmid=5 addr=0x4000 len=64 => cc=3 rc=10
clock: advance 1ms
${drain('A.0', '01.0000', [1])}
${send('A.0', '01.0000', 5)}`,
  ],
  [
    'a detached guest has no virtual queues, and its messages do not come back to the next one',
    SHARED,
    `${send('A.0', '01.0000', 1)}
sysfs: detach A => ok
A.0: tapq 01.0000 => cc=3 rc=01
sysfs: attach A => ok
clock: run
${drain('A.0', '01.0000', [])}`,
  ],
];
