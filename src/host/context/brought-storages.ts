// SPDX-License-Identifier: Apache-2.0
// Storage of guests whose programs bring their own memory along, as a driver's WebAssembly module does: operands and notification bytes
// are in that memory and not in the image.
// Source: native-like/exec/registry.ts (ExternalStorage).
import { PAGE_BYTES } from '../../../native-like/arch/limits.ts';
import { PGM_ADDRESSING } from '../../../native-like/arch/program-interruptions.ts';
import type { ExternalStorage } from '../../../native-like/exec/registry.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  G_EXTERNAL,
  G_STORAGE_SIZE,
  G_VCPUS,
  K_NIB_BYTE,
  K_NOTIFY_GUEST,
  K_SAVED_NIB,
  V_GUEST,
  V_STORAGE_SIZE,
} from '../../../native-like/machine/layout.ts';

/** Value of K_NIB_BYTE when the notification byte is outside the image. */
const OUTSIDE_IMAGE = -1;

export class BroughtStorages implements ExternalStorage {
  readonly #image: MachineImage;
  /** The memories, by word index of the guest's record. */
  readonly #storages = new Map<number, Uint8Array>();

  constructor(image: MachineImage) {
    this.#image = image;
  }

  /** Makes `storage` the storage of a guest, named by its number in the image. */
  add(guest: number, storage: Uint8Array): void {
    const record = this.#image.guest(guest);
    const { i32 } = this.#image;
    i32[record + G_EXTERNAL] = Math.ceil(storage.length / PAGE_BYTES);
    i32[record + G_STORAGE_SIZE] = 0;
    // The guest's storage in the image is not used any more. With a size of 0, the fast paths cannot reach it.
    for (let n = 0; n < this.#image.word(record + G_VCPUS); n++)
      i32[this.#image.vcpu(guest, n) + V_STORAGE_SIZE] = 0;
    this.#storages.set(record, storage);
  }

  /** Storage of a vCPU's guest; undefined: its program has brought none. */
  of(vcpu: number): Uint8Array | undefined {
    return this.#storages.get(this.#image.word(vcpu + V_GUEST));
  }

  fetch(vcpu: number, high: number, low: number, length: number, target: number): number {
    const operand = this.#operand(vcpu, high, low, length);
    if (operand === undefined) return PGM_ADDRESSING;
    this.#image.u8.set(operand, target);
    return 0;
  }

  store(vcpu: number, high: number, low: number, length: number, source: number): number {
    const operand = this.#operand(vcpu, high, low, length);
    if (operand === undefined) return PGM_ADDRESSING;
    operand.set(this.#image.u8.subarray(source, source + length));
    return 0;
  }

  notify(cold: number): void {
    const storage = this.#notified(cold);
    if (storage !== undefined) storage[this.#image.word(cold + K_SAVED_NIB) >>> 0] = 1;
  }

  /** The notification byte of a queue; 0 if it is not in one of these memories. */
  notificationByte(cold: number): number {
    if (this.#image.word(cold + K_NIB_BYTE) !== OUTSIDE_IMAGE) return 0;
    return this.#notified(cold)?.[this.#image.word(cold + K_SAVED_NIB) >>> 0] ?? 0;
  }

  #notified(cold: number): Uint8Array | undefined {
    return this.#storages.get(this.#image.word(cold + K_NOTIFY_GUEST));
  }

  #operand(vcpu: number, high: number, low: number, length: number): Uint8Array | undefined {
    const storage = this.of(vcpu);
    const from = low >>> 0;
    if (storage === undefined || high !== 0 || from + length > storage.length) return undefined;
    return storage.subarray(from, from + length);
  }
}
