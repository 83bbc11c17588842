// SPDX-License-Identifier: Apache-2.0
// The rules O-1, O-3, O-4, O-6 and I-1 to I-6 of docs/reference/vfio-ap.md, read from a machine between any two steps.
import { STATUS_IRQ } from '../../native-like/arch/status-word.ts';
import * as L from '../../native-like/machine/layout.ts';
import { intersects, testBit } from '../../src/ap-bus/mask.ts';
import { apqnName } from '../../src/ap-bus/partition.ts';
import type { Machine } from '../../src/host/machine.ts';

const PARTS = ['apm', 'aqm', 'adm'] as const;
const IDS = Array.from({ length: 256 }, (_, n) => n);

export const reaches = (machine: Machine, guest: number, apqn: number): boolean => {
  const { image } = machine;
  const masks = image.masks(guest);
  const apm = image.word(masks + (apqn >>> 13)) << ((apqn >>> 8) & 31);
  const aqm = image.word(masks + L.MASK_AQM + ((apqn & 0xff) >>> 5)) << (apqn & 31);
  return (apm & aqm) < 0;
};

const records = (machine: Machine): { q: number; cold: number; apqn: number }[] =>
  Array.from({ length: machine.image.queues - 1 }, (_, n) => {
    const q = machine.image.queueRecord(n + 1);
    const cold = machine.image.cold(q);
    return { q, cold, apqn: machine.image.word(cold + L.K_APQN) };
  }).filter(({ q, apqn }) => machine.image.queue(apqn) === q);

/** O-1: no guest gets masks before its hook is there; outside the locks none has masks without the hook of its mdev. */
export class HookBeforeMasks {
  readonly #had = new Map<number, boolean>();

  check(machine: Machine): string | undefined {
    for (const { number, name } of machine.guests) {
      const masks = machine.image.masks(number);
      const some = Array.from({ length: L.MASK_WORDS }, (_, n) => machine.image.word(masks + n));
      const any = [some.slice(0, 8), some.slice(8)].every((half) =>
        half.some((word) => word !== 0),
      );
      const had = this.#had.get(number) ?? false;
      this.#had.set(number, any);
      const hook = machine.image.word(machine.image.guest(number) + L.G_HOOK);
      // A detach takes hook and masks under the same locks.
      const detaching = had && machine.host.matrix.mdevsLock.held;
      if (any && hook === 0 && !detaching) return `O-1: ${name} has masks and no hook`;
      const mdev = machine.host.matrix.mdevs.find((one) => one.kvm?.name === name);
      if (any && hook !== 0 && mdev !== undefined && mdev.mdev !== hook)
        return `O-1: ${name} has the hook of another mdev`;
    }
    return undefined;
  }
}

/** I-3, O-3: an APQN is in the masks of at most one guest, and in the matrix of at most one mdev. */
const exclusive = (machine: Machine): string | undefined => {
  for (const { apqn } of records(machine)) {
    const owners = machine.guests.filter(({ number }) => reaches(machine, number, apqn));
    if (owners.length > 1) return `I-3: ${apqnName(apqn)} is in the masks of two guests`;
  }
  const { mdevs } = machine.host.matrix;
  for (const a of mdevs)
    for (const b of mdevs)
      if (
        a !== b &&
        intersects(a.matrix.apm, b.matrix.apm) &&
        intersects(a.matrix.aqm, b.matrix.aqm)
      )
        return 'O-3: two mdevs share an APQN';
  return undefined;
};

/** I-1: shadow within matrix, when nobody is in the middle of a change. */
const shadowWithin = (machine: Machine): string | undefined => {
  const { matrix } = machine.host;
  if (matrix.mdevsLock.held) return undefined;
  for (const mdev of matrix.mdevs) {
    for (const part of PARTS)
      for (const n of IDS)
        if (
          testBit(mdev.shadow[part], n) &&
          !(testBit(mdev.matrix[part], n) && testBit(matrix.info[part], n))
        )
          return `I-1: ${part} ${n} is in the shadow of ${mdev.uuid} and not in its matrix and host configuration`;
    const guest = machine.guests.find((one) => one.vm === mdev.kvm);
    if (guest === undefined || mdev.removing) continue;
    for (const { apqn } of records(machine))
      if (reaches(machine, guest.number, apqn) !== matrix.inShadow(mdev, apqn))
        return `I-2: ${apqnName(apqn)} in the CRYCB of ${guest.name} is not as in the shadow`;
  }
  return undefined;
};

