// SPDX-License-Identifier: Apache-2.0
// A checkpoint has everything: faults, partition, masks, mdevs, the AP bus. What a machine is after the way back is compared with what a
// saved machine would have kept, byte by byte and record by record, which the checkpoint's own code has no part in.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  C_COLD,
  C_GENERATION,
  C_MDEV,
  C_PENDING_BYTE,
  C_QUEUE,
  C_STORAGE_BYTE,
  C_STORAGE_END_BYTE,
  C_TRACE,
  COLD_WORDS,
  Q_SLOTS_BYTE,
} from '../../native-like/machine/layout.ts';
import { createMachine, type Machine, takeCheckpoint } from '../../src/index.ts';
import { Random } from '../../src/lpar/random.ts';
import { saveHost } from '../../src/sysfs/host-records.ts';

const CONFIG = `
apemu: 1
machine:
  adapters:
    5: { mode: cca, service: { model: lognormal, time: 20us, sigma: 0.4 } }
    6: { mode: loopback, service: { model: fixed, time: 5us } }
    7: { mode: accelerator, config: off }
    8: { mode: cca, service: { model: fixed, time: 30us } }
  usageDomains: [4, 5]
  controlDomains: [4]
guests:
  Guest1: { memory: 1MiB, mdev: { adapters: [5, 6], domains: [4, 5] } }
  Guest2: { memory: 1MiB, vcpus: 2, mdev: { adapters: [7], domains: [4, 5] } }
  Guest3: { memory: 1MiB, mdev: { type: virtual, adapters: { 1: [8] }, domains: { 2: [4, 5] } } }
`;

/** One line each; what none of them can do (a queue that is not there) is part of it. */
const linesFor = (machine: Machine, random: Random): (() => string)[] => {
  const queue = () =>
    random.pick(['05.0004', '05.0005', '06.0004', '06.0005', '07.0004', '01.0002']);
  const vcpu = () => random.pick(['Guest1.0', 'Guest2.0', 'Guest2.1', 'Guest3.0']);
  const mdev = () =>
    `/sys/devices/vfio_ap/matrix/${machine.guest(random.pick(['Guest1', 'Guest2'])).uuid}`;
  return [
    () => `${vcpu()}: nqap ${queue()} addr=0x4000 len=${1 + random.below(3000)}`,
    () =>
      `${vcpu()}: dqap ${queue()} addr=0x${(random.below(15) * 0x1000 + 0x8000).toString(16)} len=0x1000`,
    () => `${vcpu()}: rapq ${queue()}`,
    () =>
      `${vcpu()}: aqic ${queue()} ir=${random.below(2)} isc=3 nib=0x${(0x20000 + random.below(9) * 0x1000).toString(16)}`,
    () => `${vcpu()}: qci addr=0x${(0x30000 + random.below(4) * 0x1000).toString(16)}`,
    () => `${vcpu()}: tapq ${queue()} t=1`,
    () => `${vcpu()}: mem 0x${(random.below(0x60) * 0x1000).toString(16)} = 5a`,
    () => `${vcpu()}: io`,
    () => `clock: advance ${1 + random.below(200)}us`,
    () => 'clock: advance 31s',
    () => `fault: ${queue()} on=any rc=05 count=2`,
    () => `fault: ${queue()} reply=82/8a count=1`,
    () => 'fault: clear',
    () =>
      `lpar: ${random.pick(['configure', 'deconfigure', 'checkstop', 'recover', 'remove-adapter', 'add-adapter'])} ${5 + random.below(3)}`,
    () =>
      `lpar: ${random.pick(['add-domain', 'remove-domain', 'add-control-domain'])} ${4 + random.below(3)}`,
    () => `lpar: busy ${queue()} ${random.below(2)}00us`,
    () =>
      `sysfs: echo ${5 + random.below(3)} > ${mdev()}/${random.pick(['assign', 'unassign'])}_adapter`,
    () =>
      `sysfs: echo ${4 + random.below(3)} > ${mdev()}/${random.pick(['assign', 'unassign'])}_domain`,
    () => `sysfs: echo ${random.pick(['+', '-'])}${5 + random.below(3)} > /sys/bus/ap/apmask`,
    () => `sysfs: echo ${10 + random.below(50)} > /sys/bus/ap/config_time`,
    () => `sysfs: echo 1 > ${mdev()}/remove`,
    () =>
      `sysfs: echo ${2 + random.below(2)}:${4 + random.below(2)} > /sys/devices/vfio_ap/matrix/${machine.guest('Guest3').uuid}/${random.pick(['assign', 'unassign'])}_domain`,
  ];
};

