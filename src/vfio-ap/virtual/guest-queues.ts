// SPDX-License-Identifier: Apache-2.0
// The virtual queues of guests in the machine image. They are made when a guest is attached or its map grows, and removed when they are
// not mapped any more.
// Source: docs/reference/vfio-ap.md section 8.3 (V-03, V-07, V-09, V-14, V-15); decisions VD-50, VD-51.
import { FACILITY_AP } from '../../../native-like/arch/facilities.ts';
import { DEPTH_MAX, ML_ZERO_BYTES } from '../../../native-like/arch/limits.ts';
import { STATUS_EMPTY } from '../../../native-like/arch/status-word.ts';
import { setFacilities } from '../../../native-like/machine/guest-setup.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  ATTENTION_POOL,
  ATTENTION_SHARED,
  C_GENERATION,
  C_VIRTUAL_COUNT,
  COLD_WORDS,
  DEVICE_VIRTUAL,
  G_FACILITIES,
  G_VCPUS,
  K_APQN,
  K_OWNER,
  K_SHARED,
  MASK_WORDS,
  Q_ALL_FREE,
  Q_ATTENTION,
  Q_COLD,
  Q_DEVICE,
  Q_FREE,
  Q_LIMIT,
  Q_STATUS,
  QUEUE_WORDS,
  V_TRUE_MASKS,
} from '../../../native-like/machine/layout.ts';
import {
  findVirtualQueue,
  messagesUnderWay,
  virtualMasks,
  virtualQueue,
  virtualQueues,
} from '../../../native-like/machine/virtual-image.ts';
import {
  E_ALLOW_SECURE,
  E_APM,
  E_APQN,
  E_AQM,
  E_CHOICE,
  E_GUEST,
  E_LIMIT,
  E_MDEV,
  E_QUEUE,
  E_RANDOM,
  VIRTUAL_QUEUES_MAX,
  VIRTUAL_WORDS,
} from '../../../native-like/machine/virtual-layout.ts';
import type { Apqn } from '../../ap-bus/apqn.ts';
import type { Mask } from '../../ap-bus/mask.ts';
import type { KvmVm } from '../../kvm/vm.ts';
import type { Kernel } from '../../lpar/kernel.ts';
import { seedRandom } from '../../lpar/random.ts';
import { CHOICES } from './choice.ts';
import type { VirtualEngine } from './engine.ts';
import { behind, virtualApqns } from './map.ts';
import type { AttachedGuest, VirtualMdev } from './mdev.ts';
import type { VirtualQueues } from './port.ts';

/** Makes the seeds of the random choice differ from those of cards. */
const SEED_TAG = 0x3000;

export interface GuestQueuesOptions {
  readonly image: MachineImage;
  readonly kernel: Kernel;
  readonly engine: VirtualEngine;
  readonly seed: number;
  /** Runs a change while a guest's vCPUs (undefined: all vCPUs) are out of interpretive execution. */
  readonly exclusive: (guest: number | undefined, change: () => void) => void;
  /** Takes a queue record of the partition, and gives one back. */
  readonly takeRecord: () => number;
  readonly giveRecord: (q: number) => void;
  /** Number in the image of a virtual machine; undefined if it is not a guest of this machine. */
  readonly guestOf: (kvm: KvmVm) => number | undefined;
}

export class GuestQueues implements VirtualQueues {
  readonly #image: MachineImage;
  readonly #options: GuestQueuesOptions;

  constructor(options: GuestQueuesOptions) {
    this.#image = options.image;
    this.#options = options;
  }

