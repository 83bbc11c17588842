// SPDX-License-Identifier: Apache-2.0
// The one matrix device: its mdevs, the queues bound to vfio_ap, the host configuration as last reported, and the locks.
// Source: docs/reference/vfio-ap.md sections 1.1 to 1.3 (vfio_ap_drv.c; vfio_ap_private.h: struct ap_matrix_dev).

import { type Apqn, apidOf, apqiOf } from '../ap-bus/apqn.ts';
import type { ApBus } from '../ap-bus/bus.ts';
import type { Outcome } from '../ap-bus/errno.ts';
import type { GuestRequestCounts } from '../ap-bus/guest-requests.ts';
import { NO_QCI, type QciInfo } from '../ap-bus/host-qci.ts';
import { maskToBytes, testBit } from '../ap-bus/mask.ts';
import { Lock, type Operation, withLocks } from '../ap-bus/operation.ts';
import { type PutBack, rememberFields, rememberSet, together } from '../lpar/remember.ts';
import type { MatrixMdev, VfioApQueue } from './mdev.ts';
import { NO_INTERRUPTS, NO_LINKS, type QueueInterrupts, type QueueLinks } from './ports.ts';
import type { VirtualMdev } from './virtual/mdev.ts';
import { NO_VIRTUAL_QUEUES, type VirtualQueues } from './virtual/port.ts';

/** max_instances of the mdev type. */
export const MAX_MDEVS = 65536;

export class MatrixDevice {
  readonly bus: ApBus;
  readonly interrupts: QueueInterrupts;
  readonly links: QueueLinks;
  readonly virtualQueues: VirtualQueues;
  /** Host configuration as the bus last reported it. Without QCI it stays zero. */
  info: QciInfo;
  /** Passthrough mdevs, the newest first, as list_add leaves them. */
  readonly mdevs: MatrixMdev[] = [];
  /** Mdevs of the virtual type. */
  readonly virtualMdevs: VirtualMdev[] = [];
  readonly byUuid = new Map<string, MatrixMdev>();
  /** Queues bound to vfio_ap, by APQN. */
  readonly queues: (VfioApQueue | undefined)[] = new Array(65536).fill(undefined);
  readonly guestsLock = new Lock('guests_lock');
  readonly mdevsLock = new Lock('mdevs_lock');
  /** Number of mdevs that exist, those not yet listed or just being removed included: what available_instances counts. */
  instances = 0;
  virtualInstances = 0;
  /** Whether the host is itself a secure-execution guest (ap_is_se_guest). If so, nothing migrates. */
  secureHost = false;
  /** Number of file descriptors that user space may still open for migration data. */
  descriptors = Number.POSITIVE_INFINITY;
  /** How often masks were written to guests since the start, for tests. */
  guestUpdates = 0;
  /** Number of calls of open device files that may have changed something. */
  calls = 0;
  #pooled = false;
  readonly #numbers = new Set<number>();

  constructor(
    bus: ApBus,
    interrupts: QueueInterrupts = NO_INTERRUPTS,
    links: QueueLinks = NO_LINKS,
    virtualQueues: VirtualQueues = NO_VIRTUAL_QUEUES,
  ) {
    this.bus = bus;
    this.interrupts = interrupts;
    this.links = links;
    this.virtualQueues = virtualQueues;
    this.info = bus.qci.available ? bus.qci : NO_QCI;
  }

  /** Locks that an operation takes which may change what the guest of an mdev sees. */
  get updateLocks(): readonly Lock[] {
    return [this.guestsLock, this.mdevsLock];
  }

  /**
   * Executes a write to a file of an mdev under the update locks, and under `before`, which are taken first. ENODEV if the mdev went
   * while the write waited for them.
   */
  *update(
    mdev: MatrixMdev,
    body: () => Outcome | Operation<Outcome>,
    before: readonly Lock[] = [],
  ): Operation<Outcome> {
    return yield* withLocks([...before, ...this.updateLocks], () =>
      this.byUuid.get(mdev.uuid) === mdev ? body() : 'ENODEV',
    );
  }

