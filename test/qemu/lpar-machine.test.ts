// SPDX-License-Identifier: Apache-2.0
// The machine of `apemu qemu --lpar`: a partition whose one program is outside, with everything a partition has otherwise.
import { afterEach, describe, expect, it } from 'vitest';
import { FC_AQIC, FC_TAPQ, GR0_FC_SHIFT } from '../../native-like/arch/function-codes.ts';
import { OPCODE_NQAP, OPCODE_PQAP } from '../../native-like/arch/instructions.ts';
import { AQIC_IR, NQAP_L } from '../../native-like/arch/registers.ts';
import { responseCode } from '../../native-like/arch/status-word.ts';
import { G_EXTERNAL } from '../../native-like/machine/layout.ts';
import { shellSession } from '../../src/cli/shell-session.ts';
import { configFromObject } from '../../src/config/load.ts';
import { Machine } from '../../src/host/machine/machine.ts';
import type { ServedStorage } from '../../src/qemu/ap-service.ts';
import { createLparMachine, type LparMachine } from '../../src/qemu/guest-machine.ts';
import { RecentTrace } from '../../src/trace/recent.ts';
import type { TraceRecord } from '../../src/trace/record.ts';

const APQN = 0x0504;
const PQAP = OPCODE_PQAP << 16;
/** NQAP with the PSMID in GR4 and GR5, the message by GR6 and GR7. */
const NQAP = (OPCODE_NQAP << 16) | 0x46;
const SIZE = 0x200000;

let lpar: LparMachine | undefined;
afterEach(() => lpar?.machine.close());

const open = async (
  more: Record<string, unknown> = {},
  onTrace?: (r: readonly TraceRecord[]) => void,
) => {
  const { machine = {}, ...rest } = more as { machine?: object };
  const { config } = configFromObject({
    apemu: 1,
    machine: { adapters: { 5: { mode: 'cca' } }, usageDomains: [4], ...machine },
    ...rest,
  });
  lpar = await createLparMachine(config, onTrace === undefined ? {} : { onTrace });
  const storage = new Uint8Array(SIZE);
  const served: ServedStorage = {
    size: SIZE,
    fetch: (_cpu, _high, low, length, target) => {
      if (low + length > SIZE) return 5;
      target.set(storage.subarray(low, low + length));
      return 0;
    },
    store: (_cpu, _high, low, length, source) => {
      if (low + length > SIZE) return 5;
      storage.set(source.subarray(0, length), low);
      return 0;
    },
    storeAbsolute: (address, byte) => {
      storage[address] = byte;
      return address < SIZE;
    },
  };
  const { service, machine: partition } = lpar;
  service.connect(served);
  service.advance(0);
  const cpu = service.cpu(0);
  cpu.psw.set([1, 0x80000000, 0, 0]);
  /** Registers by number, low halves. */
  const run = (word: number, low: Readonly<Record<number, number>>): string | number => {
    for (const [n, value] of Object.entries(low)) cpu.gr[2 * Number(n) + 1] = value >>> 0;
    const ended = service.execute(0, word);
    return ended === 'completed' ? responseCode(cpu.gr[3]) : ended;
  };
  const tapq = () => run(PQAP, { 0: (FC_TAPQ << GR0_FC_SHIFT) | APQN });
  const aqic = (nib: number, control = 0) => {
    cpu.gr[2] = AQIC_IR;
    return run(PQAP, { 0: (FC_AQIC << GR0_FC_SHIFT) | APQN, 1: control | 3, 2: nib });
  };
  const nqap = () => run(NQAP, { 0: NQAP_L | APQN, 4: 0, 5: 7, 6: 0x1000, 7: 64 });
  return { machine: partition, service, storage, cpu, tapq, aqic, nqap };
};

describe('a partition alone', () => {
  it('13.13: has the faults of its configuration, and those declared later', async () => {
    const { machine, tapq } = await open({
      faults: [{ apqn: '05.0004', on: 'tapq', rc: 4, count: 2 }],
    });
    expect([tapq(), tapq(), tapq()]).toEqual([4, 4, 0]);
    machine.fault({ apqn: '05.0004', on: 'tapq', rc: 5, count: 1 });
    expect([tapq(), tapq()]).toEqual([5, 0]);
  });

  it('13.13: refuses a reply that damages a kernel unless the configuration allows it', async () => {
    const damaging = { apqn: '05.0004', reply: 'shape/outside', count: 1 };
    const refused = await open();
    expect(() => refused.machine.fault(damaging)).toThrow('allowGuestDamage');
    refused.machine.close();
    const { machine } = await open({ machine: { allowGuestDamage: true } });
    expect(() => machine.fault(damaging)).not.toThrow();
  });

  it('leaves a trace of what its program executes', async () => {
    const records: TraceRecord[] = [];
    const { machine, tapq, aqic } = await open({}, (more) => records.push(...more));
    tapq();
    aqic(0x3000);
    machine.trace?.flush();
    expect(records.map((record) => record.instruction)).toHaveLength(2);
  });

  it.each([
    ['in its storage', 0x3000, 0, 0],
    ['in its last byte', SIZE - 1, 0, 0],
    ['beyond its storage', SIZE, 0, 6],
    ['absent', 0, 0, 6],
    ['in its storage with a GISA, which nobody has here', 0x3000, 0x10000, 8],
  ])('AQIC with a notification byte %s answers as architected', async (_what, nib, gisa, rc) => {
    expect((await open()).aqic(nib, gisa)).toBe(rc);
  });

  it('stores the notification byte of a reply and makes the sub-class pending', async () => {
    const { machine, service, storage, aqic, nqap } = await open();
    aqic(0x3000);
    machine.run();
    expect(nqap()).toBe(0);
    machine.run();
    expect(storage[0x3000]).toBe(1);
    expect(service.pendingIsc(0xff000000 | 0)).toBe(3);
    service.reset();
    expect(service.pendingIsc(0xff000000 | 0)).toBe(-1);
  });
});