const run = (machine: Machine, random: Random, lines: number): void => {
  const kinds = linesFor(machine, random);
  for (let n = 0; n < lines; n++) {
    const line = random.pick(kinds)();
    machine.exec(['apemu-program 1', line, ''].join('\n'));
    if (random.below(40) === 0) machine.guest('Guest1').storage[random.below(0x100000)] = 0xa5;
    if (random.below(20) === 0)
      machine.guest('Guest2').write(random.below(0xff000), Uint8Array.of(1, 2, 3));
  }
  if (random.below(2) === 0) machine.run();
};

/** A checkpoint, unless an operation of the host sleeps. */
const taken = (machine: Machine) => {
  try {
    return takeCheckpoint(machine);
  } catch (error) {
    expect(error).toMatchObject({ code: 'APEMU_ERR_HOST_BUSY' });
    return undefined;
  }
};

/** Everything a machine is, but for the bytes of message slots nobody uses. */
const stateOf = (machine: Machine): Record<string, string> => {
  const { image } = machine;
  const digest = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
  const { queues } = image;
  const control = image.u8.slice(0, image.word(C_TRACE) * 4);
  // Goes on only.
  control.fill(0, C_GENERATION * 4, C_GENERATION * 4 + 4);
  const queue = image.word(C_QUEUE) * 4;
  const cold = image.word(C_COLD) * 4;
  return {
    control: digest(control),
    virtual: digest(image.u8.slice(image.word(C_MDEV) * 4, image.word(C_PENDING_BYTE))),
    pending: digest(
      image.u8.slice(image.word(C_PENDING_BYTE), image.word(C_PENDING_BYTE) + queues),
    ),
    queues: digest(image.u8.slice(queue, image.queueRecord(queues) * 4)),
    cold: digest(image.u8.slice(cold, cold + queues * COLD_WORDS * 4)),
    storage: digest(image.u8.slice(image.word(C_STORAGE_BYTE), image.word(C_STORAGE_END_BYTE))),
    partition: JSON.stringify(machine.partition.save()),
    host: JSON.stringify(saveHost(machine.host)),
    passable: machine.host.matrix.mdevs
      .map((mdev) => [5, 6, 7].map((apid) => mdev.allPassable(apid, mdev.matrix.aqm)))
      .join(),
    time: `${machine.nowNs()} ${machine.stepper.upcomingNs()}`,
    attached: [...machine.files.keys()].join(),
  };
};

