// SPDX-License-Identifier: Apache-2.0
// The vfio device file of an mdev: open, the ioctls it knows, notice of unmapped memory, close.
// Source: docs/reference/vfio-ap.md sections 4.6 and 4.8 (vfio_ap_ops.c: vfio_ap_mdev_open_device, vfio_ap_mdev_ioctl,
// vfio_ap_mdev_dma_unmap; VFIO core).
import { PAGE_BYTES } from '../../native-like/arch/limits.ts';
import type { Errno, Outcome } from '../ap-bus/errno.ts';
import { type Operation, withLocks } from '../ap-bus/operation.ts';
import type { KvmVm } from '../kvm/vm.ts';
import type { PutBack } from '../lpar/remember.ts';
import { setKvm, unsetKvm } from './guest.ts';
import type { MatrixDevice } from './matrix-device.ts';
import type { EventTrigger, MatrixMdev } from './mdev.ts';
import { deviceFeature, type FeatureAnswer, type FeatureRequest } from './migration/feature.ts';
import { MigrationMachine } from './migration/machine.ts';
import { resetQueues } from './reset.ts';
import { VirtualMdev } from './virtual/mdev.ts';

/** Flags of VFIO_DEVICE_GET_INFO. */
const VFIO_DEVICE_FLAGS_RESET = 1 << 0;
const VFIO_DEVICE_FLAGS_AP = 1 << 5;
/** Interrupt indices. */
const VFIO_AP_REQ_IRQ_INDEX = 0;
export const VFIO_AP_CFG_CHG_IRQ_INDEX = 1;
const VFIO_IRQ_INFO_EVENTFD = 1;
/** Flags of VFIO_DEVICE_SET_IRQS. */
export const VFIO_IRQ_SET_DATA_NONE = 1 << 0;
export const VFIO_IRQ_SET_DATA_BOOL = 1 << 1;
export const VFIO_IRQ_SET_DATA_EVENTFD = 1 << 2;
export const VFIO_IRQ_SET_ACTION_MASK = 1 << 3;
export const VFIO_IRQ_SET_ACTION_UNMASK = 1 << 4;
export const VFIO_IRQ_SET_ACTION_TRIGGER = 1 << 5;
/** Smallest argsz for each ioctl: up to the last field that the kernel needs. */
const GET_INFO_BYTES = 20;
const IRQ_INFO_BYTES = 16;
export const SET_IRQS_BYTES = 20;
/** All flags of SET_IRQS, then the bytes that an element of each data type takes. */
const SET_IRQS_FLAGS = 0x3f;
const ELEMENT_BYTES: ReadonlyMap<number, number> = new Map([
  [VFIO_IRQ_SET_DATA_NONE, 0],
  [VFIO_IRQ_SET_DATA_BOOL, 1],
  [VFIO_IRQ_SET_DATA_EVENTFD, 4],
]);
const DATA_TYPES = 7;

/** The ioctls that can be sent to the file. Any other name is answered with EOPNOTSUPP. */
export type VfioRequest =
  | { readonly name: 'VFIO_DEVICE_GET_INFO'; readonly argsz: number }
  | { readonly name: 'VFIO_DEVICE_GET_IRQ_INFO'; readonly argsz: number; readonly index: number }
  | {
      readonly name: 'VFIO_DEVICE_SET_IRQS';
      readonly argsz: number;
      readonly flags: number;
      readonly index: number;
      readonly start: number;
      readonly count: number;
      /**
       * The descriptor after the header: an eventfd to install; a negative number (-1 removes); or the errno for a file that is not an
       * eventfd.
       */
      readonly fd: EventTrigger | number | 'EBADF' | 'EINVAL';
      /** Whether the header cannot be read. */
      readonly badPointer?: boolean;
    }
  | { readonly name: 'VFIO_DEVICE_RESET' }
  | ({ readonly name: 'VFIO_DEVICE_FEATURE' } & FeatureRequest)
  | { readonly name: string };

/** Answer of an ioctl. */
export type VfioAnswer =
  | { readonly errno: Errno }
  | FeatureAnswer
  | { readonly errno?: undefined; readonly [field: string]: number | undefined };

/** A header of zeros, which asks for feature 0 without an operation. */
const NO_FEATURE: FeatureRequest = { argsz: 8, flags: 0 };
const OK: VfioAnswer = {};
const EINVAL: VfioAnswer = { errno: 'EINVAL' };

/** An open vfio device file. */
export class VfioApFile {
  readonly device: MatrixDevice;
  readonly mdev: MatrixMdev;
  #open = true;

  constructor(device: MatrixDevice, mdev: MatrixMdev) {
    this.device = device;
    this.mdev = mdev;
  }

  get irqCount(): number {
    return this.device.bus.switches.cfgChangeEvent ? 2 : 1;
  }

