// SPDX-License-Identifier: Apache-2.0
// A machine taken back to a checkpoint goes on as it did the first time, whatever guests did in between.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../bench/machine/random.ts';
import { C_PENDING_BYTE } from '../../native-like/machine/layout.ts';
import { guestProgram, programArgs } from '../../src/host/machine/guest-program.ts';
import { createMachine, type Machine, takeCheckpoint } from '../../src/index.ts';

const CONFIG = `
apemu: 1
machine:
  adapters:
    5: { mode: loopback, service: { model: fixed, time: 30us, engines: 1 } }
    6: { mode: loopback }
  usageDomains: [4, 5]
faults:
  - { apqn: 06.0005, on: nqap, rc: 0x10, count: 3 }
  - { guest: Guest1, on: nqap, delay: 5us, probability: 0.3 }
guests:
  Guest1: { memory: 64KiB, mdev: { adapters: [5, 6], domains: [4, 5] } }
`;
const QUEUES = ['05.0004', '05.0005', '06.0004', '06.0005'];

/** An AP program of what guests can do, chosen by a seed. */
const programOf = (seed: number, lines: number): string => {
  const random = createRandom(seed);
  const queue = () => QUEUES[random.below(QUEUES.length)];
  const line: readonly (() => string)[] = [
    () => `Guest1.0: tapq ${queue()} t=1`,
    () =>
      `Guest1.0: nqap ${queue()} psmid=${random.below(1000)} addr=0x4000 len=${1 + random.below(3000)}`,
    () => `Guest1.0: nqap ${queue()} psmid=7 addr=0x4000 len=100 l=0`,
    () => `Guest1.0: dqap ${queue()} addr=0x8000 len=${1 + random.below(3000)}`,
    () => `Guest1.0: dqap ${queue()} addr=0x8000 len=0x1000`,
    () => `Guest1.0: rapq ${queue()}`,
    () => `Guest1.0: aqic ${queue()} ir=${random.below(2)} isc=3 nib=0x2000`,
    () => `Guest1.0: mem 0x4000 = ${random.below(0x7fffffff).toString(16).padStart(8, '0')}`,
    () => 'Guest1.0: io',
    () => `clock: advance ${1 + random.below(60)}us`,
    () => 'Guest1.0: mem 0x2000 1',
    () => 'Guest1.0: mem 0x8000 64',
  ];
  const chosen = Array.from({ length: lines }, () => line[random.below(line.length)]?.() as string);
  return ['apemu-program 1', ...chosen, ''].join('\n');
};

const recordsOf = (machine: Machine, program: string): string =>
  JSON.stringify(machine.exec(program).records);

describe('a checkpoint', () => {
  it.each(Array.from({ length: 16 }, (_, n) => n + 1))(
    'makes the same happen again after other things have happened, seed %i',
    async (seed) => {
      const machine = await createMachine(CONFIG, { seed });
      machine.exec(programOf(seed, 60));
      const checkpoint = takeCheckpoint(machine);
      const { image } = machine;
      const records = image.u8.slice(0, image.word(C_PENDING_BYTE));
      const first = recordsOf(machine, programOf(seed + 1000, 80));
      checkpoint.restore();
      expect(image.u8.slice(0, records.length).findIndex((byte, at) => byte !== records[at])).toBe(
        -1,
      );
      machine.exec(programOf(seed + 2000, 200));
      checkpoint.restore();
      expect(recordsOf(machine, programOf(seed + 1000, 80))).toBe(first);
      machine.close();
    },
  );

  it('without storage leaves what the guest has written there', async () => {
    const machine = await createMachine(CONFIG);
    const { storage } = machine.guest('Guest1');
    const whole = takeCheckpoint(machine);
    const registers = takeCheckpoint(machine, { storage: false });
    expect(whole.byteLength - registers.byteLength).toBeGreaterThanOrEqual(storage.length);
    storage[0x4000] = 0x5a;
    registers.restore();
    expect(storage[0x4000]).toBe(0x5a);
    whole.restore();
    expect(storage[0x4000]).toBe(0);
    machine.close();
  });

  it('takes back a guest program in the middle of its work', async () => {
    const machine = await createMachine(`
apemu: 1
machine: { adapters: { 5: { mode: cca } }, usageDomains: [4] }
guests:
  Guest1: { memory: 1MiB, mdev: { adapters: [5], domains: [4] }, program: ap-bus, workload: rng }
`);
    const config = machine.config.guests[0];
    const args = programArgs(machine.config, config);
    machine.start('Guest1', 0, await guestProgram(config.program!), args);
    machine.stepper.runPrograms(machine.nowNs() + 60_000_000);
    const checkpoint = takeCheckpoint(machine);
    const before = machine.stepper.programs[0].cpu.executed;
    const rest = () => {
      machine.stepper.runPrograms(machine.nowNs() + 400_000_000);
      const [running] = machine.stepper.programs;
      return [machine.nowNs(), running.cpu.executed, JSON.stringify(running.state)];
    };
    const first = rest();
    checkpoint.restore();
    expect(rest()).toEqual(first);
    expect(first[1]).toBeGreaterThan(before + 100);
    machine.close();
  });

  it('leaves no gap in a trace', async () => {
    let records = 0;
    const machine = await createMachine(CONFIG, {
      onTrace: (more) => {
        records += more.length;
      },
    });
    const cpu = machine.guest('Guest1').cpu(0);
    const checkpoint = takeCheckpoint(machine);
    for (let n = 0; n < 5; n++) {
      cpu.tapq('05.0004');
      cpu.tapq('06.0004');
      checkpoint.restore();
    }
    expect(machine.trace?.flush()).toBe(0);
    expect(records).toBe(10);
    machine.close();
  });
});