describe('a checkpoint of everything', () => {
  it.each(Array.from({ length: 12 }, (_, n) => n + 1))(
    'of several, in any order, is what the machine is after the way back, seed %i',
    async (seed) => {
      const machine = await createMachine(CONFIG, { seed });
      const random = new Random(seed, 7);
      const kept: { checkpoint: ReturnType<typeof takeCheckpoint>; state: object }[] = [];
      for (let round = 0; round < 24; round++) {
        run(machine, random, 12);
        const checkpoint = kept.length < 3 && random.below(3) !== 0 ? taken(machine) : undefined;
        if (checkpoint !== undefined) {
          kept.push({ checkpoint, state: stateOf(machine) });
        } else if (kept.length > 0) {
          const { checkpoint, state } = random.pick(kept);
          checkpoint.restore();
          expect(stateOf(machine), `round ${round}`).toEqual(state);
        }
      }
      machine.close();
    },
    30_000,
  );

  it('19.A4: the loop checkpoint, fault, host change, run, restore does the same each time', async () => {
    const machine = await createMachine(CONFIG);
    const { uuid } = machine.guest('Guest1');
    const cpu = machine.guest('Guest1').cpu(0);
    const checkpoint = takeCheckpoint(machine);
    const once = () => {
      machine.fault({ apqn: '05.0004', on: 'tapq', rc: 4, count: 1 });
      const faulty = [cpu.tapq('05.0004'), cpu.tapq('05.0004')].map(({ cc }) => cc);
      const path = `/sys/devices/vfio_ap/matrix/${uuid}/unassign_adapter`;
      const outcome = machine.write(path, '5\n');
      machine.partition.deconfigure(6);
      machine.advance(31_000_000_000);
      const after = [cpu.tapq('05.0004'), cpu.tapq('06.0004')];
      const result = JSON.stringify([faulty, outcome, after, machine.nowNs()], (_key, value) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      checkpoint.restore();
      return result;
    };
    const first = once();
    for (let n = 0; n < 20; n++) expect(once()).toBe(first);
    expect(first).toContain('[[3,0],"ok"');
    expect(cpu.tapq('06.0004').cc).toBe(0);
    machine.close();
  });

  it('13.19: the way back copies pages that were written, not the storage', async () => {
    const large = CONFIG.replaceAll('1MiB', '64MiB');
    const machine = await createMachine(large);
    const guest = machine.guest('Guest1');
    const checkpoint = takeCheckpoint(machine);
    const written = machine.context.trackWrites();
    const pages = () => {
      let count = 0;
      written.eachSince(written.moment - 1, () => count++);
      return count;
    };
    guest.cpu(0).nqap('06.0004', { psmid: 1n, message: new Uint8Array(100) });
    machine.run();
    guest.cpu(0).dqap('06.0004');
    guest.write(0x3000000, new Uint8Array(0x3001));
    expect(pages()).toBeLessThan(12);
    checkpoint.restore();
    expect(pages()).toBeLessThan(2);
    expect(guest.read(0x3000000, 1)[0]).toBe(0);
    machine.close();
  });

  it('takes back a notification byte that was stored after it', async () => {
    const machine = await createMachine(CONFIG);
    const guest = machine.guest('Guest1');
    guest.cpu(0).aqic('06.0004', { enable: true, isc: 3, nib: 0x21000 });
    machine.run();
    const checkpoint = takeCheckpoint(machine);
    for (let n = 0; n < 3; n++) {
      guest.cpu(0).nqap('06.0004', { psmid: 1n, message: new Uint8Array(100) });
      machine.run();
      expect(guest.read(0x21000, 1)[0]).toBe(1);
      guest.cpu(0).aqic('06.0004', { enable: false });
      machine.run();
      guest.cpu(0).aqic('06.0004', { enable: true, isc: 3, nib: 0x25000 });
      machine.run();
      checkpoint.restore();
      expect(guest.read(0x21000, 1)[0]).toBe(0);
    }
    machine.close();
  });

  it('leaves nothing of queues that came after it: their slots are given to others', async () => {
    const machine = await createMachine(CONFIG);
    const { image, partition } = machine;
    const checkpoint = takeCheckpoint(machine);
    const slotsOf = (apqn: number): number => image.word(image.queue(apqn) + Q_SLOTS_BYTE);
    partition.addUsageDomain(6);
    machine.run();
    machine.exec('apemu-program 1\nhost: nqap 06.0006 addr=0x4000 len=100\n');
    expect(slotsOf(0x0606)).toBeGreaterThan(0);
    checkpoint.restore();
    partition.addUsageDomain(6);
    expect(slotsOf(0x0606)).toBe(0);
    machine.close();
  });

  it('is refused while an operation of the host sleeps', async () => {
    const machine = await createMachine(CONFIG);
    machine.partition.removeUsageDomain(5);
    const path = `/sys/devices/vfio_ap/matrix/${machine.guest('Guest1').uuid}/unassign_adapter`;
    const operation = machine.sysfs.write(path, '5\n');
    operation.next();
    expect(() => takeCheckpoint(machine)).toThrow(
      expect.objectContaining({ code: 'APEMU_ERR_HOST_BUSY' }),
    );
    machine.close();
  });
});
