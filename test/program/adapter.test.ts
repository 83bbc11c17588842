// SPDX-License-Identifier: Apache-2.0
// The real machine behind programs: PSW, operator, administrator, faults in time, what cannot be done.

import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { ApemuError } from '../../src/errors.ts';
import { openProgramMachine } from '../../src/program/adapter.ts';
import { parseProgram } from '../../src/program/parse.ts';
import { formatMismatch } from '../../src/program/report.ts';
import { RunnableProgram } from '../../src/program/run.ts';

const CONFIG = `apemu: 1
machine:
  adapters: { 5: { mode: loopback }, 6: { mode: loopback, service: { time: 1ms } } }
  usageDomains: [4, 7]
guests:
  G: { memory: 128KiB, vcpus: 2, mdev: { adapters: [5, 6], domains: [4] } }
  H: { memory: 128KiB }
`;

async function differences(lines: string, text = CONFIG): Promise<string[]> {
  const machine = await openProgramMachine(parseConfig(text, 'c.yaml').config);
  try {
    const program = parseProgram(`apemu-program 1\n${lines}`, 'p.ap');
    const { mismatches } = new RunnableProgram(program, machine).run();
    return mismatches.map((mismatch) => formatMismatch(mismatch, ''));
  } finally {
    machine.close();
  }
}

const MATRIX = '/sys/devices/vfio_ap/matrix';

describe('on the real machine', () => {
  it.each([
    [
      'a vCPU starts as the design says',
      'G.0: psw => p=0 am=64 io=1 key=0 dat=0 cc=0 ia=0 cr6=FF000000\nG.1: tapq 05.0004 gr0=504 => cc=0',
    ],
    [
      'an instruction moves the instruction address, a program interruption does not',
      'G.0: tapq 05.0004\nG.0: psw => ia=4\nG.0: insn b2af0000 gr0=2a000504 => pgm=0006\nG.0: psw => ia=4\nG.0: mem 0x150 16 => 02000001800000000000000000000008',
    ],
    [
      'psw new=1 loads the new PSW of the program interruption',
      'G.0: mem 0x1d0 = 00000001800000000000000000012340\nG.0: psw new=1\nG.0: insn b2af0000 gr0=2a000504 => pgm=0006\nG.0: psw => ia=12340 new=1',
    ],
    [
      'psw io=0 and cr6 keep interruptions pending',
      'G.0: aqic 05.0004 ir=1 isc=6 nib=0x2000 => cc=0\nclock: run\nG.0: nqap 05.0004 psmid=1 addr=0x4000 len=8 => cc=0\nclock: run\nG.0: psw io=0\nG.0: io => none\nG.0: psw io=1 cr6=01000000\nG.0: io => none\nG.0: psw cr6=02000000\nG.0: io => isc=6 word=B0000000\nG.0: io => none',
    ],
    [
      'vCPUs have their own registers and one storage',
      'G.0: mem 0x3000 = aa\nG.1: mem 0x3000 1 => aa\nG.0: insn b2af0000 gr9=7\nG.1: insn b2af0000 => gr9=0',
    ],
    [
      'an mdev that another guest has open cannot be attached, nor can the own one twice, and nobody loses anything',
      'sysfs: attach H G => EBUSY\nsysfs: attach G => EBUSY\nG.0: tapq 05.0004 => cc=0\nsysfs: detach H\nG.0: tapq 05.0004 => cc=0\nsysfs: detach G\nsysfs: attach H G => ok\nsysfs: attach G => EBUSY\nH.0: tapq 05.0004 => cc=0\nG.0: tapq 05.0004 => rc=01',
    ],
    [
      'the scan that a change of the partition starts ends at once, with a step: line in the program too',
      'lpar: remove-adapter 6\nsysfs: cat /sys/bus/ap/devices/card06/hwtype => ENOENT\nstep: A sysfs: cat /sys/bus/ap/apmask\nstep: all\nlpar: add-adapter 6\nsysfs: cat /sys/bus/ap/devices/card06/hwtype => "14\\n"',
    ],
    [
      'what the partition does not have is ENODEV, what it has already EEXIST',
      'lpar: deconfigure 9 => ENODEV\nlpar: add-adapter 9 => ENODEV\nlpar: add-adapter 5 => EEXIST\nlpar: busy 05.0009 1ms => ENODEV',
    ],
    [
      'an adapter that is removed is not available, and is back when it is added and scanned',
      'lpar: remove-adapter 5 => ok\nG.0: tapq 05.0004 => cc=3 rc=01\nlpar: add-adapter 5 => ok\nclock: run\nhost: tapq 05.0004 => cc=0',
    ],
    [
      'a usage domain comes and goes',
      'host: tapq 05.0009 => cc=3 rc=01\nlpar: add-domain 9 => ok\nclock: run\nhost: tapq 05.0009 => cc=0\nlpar: remove-domain 9 => ok\nhost: tapq 05.0009 => cc=3 rc=01',
    ],
    [
      'busy ends by itself, a later one replaces an earlier one',
      'lpar: busy 05.0004 5ms\nlpar: busy 05.0004 1ms\nG.0: nqap 05.0004 addr=0x4000 len=8 => cc=3 rc=05\nclock: run\nG.0: nqap 05.0004 addr=0x4000 len=8 => cc=0',
    ],
    [
      'an asynchronous error stays until a reset',
      'lpar: async 05.0004 35\nG.0: tapq 05.0004 => cc=3 rc=35 status=02350000\nG.0: rapq 05.0004 => cc=0\nclock: run\nG.0: tapq 05.0004 => cc=0',
    ],
    [
      'a fault at a time of the program strikes from then on, once',
      'fault: 05.0004 on=tapq rc=09 at=2ms\nG.0: tapq 05.0004 => cc=0\nclock: advance 1999us\nG.0: tapq 05.0004 => cc=0\nclock: advance 1us\nG.0: tapq 05.0004 => rc=09\nG.0: tapq 05.0004 => cc=0',
    ],
    [
      'fault: clear takes all back',
      'fault: any on=any rc=09\nG.0: tapq 05.0004 => rc=09\nfault: clear\nG.0: tapq 05.0004 => cc=0',
    ],
    [
      'sysfs files, folders and links',
      `sysfs: cat ${MATRIX}/$G/matrix => "05.0004\\n06.0004\\n"\nsysfs: cat ${MATRIX}/$G/remove => EACCES\nsysfs: cat /sys/nowhere => ENOENT\nsysfs: ls /sys/bus/ap/drivers => "cex4card\\ncex4queue\\nvfio_ap\\n"\nsysfs: readlink /sys/bus/ap/devices/05.0004/driver => "../../../../bus/ap/drivers/vfio_ap\\n"`,
    ],
    [
      "echo appends a newline, echo -n does not, and blanks and quotes are a shell's",
      `sysfs: echo -n 7 > ${MATRIX}/$G/assign_domain => ok\nsysfs: echo "0x07" >${MATRIX}/$G/unassign_domain => ok\nsysfs: echo 7 7 > ${MATRIX}/$G/assign_domain => EINVAL`,
    ],
    [
      'removing an mdev in use is pending until the guest lets go',
      `sysfs: echo 1 > ${MATRIX}/$G/remove => pending\nsysfs: wait => pending\nsysfs: detach G => ok\nsysfs: wait => ok\nsysfs: cat ${MATRIX}/$G/matrix => ENOENT`,
    ],
    [
      'a guest can be detached and attached again',
      'sysfs: detach G\nG.0: tapq 05.0004 => cc=3 rc=01\nsysfs: attach G => ok\nG.0: tapq 05.0004 => cc=0\nsysfs: attach G => EBUSY',
    ],
  ])('%s', async (_what, lines) => {
    expect(await differences(lines)).toEqual([]);
  });

  it.each([
    'sysfs: rm -rf /',
    'sysfs: cat',
    'sysfs: echo 5',
    'sysfs: wait',
    'sysfs: attach Nobody',
  ])('%s is refused with its line', async (line) => {
    const error = await differences(`\n${line}`).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApemuError);
    expect((error as ApemuError).place).toEqual({ file: 'p.ap', line: 3 });
  });
});

