// SPDX-License-Identifier: Apache-2.0
// How a kernel instance gets its machine: whoever loads a kernel leaves the machine here first, and the kernel's modules copy it into
// module-level constants when they are evaluated.
// Source: docs/reference/performance.md section 4 rule 1 (constant views are worth a factor of two). Status: choice.
import type { CopyBytes, SharedMemory } from '../machine/globals.ts';

/** Access to storage that is not in the image (a guest under QEMU). Addresses are logical ones, translated by the vCPU's current PSW. */
export interface ExternalStorage {
  /** Copies guest bytes to the image at byte `target`. Returns 0 or a program-interruption code. */
  fetch(
    vcpu: number,
    addressHigh: number,
    addressLow: number,
    length: number,
    target: number,
  ): number;
  /** Copies image bytes at `source` to the guest. Returns 0 or a program-interruption code; then nothing was stored. */
  store(
    vcpu: number,
    addressHigh: number,
    addressLow: number,
    length: number,
    source: number,
  ): number;
  /** Sets the notification byte of a queue (cold record word index) in the guest's storage. */
  notify(cold: number): void;
}

/** What a kernel instance is bound to. */
export interface KernelBinding {
  readonly memory: SharedMemory;
  readonly copy: CopyBytes;
  /** Number of the executing thread: selects its clock word. 0 is the host. */
  readonly thread: number;
  readonly external: ExternalStorage | undefined;
  /** Called when a lock is not had after many looks: the thread that has it may have died. */
  readonly stuck: (() => void) | undefined;
  /**
   * Domain a message is for, or -1 when it names none (response code 42, AD-28). Called for adapters that parse messages only.
   * `payload` is the byte offset of the message in the image.
   */
  readonly targetDomain: ((mode: number, payload: number, length: number) => number) | undefined;
  /** Function that a message asks for, as one word (F_REQUEST). Called only where a fault names a function. */
  readonly requestFunction: ((mode: number, payload: number, length: number) => number) | undefined;
}

const KEY = Symbol.for('apemu.kernel.binding');
const holder = globalThis as unknown as { [KEY]?: KernelBinding | undefined };

/** Offers a binding to the kernel instance evaluated next. */
export const offerBinding = (binding: KernelBinding): void => {
  holder[KEY] = binding;
};

/** Takes the offered binding. Throws when a kernel is evaluated without one. */
export const takeBinding = (): KernelBinding => {
  const binding = holder[KEY];
  if (binding === undefined) throw new Error('a kernel instance was evaluated without a machine');
  return binding;
};
