// SPDX-License-Identifier: Apache-2.0
// Guests that share real queues while these come and go: no message is lost, doubled or another's, and a guest's own view is that of a
// queue of its own. The model keeps a list of what each guest has sent and nothing of how engines work.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../bench/machine/random.ts';
import { completed, createMachine, type Machine } from '../../src/index.ts';
import { MATRIX, UUIDS } from './machines.ts';

const CONFIG = `
apemu: 1
machine:
  usageDomains: [4, 0x47]
  adapters:
    3: { mode: loopback, service: { model: fixed, time: 200us, engines: 1 } }
    5: { mode: loopback, service: { model: lognormal, time: 100us, sigma: 0.8, engines: 2 } }
    6: { mode: loopback, depth: 4, service: { model: fixed, time: 50us, engines: 8 } }
host: { apmask: "-3,-5,-6" }
guests:
  A: { memory: 128KiB, mdev: { type: virtual, adapters: { 1: [3, 5, 6] }, domains: { 0: [4, 0x47] } } }
  B: { memory: 128KiB, mdev: { type: virtual, adapters: { 2: [5, 6] }, domains: { 9: [4] } } }
  C: { memory: 128KiB, mdev: { type: virtual, adapters: { 0: [3] }, domains: { 0: [4], 1: [0x47] } } }
`;
const GUESTS = [
  { name: 'A', queues: ['01.0000'] },
  { name: 'B', queues: ['02.0009'] },
  { name: 'C', queues: ['00.0000', '00.0001'] },
] as const;
const MESSAGE = 16;
const SENT = 0x4000;
const RECEIVED = 0x8000;
/** Type and code of the reply of a message that a card has lost (VD-52). */
const LOST = '0082000012';

/** Messages of one virtual queue that have not come back, by number; `flushed` when the queue was found gone. */
interface Outstanding {
  readonly waiting: Set<number>;
}

class Session {
  readonly machine: Machine;
  readonly #random: ReturnType<typeof createRandom>;
  readonly #outstanding = new Map<string, Outstanding>();
  #next = 1;
  answered = 0;
  lost = 0;
  readonly seen: string[] = [];