  *ioctl(request: VfioRequest): Operation<VfioAnswer> {
    if (!this.#open) return { errno: 'ENODEV' };
    this.device.calls++;
    if (request.name === 'VFIO_DEVICE_GET_INFO' && 'argsz' in request) {
      if (request.argsz < GET_INFO_BYTES) return EINVAL;
      const flags = VFIO_DEVICE_FLAGS_AP | VFIO_DEVICE_FLAGS_RESET;
      return { argsz: GET_INFO_BYTES, flags, num_regions: 0, num_irqs: this.irqCount };
    }
    if (request.name === 'VFIO_DEVICE_GET_IRQ_INFO' && 'index' in request) {
      if (request.argsz < IRQ_INFO_BYTES || !this.#hasIndex(request.index)) return EINVAL;
      const { argsz, index } = request;
      return { argsz, flags: VFIO_IRQ_INFO_EVENTFD, index, count: 1 };
    }
    if (request.name === 'VFIO_DEVICE_SET_IRQS' && 'fd' in request) return this.#setIrqs(request);
    if (request.name === 'VFIO_DEVICE_RESET') {
      const { device, mdev } = this;
      const normal = yield* withLocks([device.mdevsLock], () => {
        if (mdev instanceof VirtualMdev) device.virtualQueues.reset(mdev);
        return resetQueues(device, mdev.table.values());
      });
      if (!normal) return { errno: 'EIO' };
      mdev.migration?.reset();
      return OK;
    }
    if (request.name === 'VFIO_DEVICE_FEATURE') {
      const named = 'flags' in request && !('index' in request) ? request : NO_FEATURE;
      return deviceFeature(this.#migration, named);
    }
    return { errno: 'EOPNOTSUPP' };
  }

  /** The migration interface; undefined if the kernel, the host or the type of mdev does not have it. */
  get #migration(): MigrationMachine | undefined {
    const { device, mdev } = this;
    if (device.bus.switches.migration === 'off' || mdev instanceof VirtualMdev) return undefined;
    // Whether a device can migrate is decided when it is first asked. If the host becomes protected later, requests are refused with
    // EPERM.
    if (mdev.migration === null && device.secureHost) return undefined;
    mdev.migration ??= new MigrationMachine(device, mdev);
    return mdev.migration;
  }

  #hasIndex(index: number): boolean {
    return Number.isInteger(index) && index >= 0 && index < this.irqCount;
  }

  /**
   * VFIO_DEVICE_SET_IRQS, checked in the kernel's order (docs/reference/config-change.md section 1). A count of 0 is not refused: the
   * descriptor after the header is read all the same.
   */
  #setIrqs(request: Extract<VfioRequest, { fd: unknown }>): VfioAnswer {
    const { argsz, flags, index, start, count, fd } = request;
    if (request.badPointer === true) return { errno: 'EFAULT' };
    const elementBytes = ELEMENT_BYTES.get(flags & DATA_TYPES);
    if (argsz < SET_IRQS_BYTES || !this.#hasIndex(index)) return EINVAL;
    if ((flags & ~SET_IRQS_FLAGS) !== 0 || elementBytes === undefined) return EINVAL;
    if (start < 0 || count < 0 || start >= 1 || start + count > 1) return EINVAL;
    if (argsz - SET_IRQS_BYTES < count * elementBytes) return EINVAL;
    if ((flags & VFIO_IRQ_SET_ACTION_TRIGGER) === 0) return EINVAL;
    if ((flags & DATA_TYPES) !== VFIO_IRQ_SET_DATA_EVENTFD) return EINVAL;
    if (typeof fd === 'string') return { errno: fd };
    if (typeof fd === 'number' && fd !== -1) return EINVAL;
    const trigger = typeof fd === 'number' ? null : fd;
    if (index === VFIO_AP_REQ_IRQ_INDEX) this.mdev.requestTrigger = trigger;
    else this.mdev.configChangeTrigger = trigger;
    return OK;
  }

  /** dma_unmap: ends the interrupts of queues whose NIB lies in the range and unpins its page. */
  *dmaUnmap(iova: number, length: number): Operation<void> {
    const { device, mdev } = this;
    device.calls++;
    yield* withLocks([device.mdevsLock], function* (): Operation<void> {
      for (const apqn of mdev.table.keys()) {
        const page = device.interrupts.nibPage(apqn);
        if (page === undefined || page + PAGE_BYTES <= iova || page >= iova + length) continue;
        yield* device.interrupts.disable(apqn);
      }
    });
  }

  remember(): PutBack {
    const open = this.#open;
    return () => {
      this.#open = open;
    };
  }

  /** Closes the file. The last close detaches the virtual machine; eventfds stay registered. Closing twice is no error. */
  *close(): Operation<void> {
    if (!this.#open) return;
    this.#open = false;
    this.device.calls++;
    if (this.mdev.opens === 1) {
      yield* unsetKvm(this.device, this.mdev);
      this.mdev.migration?.close();
      this.mdev.migration = null;
    }
    this.mdev.opens--;
  }
}

/** Result of an open. */
export type OpenResult =
  | { readonly file: VfioApFile; readonly errno?: undefined }
  | { readonly errno: Exclude<Outcome, 'ok'> };

/**
 * Opens the vfio device of an mdev for a virtual machine. ENODEV: no such mdev, or it is being removed. EINVAL: the file knows no VM.
 * EPERM: the VM has another mdev. A second open of the same device attaches nothing.
 */
export function* openVfioDevice(
  device: MatrixDevice,
  uuid: string,
  kvm: KvmVm | null,
): Operation<OpenResult> {
  const mdev = device.byUuid.get(uuid.toLowerCase());
  if (mdev === undefined || mdev.removing) return { errno: 'ENODEV' };
  device.calls++;
  if (mdev.opens === 0) {
    if (kvm === null) return { errno: 'EINVAL' };
    mdev.opens++;
    const outcome = yield* setKvm(device, mdev, kvm);
    if (outcome !== 'ok') {
      mdev.opens--;
      return { errno: outcome };
    }
  } else mdev.opens++;
  return { file: new VfioApFile(device, mdev) };
}