  get left(): number {
    return VIRTUAL_QUEUES_MAX - virtualQueues(this.#image).length;
  }

  update(mdev: VirtualMdev): void {
    const guest = mdev.kvm === null ? undefined : this.#options.guestOf(mdev.kvm);
    const number = guest ?? mdev.attached?.guest;
    if (number === undefined) return;
    this.#options.exclusive(number, () => {
      if (mdev.attached === undefined) this.#attach(mdev, number);
      const wanted = guest === undefined ? [] : virtualApqns(mdev.map);
      for (const entry of this.#entries(mdev))
        if (!wanted.includes(this.#word(entry + E_APQN))) this.#remove(entry);
      for (const apqn of wanted) this.#map(mdev, number, apqn);
      this.#writeMasks(mdev, number, guest !== undefined);
      if (guest === undefined) this.#detach(mdev);
    });
  }

  reset(mdev: VirtualMdev): void {
    if (mdev.attached === undefined) return;
    this.#options.exclusive(mdev.attached.guest, () => {
      for (const entry of this.#entries(mdev)) this.#empty(entry);
    });
  }

  pool(apqns: ReadonlySet<Apqn>): void {
    const { i32 } = this.#image;
    const marks = ATTENTION_POOL | ATTENTION_SHARED;
    this.#options.exclusive(undefined, () => {
      for (let n = 1; n < this.#image.queues; n++) {
        const q = this.#image.queueRecord(n);
        if (this.#word(q + Q_DEVICE) === DEVICE_VIRTUAL) continue;
        const apqn = this.#image.apqnOf(q);
        const attention = this.#word(q + Q_ATTENTION);
        if (apqns.has(apqn) && this.#image.queue(apqn) === q)
          i32[q + Q_ATTENTION] = attention | marks;
        else if ((attention & ATTENTION_POOL) !== 0) i32[q + Q_ATTENTION] = attention & ~marks;
      }
      i32[C_GENERATION] = this.#word(C_GENERATION) + 1;
    });
  }

  underWay(apqn: Apqn): number {
    const real = this.#image.queue(apqn);
    return virtualQueues(this.#image)
      .flatMap((entry) => messagesUnderWay(this.#image, entry))
      .filter((message) => message.real === real).length;
  }

  sent(apqn: Apqn): number {
    return this.#word(this.#image.cold(this.#image.queue(apqn)) + K_SHARED);
  }

  #word(index: number): number {
    return this.#image.word(index);
  }

  /** Records of the virtual queues of an mdev. */
  #entries(mdev: VirtualMdev): number[] {
    return virtualQueues(this.#image).filter((entry) => this.#word(entry + E_MDEV) === mdev.number);
  }

  /** Switches interpretation off, so that every AP instruction of the guest is intercepted. */
  #attach(mdev: VirtualMdev, guest: number): void {
    const facilities = this.#word(this.#image.guest(guest) + G_FACILITIES);
    mdev.attached = { guest, facilities };
    setFacilities(this.#image, guest, facilities & ~FACILITY_AP);
    this.#useMasks(guest, virtualMasks(this.#image, guest));
  }

  #detach(mdev: VirtualMdev): void {
    const { guest, facilities } = mdev.attached as AttachedGuest;
    mdev.attached = undefined;
    this.#useMasks(guest, this.#image.masks(guest));
    setFacilities(this.#image, guest, facilities);
  }

  #useMasks(guest: number, masks: number): void {
    const vcpus = this.#word(this.#image.guest(guest) + G_VCPUS);
    for (let n = 0; n < vcpus; n++)
      this.#image.i32[this.#image.vcpu(guest, n) + V_TRUE_MASKS] = masks;
  }

  #writeMasks(mdev: VirtualMdev, guest: number, present: boolean): void {
    const at = virtualMasks(this.#image, guest);
    const { i32 } = this.#image;
    i32.fill(0, at, at + MASK_WORDS);
    if (!present) return;
    const { apm, aqm } = mdev.virtualMatrix;
    i32.set(new Int32Array(apm), at);
    i32.set(new Int32Array(aqm), at + apm.length);
  }

  /** Makes the virtual queue if it does not exist, and writes which real queues stand behind it. */
  #map(mdev: VirtualMdev, guest: number, apqn: Apqn): void {
    const entry = findVirtualQueue(this.#image, guest, apqn) || this.#add(mdev, guest, apqn);
    const { i32 } = this.#image;
    const write = (mask: Mask, at: number): void => i32.set(new Int32Array(mask), at);
    write(behind(mdev.map.adapter, apqn >>> 8), entry + E_APM);
    write(behind(mdev.map.domain, apqn & 0xff), entry + E_AQM);
    i32[entry + E_CHOICE] = CHOICES[mdev.choice];
    i32[entry + E_ALLOW_SECURE] = mdev.allowSecure ? 1 : 0;
    this.#options.engine.candidates.of(entry);
  }

  #add(mdev: VirtualMdev, guest: number, apqn: Apqn): number {
    const image = this.#image;
    const { i32 } = image;
    let n = 1;
    while (this.#word(virtualQueue(image, n) + E_GUEST) !== 0) n++;
    i32[C_VIRTUAL_COUNT] = Math.max(n, this.#word(C_VIRTUAL_COUNT));
    const entry = virtualQueue(image, n);
    i32.fill(0, entry, entry + VIRTUAL_WORDS);
    i32[entry + E_GUEST] = guest;
    i32[entry + E_APQN] = apqn;
    i32[entry + E_MDEV] = mdev.number;
    i32[entry + E_LIMIT] = ML_ZERO_BYTES;
    i32[entry + E_RANDOM] = seedRandom(this.#options.seed, SEED_TAG + n);
    i32[entry + E_QUEUE] = this.#queue(guest, apqn);
    return entry;
  }

  /**
   * Makes a queue record that is idle and has slots for the greatest depth a queue can have. The candidates determine later how many it
   * uses.
   */
  #queue(guest: number, apqn: Apqn): number {
    const image = this.#image;
    const { i32 } = image;
    const q = this.#options.takeRecord();
    const cold = image.cold(q);
    i32.fill(0, q, q + QUEUE_WORDS);
    i32.fill(0, cold, cold + COLD_WORDS);
    const slots = ~(0xffffffff >>> DEPTH_MAX);
    i32[q + Q_COLD] = cold;
    i32[q + Q_STATUS] = STATUS_EMPTY;
    i32[q + Q_FREE] = slots;
    i32[q + Q_ALL_FREE] = slots;
    i32[q + Q_LIMIT] = ML_ZERO_BYTES;
    i32[q + Q_DEVICE] = DEVICE_VIRTUAL;
    i32[q + Q_ATTENTION] = ATTENTION_SHARED;
    i32[cold + K_APQN] = apqn;
    i32[cold + K_OWNER] = guest;
    this.#options.kernel.takeSlots(q);
    return q;
  }

  #remove(entry: number): void {
    this.#empty(entry);
    const q = this.#word(entry + E_QUEUE);
    this.#image.i32[entry + E_GUEST] = 0;
    this.#image.i32[q + Q_DEVICE] = 0;
    this.#options.giveRecord(q);
  }

  /** Discards what is in a virtual queue. Replies that are still to come will be dropped. */
  #empty(entry: number): void {
    const { engine, kernel } = this.#options;
    const q = this.#word(entry + E_QUEUE);
    kernel.lockQueue(q);
    engine.discard(entry);
    kernel.flush(q);
    kernel.unlockQueue(q);
  }
}