/** I-5: whoever holds a page or interrupts a guest belongs to that guest's mdev; pins and counts are those of the queues. */
const interruptions = (machine: Machine): string | undefined => {
  const { image } = machine;
  const saved = new Map<number, number>();
  for (const { q, cold, apqn } of records(machine)) {
    const record = image.word(cold + L.K_NOTIFY_GUEST);
    const holds = image.word(cold + L.K_SAVED_ISC) !== 0;
    if (holds) saved.set(record, (saved.get(record) ?? 0) + 1);
    const interrupts =
      (image.word(q + L.Q_STATUS) & STATUS_IRQ) !== 0 && image.word(cold + L.K_GISA_BYTE) !== 0;
    if (!interrupts) continue;
    const mdev = image.word(cold + L.K_MDEV);
    const hook = image.word(record + L.G_HOOK);
    if (!holds) return `I-5: ${apqnName(apqn)} interrupts a guest whose page is not pinned`;
    if (!machine.host.matrix.mdevsLock.held && mdev !== hook)
      return `I-5: ${apqnName(apqn)} interrupts a guest that does not own it`;
  }
  for (const { number, name } of machine.guests) {
    const pins = image.word(image.guest(number) + L.G_PINS);
    const wanted = saved.get(image.guest(number)) ?? 0;
    if (pins !== wanted) return `I-5: ${name} has ${pins} pages pinned for ${wanted} queues`;
    let count = 0;
    for (let isc = 0; isc < 8; isc++)
      count += image.word(image.guest(number) + L.G_ISC_COUNTS + isc);
    if (count !== wanted)
      return `I-5: ${name} has ${count} sub-classes registered for ${wanted} queues`;
  }
  return undefined;
};

/** O-6: a guest without mdev has no hook, masks, pins. */
const nothingLeft = (machine: Machine): string | undefined => {
  const { matrix } = machine.host;
  if (matrix.mdevsLock.held || matrix.guestsLock.held) return undefined;
  for (const guest of machine.guests) {
    if (matrix.mdevs.some((mdev) => mdev.kvm === guest.vm)) continue;
    const record = machine.image.guest(guest.number);
    const hook = machine.image.word(record + L.G_HOOK);
    if (hook !== 0) return `O-6: ${guest.name} has no mdev and a hook`;
    if (machine.image.word(record + L.G_PINS) !== 0)
      return `O-6: ${guest.name} has no mdev and pins`;
  }
  return undefined;
};

/** I-6: who can reach a queue finds in it only what is its own. */
export class OwnMessages {
  readonly #sender = new Map<number, number>();

  sent(apqn: number, guest: number): void {
    this.#sender.set(apqn, guest);
  }

  check(machine: Machine): string | undefined {
    for (const { q, apqn } of records(machine)) {
      const empty = machine.image.word(q + L.Q_FREE) === machine.image.word(q + L.Q_ALL_FREE);
      if (empty) this.#sender.delete(apqn);
      const sender = this.#sender.get(apqn);
      if (sender === undefined) continue;
      const owner = machine.guests.find(({ number }) => reaches(machine, number, apqn));
      if (owner !== undefined && owner.number !== sender)
        return `I-6: ${owner.name} finds messages of another guest in ${apqnName(apqn)}`;
    }
    return undefined;
  }
}

/** Every rule; text of the first that does not hold. */
export const violated = (machine: Machine): string | undefined =>
  exclusive(machine) ?? shadowWithin(machine) ?? interruptions(machine) ?? nothingLeft(machine);
