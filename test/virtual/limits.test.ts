// SPDX-License-Identifier: Apache-2.0
// Messages that do not fit where they should go: nothing is written beside the place they have (docs/decisions.md VD-50, VD-52).
import { describe, expect, it } from 'vitest';
import { mismatches, withMachine } from './machines.ts';
import { PATH } from './programs.ts';

const CARDS = `
apemu: 1
machine:
  usageDomains: [4]
  adapters:
    3: { mode: loopback, service: { model: fixed, time: 1ms, engines: 1 } }
    7: { mode: loopback, ml: 1, service: { model: fixed, time: 1ms, engines: 1 } }
    8: { mode: loopback, ml: 15, service: { model: fixed, time: 1ms } }
`;
const guest = (real: number): string =>
  `guests: { A: { memory: 128KiB, mdev: { type: virtual, adapters: { 1: [${real}] }, domains: { 0: [4] } } } }`;

describe('a virtual queue', () => {
  it('shows the limit it has, whatever the ML of its cards', async () => {
    const both = `${CARDS}${guest(3).replace('[3]', '[3, 7]')}`;
    await withMachine(both, (machine) => {
      const lines = `A.0: tapq 01.0000 => gr2=e54010f
A.0: nqap 01.0000 psmid=1 addr=0x4000 len=4096 => rc=00
A.0: nqap 01.0000 psmid=1 addr=0x4000 len=4097 => pgm=6`;
      expect(mismatches(machine, lines)).toEqual([]);
    });
  });

  it('ends what waits and is too long for the cards it has now with 82/12, and leaves its neighbours alone', async () => {
    await withMachine(`${CARDS}host: { apmask: "-3,-7" }\n${guest(3)}`, (machine) => {
      const send = [1, 2, 3].map((n) => `A.0: nqap 01.0000 psmid=${n} addr=0x4000 len=12000`);
      const lost = [2, 3].map(
        (n) => `A.0: dqap 01.0000 addr=0x8000 len=0x1000 => rc=00 psmid=${n}
A.0: mem 0x8000 8 => 0082000012000000`,
      );
      const lines = `${send.join('\n')}
sysfs: echo 1:7 > ${PATH}/assign_adapter => ok
sysfs: echo 1:3 > ${PATH}/unassign_adapter => ok
clock: run
${lost.join('\n')}
A.0: dqap 01.0000 addr=0x8000 len=0x1000 => cc=1
A.0: dqap 01.0000 token=01010100 addr=0x8000 len=0x1000 => cc=1
A.0: dqap 01.0000 token=01020100 addr=0x8000 len=0x1000 => rc=00 psmid=1
A.0: tapq 01.0000 => status=80000000
A.0: nqap 01.0000 psmid=4 addr=0x4000 len=4096 => rc=00
clock: run
A.0: dqap 01.0000 addr=0x8000 len=0x1000 => rc=00 psmid=4`;
      expect(mismatches(machine, lines)).toEqual([]);
    });
  });

  it('gets 82/A0 for a reply longer than its place', async () => {
    await withMachine(`${CARDS}${guest(8)}`, (machine) => {
      const lengths = [20_000, 64];
      machine.context.service.onReply = () => lengths.shift() as number;
      const lines = `A.0: nqap 01.0000 psmid=1 addr=0x4000 len=64 => rc=00
A.0: nqap 01.0000 psmid=2 addr=0x4000 len=64 => rc=00
clock: run
A.0: dqap 01.0000 addr=0x8000 len=0x3000 => rc=00 psmid=1
A.0: mem 0x8000 8 => 00820000a0000000
A.0: dqap 01.0000 addr=0x8000 len=0x3000 => rc=00 psmid=2
A.0: tapq 01.0000 => status=80000000`;
      expect(mismatches(machine, lines)).toEqual([]);
    });
  });
});