  constructor(machine: Machine, seed: number) {
    this.machine = machine;
    this.#random = createRandom(seed);
    for (const guest of GUESTS)
      for (const queue of guest.queues)
        this.#outstanding.set(`${guest.name} ${queue}`, { waiting: new Set() });
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)] as T;
  }

  step(): void {
    const guest = this.#pick(GUESTS);
    const queue = this.#pick(guest.queues);
    const kind = this.#random.below(100);
    if (kind < 45) this.#send(guest.name, queue);
    else if (kind < 80) this.#receive(guest.name, queue);
    else if (kind < 90) this.machine.advance(this.#random.below(300) * 1000);
    else if (kind < 93) this.#reset(guest.name, queue);
    else if (kind < 98) this.#heal();
    else this.#host();
  }

  /** Healthy again, everything is fetched: nothing is left anywhere. */
  finish(): void {
    this.#heal();
    for (let round = 0; round < 40; round++) {
      this.machine.advance(1_000_000);
      for (const guest of GUESTS)
        for (const queue of guest.queues) this.#receive(guest.name, queue);
    }
    for (const [name, { waiting }] of this.#outstanding)
      if (waiting.size > 0) throw new Error(`${name} never got ${[...waiting].join(' ')}`);
  }

  #send(guest: string, queue: string): void {
    const cpu = this.machine.guest(guest).cpu(0);
    const number = this.#next++;
    const message = new Uint8Array(MESSAGE).fill(guest.charCodeAt(0));
    new DataView(message.buffer).setUint32(4, number);
    const result = cpu.nqap(queue, { psmid: BigInt(number), message, address: SENT });
    if (result.cc === 0) this.#of(guest, queue).waiting.add(number);
  }

  #receive(guest: string, queue: string): void {
    const cpu = this.machine.guest(guest).cpu(0);
    const result = cpu.dqap(queue, { address: RECEIVED, length: 256 });
    const message = cpu.cpu.storage.subarray(RECEIVED, RECEIVED + MESSAGE);
    const { waiting } = this.#of(guest, queue);
    if (result.cc !== 0) return;
    const number = Number(result.psmid);
    if (!waiting.delete(number))
      throw new Error(`${guest} ${queue} got ${number}, which it does not wait for`);
    const hex = Buffer.from(message).toString('hex');
    if (hex.startsWith(LOST)) this.lost++;
    else {
      this.answered++;
      const wanted = guest.charCodeAt(0);
      const view = new DataView(message.buffer, message.byteOffset);
      if (message[0] !== wanted || view.getUint32(4) !== number)
        throw new Error(`${guest} ${queue} got somebody else's bytes: ${hex}`);
    }
  }

  #reset(guest: string, queue: string): void {
    const result = this.machine.guest(guest).cpu(0).rapq(queue);
    if (result.cc === 0) this.#of(guest, queue).waiting.clear();
  }

  #heal(): void {
    for (const apid of [3, 5, 6]) {
      this.machine.partition.configure(apid);
      this.machine.partition.recover(apid);
      this.machine.write('/sys/bus/ap/drivers_probe', `0${apid}.0004`);
      this.machine.write('/sys/bus/ap/drivers/vfio_ap/bind', `0${apid}.0004`);
    }
  }

  /** An operator or administrator does something. */
  #host(): void {
    const { machine } = this;
    const apid = this.#pick([3, 5, 6]);
    const path = `${MATRIX}/${UUIDS[1]}`;
    const actions: readonly (() => void)[] = [
      () => machine.partition.deconfigure(apid),
      () => machine.partition.configure(apid),
      () => machine.partition.checkstop(apid),
      () => machine.partition.recover(apid),
      () => machine.fault({ apqn: '05.0004', on: 'nqap', rc: 0x05, count: 3 }),
      () => machine.fault({ apqn: '03.0004', on: 'nqap', drop: true, count: 1 }),
      () => machine.write(`${path}/assign_adapter`, '2:3'),
      () => machine.write(`${path}/unassign_adapter`, '2:3'),
      () => machine.write(`${path}/choice`, this.#pick(['least', 'sticky', 'first', 'random'])),
      () => machine.write('/sys/bus/ap/drivers/vfio_ap/unbind', `0${apid}.0004`),
      () => machine.write('/sys/bus/ap/drivers/vfio_ap/bind', `0${apid}.0004`),
    ];
    this.#pick(actions)();
    this.#noteGone();
  }

  /** A queue whose candidates are all gone is empty, as a real one (VD-52). */
  #noteGone(): void {
    for (const { name, queues } of GUESTS)
      for (const queue of queues) {
        const { rc } = completed(this.machine.guest(name).cpu(0).tapq(queue)).status;
        if (rc === 1 || rc === 3 || rc === 4) this.#of(name, queue).waiting.clear();
      }
  }

  #of(guest: string, queue: string): Outstanding {
    return this.#outstanding.get(`${guest} ${queue}`) as Outstanding;
  }
}

describe('guests that share real queues', () => {
  it.each(Array.from({ length: 12 }, (_, n) => n + 1))(
    'get each reply once, their own, whatever happens to the queues, seed %i',
    async (seed) => {
      const machine = await createMachine(CONFIG, { seed });
      try {
        const session = new Session(machine, seed);
        for (let n = 0; n < 3000; n++) session.step();
        session.finish();
        expect(session.answered).toBeGreaterThan(300);
      } finally {
        machine.close();
      }
    },
  );

  it('is the same again for the same seed', async () => {
    const runs = await Promise.all(
      [1, 1].map(async (seed) => {
        const machine = await createMachine(CONFIG, { seed });
        const session = new Session(machine, seed);
        for (let n = 0; n < 2000; n++) session.step();
        const seen = [session.answered, session.lost, machine.nowNs()];
        machine.close();
        return seen;
      }),
    );
    expect(runs[0]).toEqual(runs[1]);
  });
});
