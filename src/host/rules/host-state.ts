// SPDX-License-Identifier: Apache-2.0
// The rules O-1, O-3, O-4, O-6 and I-1 to I-6 about the state of a machine between any two steps of host operations.
// Source: docs/reference/vfio-ap.md sections 3.7, 4.1 and 6.1.

import {
  AP_RESPONSE_CHECKSTOPPED,
  AP_RESPONSE_DECONFIGURED,
} from '../../../native-like/arch/response-codes.ts';
import {
  APCB1_ADM,
  APCB1_APM,
  APCB1_AQM,
  CRYCB_APCB1,
  CRYCB_FORMAT_2,
  CRYCBD_FORMAT,
} from '../../../native-like/arch/sie.ts';
import { responseCode, STATUS_IRQ } from '../../../native-like/arch/status-word.ts';
import * as L from '../../../native-like/machine/layout.ts';
import { apqnName } from '../../ap-bus/apqn.ts';
import { equals, fullMask, intersects, maskToBytes, testBit } from '../../ap-bus/mask.ts';
import { SAVED_GUEST_SHIFT } from '../../vfio-ap/aqic-resources.ts';
import type { MatrixMdev } from '../../vfio-ap/mdev.ts';
import { reaches } from '../machine/host-wiring.ts';
import type { Machine } from '../machine/machine.ts';

const PARTS = ['apm', 'aqm', 'adm'] as const;
const APCB1_AT = { apm: APCB1_APM, aqm: APCB1_AQM, adm: APCB1_ADM } as const;
const IDS = Array.from({ length: 256 }, (_, n) => n);

const records = (machine: Machine): { q: number; cold: number; apqn: number }[] =>
  Array.from({ length: machine.image.queues - 1 }, (_, n) => {
    const q = machine.image.queueRecord(n + 1);
    const cold = machine.image.cold(q);
    return { q, cold, apqn: machine.image.word(cold + L.K_APQN) };
  }).filter(({ q, apqn }) => machine.image.queue(apqn) === q);

/** O-1: no guest gets masks before its hook is set. Outside the locks, no guest has masks without the hook of its own mdev. */
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
      // A detach takes hook and masks away under the same locks.
      const detaching = had && machine.host.matrix.mdevsLock.held;
      if (any && hook === 0 && !detaching) return `O-1: ${name} has masks and no hook`;
      const mdev = machine.host.matrix.mdevs.find((one) => one.kvm?.name === name);
      if (any && hook !== 0 && mdev !== undefined && mdev.number !== hook)
        return `O-1: ${name} has the hook of another mdev`;
    }
    return undefined;
  }
}

/** I-3, O-3: an APQN is in the masks of at most one guest, and in the matrix of at most one mdev. */
const exclusive = (machine: Machine): string | undefined => {
  for (const { apqn } of records(machine)) {
    const owners = machine.guests.filter(({ number }) => reaches(machine.image, number, apqn));
    if (owners.length > 1) return `I-3: ${apqnName(apqn)} is in the masks of two guests`;
  }
  const { mdevs, virtualMdevs } = machine.host.matrix;
  // Virtual mdevs may share with each other (V-04), but not with passthrough mdevs.
  for (const a of mdevs)
    for (const b of [...mdevs, ...virtualMdevs])
      if (
        a !== b &&
        intersects(a.matrix.apm, b.matrix.apm) &&
        intersects(a.matrix.aqm, b.matrix.aqm)
      )
        return 'O-3: two mdevs share an APQN';
  return undefined;
};

/** I-1, I-2: while nobody is in the middle of a change, the shadow is within the matrix, and the CRYCB is as the shadow. */
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
    const found = crycbAsShadow(machine, mdev);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** I-2, for a guest whose CRYCB has room for all 256 numbers. */
const crycbAsShadow = (machine: Machine, mdev: MatrixMdev): string | undefined => {
  const guest = machine.guests.find((one) => one.vm === mdev.kvm);
  if (guest === undefined || mdev.removing) return undefined;
  if ((guest.vm.crycbd & CRYCBD_FORMAT) !== CRYCB_FORMAT_2) return undefined;
  const apcb = machine.image.crycb(guest.number) + CRYCB_APCB1;
  for (const part of PARTS) {
    const wanted = maskToBytes(mdev.shadow[part]);
    const at = apcb + APCB1_AT[part];
    if (!wanted.every((byte, n) => byte === machine.image.u8[at + n]))
      return `I-2: ${part} in the CRYCB of ${guest.name} is not that of the shadow`;
  }
  return undefined;
};

/**
 * Whether the last reset of a queue ended with 03 or 04 and the adapter is still in that state: then nothing was set up on the queue
 * since, and what it held was freed.
 */
const isOff = (machine: Machine, apqn: number): boolean => {
  if (machine.host.matrix.mdevsLock.held) return false;
  const rc = responseCode(machine.host.matrix.queues[apqn]?.resetStatus ?? 0);
  const apid = apqn >>> 8;
  return (
    (rc === AP_RESPONSE_DECONFIGURED && machine.partition.isDeconfigured(apid)) ||
    (rc === AP_RESPONSE_CHECKSTOPPED && machine.partition.isCheckstopped(apid))
  );
};

