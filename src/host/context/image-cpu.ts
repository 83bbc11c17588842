// SPDX-License-Identifier: Apache-2.0
// One vCPU of the machine image as guest code sees it: registers, instructions with their intercepts, storage, interruptions.
// Source: docs/design.md sections 3 and 4.
import {
  facilityWord,
  STFLE_APFT,
  STFLE_AQIC,
  STFLE_MSAX3,
  STFLE_QCI,
} from '../../../native-like/arch/facilities.ts';
import { PSW_CC, PSW_CC_SHIFT, PSW_MACHINE_CHECK } from '../../../native-like/arch/psw.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  V_EXIT,
  V_FACILITIES,
  V_GR,
  V_PSW_MASK_HIGH,
} from '../../../native-like/machine/layout.ts';
import type { Cpu } from '../../guest/cpu.ts';
import type { PutBack } from '../../lpar/remember.ts';
import type { ExecutionContext } from './execution-context.ts';

const KNOWN_FACILITIES: readonly number[] = [STFLE_QCI, STFLE_APFT, STFLE_AQIC, STFLE_MSAX3];

export class ImageCpu implements Cpu {
  /** Word index of the vCPU block. */
  readonly block: number;
  /** Number of instructions executed since the start. */
  executed = 0;
  /**
   * Whether a program or I/O interruption loads the new PSW. If not, the vCPU goes on with the PSW it had, as lines of AP programs
   * expect.
   */
  loadsNewPsw = false;
  readonly #context: ExecutionContext;
  readonly #i32: Int32Array;
  readonly #guest: number;
  #storage: Uint8Array;
  /** Whether the storage is memory of the program, which no checkpoint of the machine contains. */
  #brought = false;

  /** vCPU `vcpu` of the guest with this number in the image. */
  constructor(context: ExecutionContext, guest: number, vcpu: number) {
    const { image } = context;
    this.#context = context;
    this.#i32 = image.i32;
    this.block = image.vcpu(guest, vcpu);
    this.#guest = guest;
    this.#storage = image.storage(guest);
  }

  /** The guest's storage as a whole. Checkpoints have to compare all of it from now on. */
  get storage(): Uint8Array {
    if (!this.#brought) this.#context.storageShown(this.#guest);
    return this.#storage;
  }

  get reportedStorage(): Uint8Array {
    this.#context.assertOpen();
    return this.#storage;
  }

  get image(): MachineImage {
    return this.#context.image;
  }

  /** Throws ApemuError `APEMU_ERR_MACHINE_CLOSED` when the machine was closed. */
  assertOpen(): void {
    this.#context.assertOpen();
  }

  /** A copy of `bytes` bytes of the guest's storage at an absolute address. */
  readStorage(address: number, bytes: number): Uint8Array {
    this.#context.assertOpen();
    return this.#storage.slice(address, address + bytes);
  }

  /** Writes into the guest's storage. Throws RangeError for bytes outside it. */
  writeStorage(address: number, bytes: Uint8Array): void {
    this.#context.writeStorage(this.#guest, address, bytes);
  }

  /** Notes that bytes of the guest's storage were written, by code that holds it. */
  wroteStorage(address: number, bytes: number): void {
    this.#context.wroteStorage(this.#guest, address, bytes);
  }

  /** Remembers what the image does not contain; calling the result puts it back. */
  remember(): PutBack {
    const [executed, loadsNewPsw] = [this.executed, this.loadsNewPsw];
    return () => {
      this.executed = executed;
      this.loadsNewPsw = loadsNewPsw;
    };
  }

  grLow(n: number): number {
    return this.#i32[this.block + V_GR + 2 * n + 1];
  }

  grHigh(n: number): number {
    return this.#i32[this.block + V_GR + 2 * n];
  }

  setGr(n: number, high: number, low: number): void {
    const at = this.block + V_GR + 2 * n;
    this.#i32[at] = high;
    this.#i32[at + 1] = low;
  }

  execute(instruction: number): number {
    this.executed++;
    return this.#context.execute(this.block, instruction);
  }

  conditionCode(): number {
    return (this.#i32[this.block + V_PSW_MASK_HIGH] & PSW_CC) >>> PSW_CC_SHIFT;
  }

  programInterruption(): number {
    return this.#i32[this.block + V_EXIT];
  }

  facility(bit: number): boolean {
    if (!KNOWN_FACILITIES.includes(bit)) return false;
    const mask = facilityWord([bit]);
    return (this.#i32[this.block + V_FACILITIES] & mask) !== 0;
  }

  takeInterruption(): number {
    return this.#context.takeInterruption(this.block);
  }

  takeMachineCheck(): boolean {
    return this.#context.takeMachineCheck(this.block);
  }

  enableMachineChecks(on: boolean): void {
    const at = this.block + V_PSW_MASK_HIGH;
    this.#i32[at] = on ? this.#i32[at] | PSW_MACHINE_CHECK : this.#i32[at] & ~PSW_MACHINE_CHECK;
  }

  nowNs(): number {
    return this.#context.nowNs;
  }

  bringStorage(storage: Uint8Array): void {
    this.#context.bringStorage(this.#guest, storage);
    this.#storage = storage;
    this.#brought = true;
  }
}