/** A queue is unbound, so that its guest loses the adapter with a reply in another queue of it; then another guest gets that queue. */
const UNBIND = `
G.0: nqap 05.0007 psmid=1 addr=0x4000 len=8 => cc=0 rc=00
clock: run
sysfs: echo 05.0004 > /sys/bus/ap/drivers/vfio_ap/unbind => ok
G.0: tapq 05.0007 => rc=01
sysfs: echo 7 > ${MATRIX}/$G/unassign_domain => ok
sysfs: echo 7 > ${MATRIX}/$H/assign_domain => ok
clock: run
H.0: dqap 05.0007 addr=0x5000 len=64 => `;

describe('14.A7: what is left in a queue of an adapter that its guest has lost', () => {
  it.each([
    ['linux-6.1', 'cc=0 rc=00 psmid=1'],
    ['v13', 'cc=0 rc=00 psmid=1'],
    ['linux-6.12', 'cc=3 rc=10'],
    ['linux-7.2', 'cc=3 rc=10'],
    ['current', 'cc=3 rc=10'],
  ])('kernel %s: the next guest gets %s', async (kernel, answer) => {
    const config = `apemu: 1
machine: { adapters: { 5: { mode: loopback } }, usageDomains: [4, 7] }
host: { kernel: ${kernel} }
guests:
  G: { memory: 128KiB, mdev: { adapters: [5], domains: [4, 7] } }
  H: { memory: 128KiB, mdev: { adapters: [5], domains: [] } }
`;
    expect(await differences(UNBIND + answer, config)).toEqual([]);
  });
});