/**
 * I-5: a queue that has a page pinned or interrupts a guest belongs to that guest's mdev. Pins and counts are exactly those of the
 * queues.
 */
const interruptions = (machine: Machine): string | undefined => {
  const { image } = machine;
  const saved = new Map<number, number>();
  for (const { q, cold, apqn } of records(machine)) {
    const record = image.word(cold + L.K_NOTIFY_GUEST);
    const holder = image.word(cold + L.K_SAVED_ISC) >>> SAVED_GUEST_SHIFT;
    const holds = image.word(cold + L.K_SAVED_ISC) !== 0;
    if (holds) saved.set(holder, (saved.get(holder) ?? 0) + 1);
    if (holds && isOff(machine, apqn))
      return `I-5: ${apqnName(apqn)} was found off by its reset and still holds a page`;
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
    const wanted = saved.get(number) ?? 0;
    if (pins !== wanted) return `I-5: ${name} has ${pins} pages pinned for ${wanted} queues`;
    let count = 0;
    for (let isc = 0; isc < 8; isc++)
      count += image.word(image.guest(number) + L.G_ISC_COUNTS + isc);
    if (count !== wanted)
      return `I-5: ${name} has ${count} sub-classes registered for ${wanted} queues`;
  }
  return undefined;
};

/** O-6: a guest without an mdev has no hook, no masks and no pins. */
const nothingLeft = (machine: Machine): string | undefined => {
  const { matrix } = machine.host;
  if (matrix.mdevsLock.held || matrix.guestsLock.held) return undefined;
  for (const guest of machine.guests) {
    const mdevs = [...matrix.mdevs, ...matrix.virtualMdevs];
    if (mdevs.some((mdev) => mdev.kvm === guest.vm)) continue;
    const record = machine.image.guest(guest.number);
    const hook = machine.image.word(record + L.G_HOOK);
    if (hook !== 0) return `O-6: ${guest.name} has no mdev and a hook`;
    if (machine.image.word(record + L.G_PINS) !== 0)
      return `O-6: ${guest.name} has no mdev and pins`;
  }
  return undefined;
};

/** I-6: a guest that can reach a queue finds only its own messages in it. */
export class OwnMessages {
  /** The guest that could reach a queue when its first message was seen; 0 = the host. */
  readonly #sender = new Map<number, number>();

  check(machine: Machine): string | undefined {
    for (const { q, apqn } of records(machine)) {
      if (machine.image.word(q + L.Q_FREE) === machine.image.word(q + L.Q_ALL_FREE)) {
        this.#sender.delete(apqn);
        continue;
      }
      const owner = machine.guests.find(({ number }) => reaches(machine.image, number, apqn));
      const sender = this.#sender.get(apqn) ?? owner?.number ?? 0;
      this.#sender.set(apqn, sender);
      if (owner !== undefined && owner.number !== sender)
        return `I-6: ${owner.name} finds messages of another in ${apqnName(apqn)}`;
    }
    return undefined;
  }
}

/** A queue is linked exactly if it is bound and assigned (4.1), both in the tables and in the image. */
const linksAreRight = (machine: Machine): string | undefined => {
  const { matrix } = machine.host;
  for (const queue of matrix.queues) {
    if (queue === undefined) continue;
    const { apqn } = queue;
    const wanted = matrix.mdevOf(apqn);
    const inImage = machine.image.word(machine.image.cold(machine.image.queue(apqn)) + L.K_MDEV);
    if ((queue.mdev ?? undefined) !== wanted || inImage !== (wanted?.number ?? 0))
      return `the link of ${apqnName(apqn)} is wrong`;
    if (wanted !== undefined && wanted.table.get(apqn) !== queue)
      return `${apqnName(apqn)} is in no table`;
  }
  for (const mdev of matrix.mdevs)
    for (const apqn of mdev.table.keys())
      if (matrix.queues[apqn]?.mdev !== mdev)
        return `${mdev.uuid} has the dead queue ${apqnName(apqn)}`;
  return undefined;
};

/** O-3 between the host's drivers and mdevs. VD-12: an override and a mask that is not all ones exclude each other. */
const ownerIsOne = (machine: Machine): string | undefined => {
  const { bus, matrix } = machine.host;
  if (bus.overrides > 0 && !(equals(bus.apmask, fullMask()) && equals(bus.aqmask, fullMask())))
    return 'VD-12: a queue has a driver_override and the masks are not all ones';
  for (const { apqn } of records(machine)) {
    const mdev = matrix.mdevOf(apqn);
    if (mdev !== undefined && bus.hostOwnsQueue(apqn))
      return `O-3: ${apqnName(apqn)} belongs to the host and to ${mdev.uuid}`;
  }
  return undefined;
};

/** Checks the rules that hold at any time. Returns the text of the first that is broken, or undefined. */
export const brokenNow = (machine: Machine): string | undefined =>
  exclusive(machine) ?? shadowWithin(machine) ?? interruptions(machine) ?? nothingLeft(machine);

/** Checks the rules that hold when no operation is under way. Returns the text of the first that is broken, or undefined. */
export const brokenAtRest = (machine: Machine): string | undefined =>
  linksAreRight(machine) ?? ownerIsOne(machine);
