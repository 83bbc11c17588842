// SPDX-License-Identifier: Apache-2.0
// Records which pages of the guests' storage may have been written since some moment. Going back to a checkpoint then costs as much as
// was written, and not as much as the storage is large. An instruction's operands are marked before it executes, by its registers, so
// that the kernel need not do anything for this.
// Source: docs/design.md section 2; docs/reference/ap-architecture.md sections 1.3, 1.6 and 1.9 (which instructions store, and where).

import { FC_AQIC, FC_QCI, GR0_FC_SHIFT } from '../../../native-like/arch/function-codes.ts';
import {
  OPCODE_CHSC,
  OPCODE_DQAP,
  OPCODE_NQAP,
  OPCODE_PQAP,
} from '../../../native-like/arch/instructions.ts';
import { PAGE_BYTES } from '../../../native-like/arch/limits.ts';
import { PSW_BA, PSW_EA } from '../../../native-like/arch/psw.ts';
import { QCI_BYTES } from '../../../native-like/arch/qci.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  C_STORAGE_BYTE,
  C_STORAGE_END_BYTE,
  G_EXTERNAL,
  K_NIB_BYTE,
  V_GR,
  V_GUEST,
  V_PSW_MASK_HIGH,
  V_PSW_MASK_LOW,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../../../native-like/machine/layout.ts';

/** Longest operand of a DQAP that stores anything, in bytes. */
const OPERAND_MAX = 0x10000;
/** Most bytes that TPI or STCRW store. */
const TPI_BYTES = 8;
/** Word of the low half of general register `n` in a vCPU block. */
const LOW = (n: number): number => V_GR + 2 * n + 1;

/** The pages of one machine. Time is counted in moments: a number that only grows. */
export class WrittenPages {
  readonly #image: MachineImage;
  readonly #firstByte: number;
  /** For each page, the moment in which it was written last. */
  readonly #stamps: Uint32Array;
  /** Numbers of the pages written in the present moment; the first `#count` are valid. */
  readonly #pages: Uint32Array;
  #count = 0;
  #moment = 1;

  constructor(image: MachineImage) {
    this.#image = image;
    this.#firstByte = image.word(C_STORAGE_BYTE);
    const pages = Math.ceil((image.word(C_STORAGE_END_BYTE) - this.#firstByte) / PAGE_BYTES);
    this.#stamps = new Uint32Array(pages);
    this.#pages = new Uint32Array(pages);
  }

  /** Ends the present moment, so that what is written from now on belongs to the next one. Returns the moment that has ended. */
  endMoment(): number {
    this.#count = 0;
    return this.#moment++;
  }

  /** The present moment. */
  get moment(): number {
    return this.#moment;
  }

  /**
   * Calls `found` with the first byte in the image of each page that was written after a moment. For the moment that ended last, there is
   * a list of the pages, so that they need not be searched for.
   */
  eachSince(moment: number, found: (byte: number) => void): void {
    if (moment === this.#moment - 1) {
      for (let n = 0; n < this.#count; n++) found(this.#firstByte + this.#pages[n] * PAGE_BYTES);
      return;
    }
    for (let page = 0; page < this.#stamps.length; page++)
      if (this.#stamps[page] > moment) found(this.#firstByte + page * PAGE_BYTES);
  }

  /** Notes that bytes of the image are written. */
  mark(from: number, bytes: number): void {
    const first = Math.floor((from - this.#firstByte) / PAGE_BYTES);
    const last = Math.floor((from + bytes - 1 - this.#firstByte) / PAGE_BYTES);
    for (let page = first; page <= last; page++) {
      if (this.#stamps[page] === this.#moment) continue;
      this.#stamps[page] = this.#moment;
      this.#pages[this.#count++] = page;
    }
  }

  /** Marks all that an instruction may store into: operands, notification byte, lowcore. */
  markInstruction(vcpu: number, word: number): void {
    const { i32 } = this.#image;
    this.markLowcore(vcpu);
    const opcode = word >>> 16;
    if (opcode === OPCODE_NQAP) return;
    if (opcode === OPCODE_DQAP) {
      const r2 = word & 0xf;
      const length = i32[vcpu + LOW((r2 + 1) & 0xf)] >>> 0;
      this.#markOperand(vcpu, i32[vcpu + LOW(r2)], Math.min(length, OPERAND_MAX));
    } else if (opcode === OPCODE_PQAP) {
      const fc = i32[vcpu + LOW(0)] >>> GR0_FC_SHIFT;
      if (fc === FC_QCI || fc === FC_AQIC) this.#markOperand(vcpu, i32[vcpu + LOW(2)], QCI_BYTES);
    } else if (opcode === OPCODE_CHSC) {
      this.#markOperand(vcpu, i32[vcpu + LOW((word >>> 4) & 0xf)], PAGE_BYTES);
    } else {
      const base = (word >>> 12) & 0xf;
      const address = (base === 0 ? 0 : i32[vcpu + LOW(base)]) + (word & 0xfff);
      this.#markOperand(vcpu, address, TPI_BYTES);
    }
  }

  /** Marks the lowcore of a vCPU's guest, into which an interruption stores. */
  markLowcore(vcpu: number): void {
    this.#markOperand(vcpu, 0, PAGE_BYTES);
  }

  /** Marks the notification byte of every queue that has one, since any of them may have been stored. */
  markNotificationBytes(): void {
    const image = this.#image;
    for (let n = 1; n < image.queues; n++) {
      const nib = image.word(image.cold(image.queueRecord(n)) + K_NIB_BYTE);
      if (nib > 0) this.mark(nib, 1);
    }
  }

  #markOperand(vcpu: number, address: number, bytes: number): void {
    const { i32 } = this.#image;
    if (i32[i32[vcpu + V_GUEST] + G_EXTERNAL] !== 0) return;
    const size = i32[vcpu + V_STORAGE_SIZE];
    const from = (address & this.#addressMask(vcpu)) >>> 0;
    const length = Math.min(bytes, size - from);
    if (length > 0) this.mark(i32[vcpu + V_STORAGE_BYTE] + from, length);
  }

  #addressMask(vcpu: number): number {
    const { i32 } = this.#image;
    if ((i32[vcpu + V_PSW_MASK_HIGH] & PSW_EA) !== 0) return -1;
    return (i32[vcpu + V_PSW_MASK_LOW] & PSW_BA) !== 0 ? 0x7fffffff : 0x00ffffff;
  }
}
