// SPDX-License-Identifier: Apache-2.0
// What waits for a queue's interruptions holds no lock meanwhile: host operations go on, and the queue may be gone afterwards.
// Source: docs/reference/vfio-ap.md sections 5.2 and 5.4; native-like/machine/layout.ts (K_HOST_RESET).
import { afterEach, describe, expect, it } from 'vitest';
import { C_MDEVS_LOCK, K_HOST_RESET, Q_LOCK } from '../../native-like/machine/layout.ts';
import { createMachine, loadConfigFile } from '../../src/index.ts';
import { AqicHandler } from '../../src/vfio-ap/aqic.ts';
import { lockMdevs, unlockMdevs } from '../../src/vfio-ap/mdevs-lock.ts';
import { Bench, FC_AQIC } from '../kvm/bench.ts';

const APQN = 0x0504;
const NIB = 0x2000;
const MS = 1_000_000;
const THREAD = 5;

const benches: Bench[] = [];
/** A queue with interruptions on, and a handler of another thread whose waits call `waiting`. */
const open = async (waiting: (bench: Bench) => void) => {
  const bench = await Bench.create();
  benches.push(bench);
  bench.enable(APQN, 3, NIB);
  bench.machine.advance(MS);
  const { image, kernel } = bench.machine;
  const handler = new AqicHandler({
    image,
    kernel,
    thread: THREAD,
    sleep: (ns) => {
      waiting(bench);
      bench.machine.advance(ns);
    },
  });
  const disable = (): number => {
    const vcpu = bench.block('Guest1', 1);
    const { cpu } = bench.machine.guest('Guest1').cpu(1);
    cpu.setGr(0, 0, FC_AQIC | APQN);
    cpu.setGr(1, 0, 0);
    handler.handle(vcpu, 1);
    return (cpu.grLow(1) >>> 16) & 0xff;
  };
  return { bench, disable };
};
afterEach(() => {
  for (const bench of benches.splice(0)) bench.close();
});

const word = (bench: Bench, at: number): number =>
  bench.image.word(bench.image.cold(bench.image.queue(APQN)) + at);

describe('an AQIC that waits', () => {
  it('holds neither the mdevs lock nor the queue, ends with 00 and leaves nothing', async () => {
    const locks: number[][] = [];
    const { bench, disable } = await open(({ image }) =>
      locks.push([image.word(C_MDEVS_LOCK), image.word(image.queue(APQN) + Q_LOCK)]),
    );
    bench.fault(APQN, 5, 3);
    expect(disable()).toBe(0);
    expect(locks.length).toBeGreaterThanOrEqual(3);
    expect(locks.flat().every((held) => held === 0)).toBe(true);
    expect(bench.held(APQN)).toMatchObject({ pins: 0, isc: undefined, irq: false });
    expect(word(bench, K_HOST_RESET)).toBe(0);
  });

  it('makes another vCPU of the guest come again: RC 02, nothing set up', async () => {
    const answers: number[] = [];
    const { bench, disable } = await open((b) => answers.push(b.enable(APQN, 5, 0x3000).rc));
    bench.fault(APQN, 5, 2);
    expect(disable()).toBe(0);
    expect(new Set(answers)).toEqual(new Set([2]));
    expect(bench.held(APQN)).toMatchObject({ pins: 0, isc: undefined });
    expect(bench.enable(APQN, 5, 0x3000).rc).toBe(0);
  });

  it.each([
    ['is unbound', '/sys/bus/ap/drivers/vfio_ap/unbind', '05.0004'],
    ['leaves the mdev', '$MDEV/unassign_adapter', '5'],
  ])(
    'answers 01 when the queue %s meanwhile, and frees nothing twice',
    async (_what, path, text) => {
      let went = false;
      const { bench, disable } = await open((b) => {
        const mdev = `/sys/devices/vfio_ap/matrix/${b.machine.guest('Guest1').uuid}`;
        if (!went) expect(b.machine.write(path.replace('$MDEV', mdev), text)).toBe('ok');
        went = true;
      });
      bench.fault(APQN, 5, 2);
      expect(disable()).toBe(1);
      expect(went).toBe(true);
      expect(bench.held(APQN)).toMatchObject({ pins: 0, iscs: [0, 0, 0, 0, 0, 0, 0, 0] });
    },
  );

  it('answers 01 when the adapter leaves the partition meanwhile', async () => {
    let went = false;
    const { bench, disable } = await open((b) => {
      if (!went) b.machine.partition.removeAdapter(5);
      went = true;
    });
    bench.fault(APQN, 5, 2);
    expect(disable()).toBe(1);
    expect(bench.held(APQN)).toMatchObject({ pins: 0 });
  });
});

it('one thread cannot take the mdevs lock twice: an error instead of waiting for itself for ever', () => {
  const i32 = new Int32Array(new SharedArrayBuffer(4 * (C_MDEVS_LOCK + 1)));
  lockMdevs({ i32, stuck: undefined }, 3);
  expect(() => lockMdevs({ i32, stuck: undefined }, 3)).toThrow(/twice/);
  unlockMdevs(i32);
  lockMdevs({ i32, stuck: undefined }, 3);
});

it('host operations that come due while a guest waits do not stop the machine (fuzz, seed 3604)', async () => {
  const machine = await createMachine(loadConfigFile('examples/two-guests.yaml').config);
  const text = `apemu-program 1
fault: 05.00ff on=tapq rc=15
lpar: add-control-domain 0xab
Guest1.0: rapq 06.0004
Guest1.0: aqic 06.0004 ir=1 isc=6 nib=0x180b
`;
  const ended = machine.exec(text);
  machine.close();
  expect(ended).toBeDefined();
});
