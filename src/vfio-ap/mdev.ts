// SPDX-License-Identifier: Apache-2.0
// A matrix mediated device, a queue bound to vfio_ap, and the link between them.
// Source: docs/reference/vfio-ap.md sections 1.2 and 4.1 (vfio_ap_private.h: struct ap_matrix_mdev, vfio_ap_queue).
import {
  AP_RESPONSE_CHECKSTOPPED,
  AP_RESPONSE_DECONFIGURED,
  AP_RESPONSE_NORMAL,
} from '../../native-like/arch/response-codes.ts';
import { responseCode } from '../../native-like/arch/status-word.ts';
import { type Apqn, apqnName } from '../ap-bus/apqn.ts';
import { emptyMask, type Mask } from '../ap-bus/mask.ts';
import type { KvmVm, PqapHook } from '../kvm/vm.ts';
import { type PutBack, rememberFields } from '../lpar/remember.ts';
import { type ApMatrix, emptyMatrix, type MatrixLimits } from './matrix.ts';
import type { MigrationMachine } from './migration/machine.ts';
import { STATE_RUNNING } from './migration/states.ts';

/** An eventfd as the device sees it. */
export type EventTrigger = () => void;

const WORDS_PER_ADAPTER = 8;

/** struct vfio_ap_queue: exists for each queue that is bound to vfio_ap. */
export class VfioApQueue {
  readonly apqn: Apqn;
  /** The mdev whose table contains this queue, if any. */
  mdev: MatrixMdev | null = null;
  /** Status word of the last ZAPQ; zero before the first. */
  resetStatus = 0;

  constructor(apqn: Apqn) {
    this.apqn = apqn;
  }

  get name(): string {
    return apqnName(this.apqn);
  }
}

/**
 * struct ap_matrix_mdev. It has three layers: the matrix is what the administrator assigned, the shadow is what the guest may use, and
 * the CRYCB of `kvm` is what SIE sees.
 */
export class MatrixMdev implements PqapHook {
  /** Number in the machine image, from 1. */
  readonly number: number;
  readonly uuid: string;
  readonly path: string;
  readonly limits: MatrixLimits;
  readonly matrix: ApMatrix = emptyMatrix();
  readonly shadow: ApMatrix = emptyMatrix();
  kvm: KvmVm | null = null;
  /** The queues that are assigned and bound (qtable). */
  readonly table = new Map<Apqn, VfioApQueue>();
  /** For each adapter, the domains whose queue is in the table and passable. */
  readonly #passable = new Uint32Array(256 * WORDS_PER_ADAPTER);
  /** Additions of the host configuration that wait for the end of the scan. */
  apmAdd: Mask = emptyMask();
  aqmAdd: Mask = emptyMask();
  admAdd: Mask = emptyMask();
  requestTrigger: EventTrigger | null = null;
  configChangeTrigger: EventTrigger | null = null;
  /** Number of open files of the vfio device. */
  opens = 0;
  /** Number of open data files of a migration. They keep the device from being removed, as its own files do. */
  dataFiles = 0;
  /** The migration state machine, from its first use after an open on; null before. */
  migration: MigrationMachine | null = null;
  removing = false;
  /** Whether the guest's masks were taken away because the mdev is to be removed. */
  masksWithdrawn = false;

  constructor(number: number, uuid: string, limits: MatrixLimits) {
    this.number = number;
    this.uuid = uuid;
    this.path = `/devices/vfio_ap/matrix/${uuid}`;
    this.limits = limits;
  }

  /** Whether the mdev takes part in a migration: data files are open, or the state is not RUNNING. */
  get migrating(): boolean {
    return (
      this.dataFiles > 0 || (this.migration !== null && this.migration.state !== STATE_RUNNING)
    );
  }

  /** vfio_ap_mdev_link_queue: puts a queue into the table. */
  link(queue: VfioApQueue, deconfiguredPassable: boolean): void {
    queue.mdev = this;
    this.table.set(queue.apqn, queue);
    this.notePassable(queue, deconfiguredPassable);
  }

  /** Takes a queue out of the table. */
  unlink(queue: VfioApQueue): void {
    queue.mdev = null;
    this.table.delete(queue.apqn);
    this.#setPassable(queue.apqn, false);
  }

  /** _queue_passable, kept as a bit: the last reset ended with 00; or with 03 or 04, if the kernel lets these pass. */
  notePassable(queue: VfioApQueue, deconfiguredPassable: boolean): void {
    const rc = responseCode(queue.resetStatus);
    const off = rc === AP_RESPONSE_DECONFIGURED || rc === AP_RESPONSE_CHECKSTOPPED;
    this.#setPassable(queue.apqn, rc === AP_RESPONSE_NORMAL || (off && deconfiguredPassable));
  }

  remember(): PutBack {
    const passable = this.#passable.slice();
    const fields = rememberFields(this, ['limits', 'migration']);
    const { migration } = this;
    const migrating = migration?.remember();
    return () => {
      fields();
      this.migration = migration;
      migrating?.();
      this.#passable.set(passable);
    };
  }

  #setPassable(apqn: Apqn, passable: boolean): void {
    const at = apqn >>> 5;
    const bit = 0x80000000 >>> (apqn & 31);
    const word = this.#passable[at];
    this.#passable[at] = passable ? word | bit : word & ~bit;
  }

  /** Whether every queue of the adapter with these domains is in the table and passable. */
  allPassable(apid: number, aqm: Mask): boolean {
    const base = apid * WORDS_PER_ADAPTER;
    for (let w = 0; w < WORDS_PER_ADAPTER; w++) {
      if ((aqm[w] & ~this.#passable[base + w]) !== 0) return false;
    }
    return true;
  }
}