/** Lines of the operator, and what each printed. */
const operator = (machine: LparMachine['machine'], trace?: RecentTrace) => {
  const session = shellSession(machine, trace === undefined ? {} : { trace });
  return (line: string) => session.run(line);
};

describe('the operator of a partition alone', () => {
  it('14.19: takes adapters away and brings them back, and the program sees it', async () => {
    const { machine, tapq } = await open();
    const say = operator(machine);
    expect(await say('lpar deconfigure 5')).toBe('');
    expect(tapq()).toBe(3);
    expect(await say('lpar configure 5 && echo $?')).toBe('0\n');
    expect(tapq()).toBe(0);
    expect(await say('lpar deconfigure 6')).toBe('lpar: deconfigure 6: No such device\n');
  });

  it('declares faults, lists them, and takes them back', async () => {
    const { machine, tapq } = await open();
    const say = operator(machine);
    await say('fault 05.0004 on=tapq rc=04 count=1');
    expect([tapq(), tapq()]).toEqual([4, 0]);
    expect(await say('fault')).toMatch(/^fault .*fired 1, ended\n$|^.*05\.0004.*fired 1, ended\n$/);
    await say('fault clear');
    expect(await say('fault')).toBe('');
    expect(await say('fault Guest1 on=tapq rc=04')).toContain('shell of its own');
  });

  it('lets time pass', async () => {
    const { machine } = await open();
    const say = operator(machine);
    expect(await say('clock advance 2ms')).toBe('2ms\n');
    expect(await say('for n in 1 2 3; do sleep 1ms; done; clock')).toBe('5ms\n');
    expect(await say('clock run')).toBe('5ms\n');
  });

  it('sees the last instructions', async () => {
    const recent = new RecentTrace();
    const { machine, tapq } = await open({}, (records) => recent.take(records, 0, []));
    const say = operator(machine, recent);
    for (let n = 0; n < 3; n++) tapq();
    expect((await say('trace')).match(/TAPQ +05\.0004/g)).toHaveLength(3);
    expect((await say('trace 1')).split('\n')).toHaveLength(2);
    expect(await say('trace 0')).toBe('');
    expect(await say('trace many')).toBe('usage: trace [NUMBER]\n');
    expect(await operator(machine)('trace')).toContain('nobody keeps');
  });

  it('has a shell without what belongs to the Linux in it', async () => {
    const { machine } = await open();
    const say = operator(machine);
    for (const command of ['lszcrypt', 'mdevctl list', 'guest', 'dmesg', 'save /tmp/x'])
      expect(await say(command)).toContain('the Linux of this partition has a shell of its own');
    expect(await say('ls /sys; cat /sys/bus/ap/apmask')).toBe(
      'cat: /sys/bus/ap/apmask: No such file or directory\n',
    );
    const help = await say('help');
    for (const command of ['lpar', 'fault', 'clock', 'trace'])
      expect(help).toContain(`  ${command} `);
    expect(help).not.toContain('lszcrypt');
    expect(await say('exit 3')).toBe('');
  });
});

it('storage outside that nobody knows is an addressing exception', async () => {
  const { config } = configFromObject({
    apemu: 1,
    machine: { adapters: { 5: { mode: 'loopback' } }, usageDomains: [4] },
    guests: { Guest1: { memory: '1MiB', mdev: { adapters: [5], domains: [4] } } },
  });
  const machine = await Machine.create(config, { external: () => true });
  try {
    machine.image.i32[machine.image.guest(1) + G_EXTERNAL] = 256;
    const cpu = machine.guest('Guest1').cpu(0);
    const address = 0x1000;
    expect(cpu.qci(address).programInterruption).toBe(5);
    expect(cpu.nqap('05.0004', { psmid: 1n, address, length: 64 }).programInterruption).toBe(5);
  } finally {
    machine.close();
  }
});