  /** Takes the lowest number that no mdev uses, from 1: in the machine image 0 means "no mdev". */
  takeNumber(): number {
    let number = 1;
    while (this.#numbers.has(number)) number++;
    this.#numbers.add(number);
    return number;
  }

  /** Takes the number that a saved mdev had. */
  keepNumber(number: number): void {
    this.#numbers.add(number);
  }

  giveNumber(number: number): void {
    this.#numbers.delete(number);
  }

  /** The mdev whose matrix has the APQN. */
  mdevOf(apqn: Apqn): MatrixMdev | undefined {
    const apid = apidOf(apqn);
    const apqi = apqiOf(apqn);
    return this.mdevs.find((m) => testBit(m.matrix.apm, apid) && testBit(m.matrix.aqm, apqi));
  }

  inShadow(mdev: MatrixMdev, apqn: Apqn): boolean {
    return testBit(mdev.shadow.apm, apidOf(apqn)) && testBit(mdev.shadow.aqm, apqiOf(apqn));
  }

  /** vfio_ap_mdev_link_apqn: links a queue, which must be bound to vfio_ap. */
  link(mdev: MatrixMdev, queue: VfioApQueue): void {
    mdev.link(queue, this.bus.switches.deconfiguredPassable);
    this.links.link(queue.apqn, mdev.number);
  }

  unlink(mdev: MatrixMdev, queue: VfioApQueue): void {
    mdev.unlink(queue);
    this.links.unlink(queue.apqn);
  }

  /**
   * I-5, O-6: a queue that leaves its guest must hold no NIB and no ISC and interrupt nobody, even if it was not reset (filtered out) or
   * its reset did not end well. Does nothing for a queue that holds nothing. Old kernels leak here (VD-18).
   */
  *releaseInterrupts(queues: Iterable<VfioApQueue>): Operation<void> {
    if (this.bus.switches.leakAqicResources) return;
    for (const { apqn } of queues) {
      if (this.interrupts.nibPage(apqn) === undefined) continue;
      yield* this.interrupts.disable(apqn);
    }
  }

  /** vfio_ap_mdev_update_guest_apcb: writes the shadow as the guest's masks. */
  updateGuest(mdev: MatrixMdev): void {
    // A guest that was asked to release its mdev, which is being removed, gets no masks any more.
    if (mdev.kvm === null || mdev.masksWithdrawn) return;
    this.guestUpdates++;
    const { apm, aqm, adm } = mdev.shadow;
    mdev.kvm.setCryptoMasks(maskToBytes(apm), maskToBytes(aqm), maskToBytes(adm));
    this.signalConfigChange(mdev);
  }

  /** Virtual mdevs behind which a real APQN stands. */
  virtualMdevsOf(apqn: Apqn): VirtualMdev[] {
    return this.virtualMdevs.filter((mdev) => mdev.hasReal(apqn));
  }

  /** Requests of guests that pass through the host to this queue; undefined for a queue that never was behind a virtual mdev. */
  guestRequests(apqn: Apqn): GuestRequestCounts | undefined {
    const sent = this.virtualQueues.sent(apqn);
    if (sent === 0 && this.virtualMdevsOf(apqn).length === 0) return undefined;
    return { sent, pending: this.virtualQueues.underWay(apqn) };
  }

  /**
   * Called when a map has changed or a guest was attached or detached: adapts the guest's virtual queues, and which real queues are
   * shared.
   */
  updateVirtual(mdev: VirtualMdev): void {
    this.refreshPool();
    this.virtualQueues.update(mdev);
    this.signalConfigChange(mdev);
  }

  /** Tells the engine which real queues virtual mdevs share: those that are bound. */
  refreshPool(): void {
    if (this.virtualMdevs.length === 0 && !this.#pooled) return;
    const bound = this.queues.filter(
      (queue) => queue !== undefined && this.virtualMdevsOf(queue.apqn).length > 0,
    );
    this.#pooled = bound.length > 0;
    this.virtualQueues.pool(new Set(bound.map((queue) => (queue as VfioApQueue).apqn)));
  }

  /**
   * Remembers mdevs, queues and their links; calling the result puts them back and releases the locks. Nobody may sleep with a lock held.
   */
  remember(): PutBack {
    const queues = this.#boundQueues();
    const pooled = this.#pooled;
    const own = together(
      rememberFields(this, ['bus', 'queues', 'calls']),
      rememberSet(this.#numbers),
      ...[...this.byUuid.values()].map((mdev) => mdev.remember()),
      ...queues.map((queue) => rememberFields(queue)),
    );
    return () => {
      for (const queue of this.#boundQueues()) this.queues[queue.apqn] = undefined;
      for (const queue of queues) this.queues[queue.apqn] = queue;
      own();
      this.#pooled = pooled;
      this.guestsLock.release();
      this.mdevsLock.release();
    };
  }

  #boundQueues(): VfioApQueue[] {
    return [...this.bus.devices].flatMap((device) =>
      device.kind === 'queue' ? (this.queues[device.apqn] ?? []) : [],
    );
  }

  /** Signals the cfg_chg eventfd, if the kernel has it. */
  signalConfigChange(mdev: MatrixMdev): void {
    if (this.bus.switches.cfgChangeEvent) mdev.configChangeTrigger?.();
  }
}
