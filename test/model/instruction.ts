// SPDX-License-Identifier: Apache-2.0
// One execution of one instruction: its fields and operands, read from the registers before anything changes.
// Source: ap-architecture.md 1.1 to 1.4, AD-01 to AD-04.

import type { FunctionName, Outcome } from '../vectors/under-test.ts';
import { fieldOf, lowWord, MASK64, withLowWord } from './bits.ts';
import type { Model } from './model.ts';
import type { ModelGuest, ModelQueue, ModelVcpu } from './state.ts';

export const PQAP = 0xb2af;
export const NQAP = 0xb2ad;
export const DQAP = 0xb2ae;

export const PGM = { operation: 1, privileged: 2, addressing: 5, specification: 6 } as const;

const BY_FUNCTION_CODE: readonly FunctionName[] = [
  'tapq',
  'rapq',
  'zapq',
  'aqic',
  'qci',
  'qact',
  'qbap',
  'bapq',
  'aapq',
];

const ADDRESS_MASK = { 24: 0xffffffn, 31: 0x7fffffffn, 64: MASK64 } as const;

export class Instruction {
  readonly model: Model;
  readonly guest: ModelGuest;
  readonly vcpu: ModelVcpu;
  readonly word: number;
  readonly opcode: number;
  readonly r1: number;
  readonly r2: number;
  /** GR0, GR1, GR2 as they were. */
  readonly gr0: bigint;
  readonly gr1: bigint;
  readonly gr2: bigint;
  /** Undefined: undefined function code or not an AP instruction. */
  readonly name: FunctionName | undefined;
  /** The addressed queue if the masks let this program use it. */
  readonly queue: ModelQueue | undefined;

  constructor(model: Model, guest: ModelGuest, vcpu: ModelVcpu, word: number) {
    this.model = model;
    this.guest = guest;
    this.vcpu = vcpu;
    this.word = word >>> 0;
    this.opcode = this.word >>> 16;
    this.r1 = (this.word >> 4) & 15;
    this.r2 = this.word & 15;
    this.gr0 = vcpu.gr[0];
    this.gr1 = vcpu.gr[1];
    this.gr2 = vcpu.gr[2];
    if (this.opcode === NQAP) this.name = 'nqap';
    else if (this.opcode === DQAP) this.name = 'dqap';
    else if (this.opcode === PQAP) this.name = BY_FUNCTION_CODE[fieldOf(this.gr0, 32, 39)];
    else this.name = undefined;
    // QCI names no queue (ap-architecture 1.4), whatever bits 48-63 of GR0 hold.
    this.queue = this.name === 'qci' ? undefined : model.access.queueFor(guest, this.apqn);
  }

  /** True for the instructions of a guest, false for those of the host partition. */
  get underSie(): boolean {
    return this.guest.index !== 0;
  }

  get isReset(): boolean {
    return this.name === 'rapq' || this.name === 'zapq';
  }

  get isMessage(): boolean {
    return this.name === 'nqap' || this.name === 'dqap';
  }

  get apqn(): number {
    return fieldOf(this.gr0, 48, 63);
  }

  defect(name: Parameters<Model['defect']>[0]): boolean {
    return this.model.defect(name);
  }

  /** An address as the addressing mode sees it. */
  address(value: bigint): bigint {
    if (this.defect('addressing-mode-ignored')) return value;
    return value & ADDRESS_MASK[this.vcpu.psw.addressingMode];
  }

  /** Address and length in the R2 pair of NQAP and DQAP. */
  get operand(): { address: bigint; length: bigint } {
    const length = this.vcpu.gr[this.r2 + 1] ?? 0n;
    return {
      address: this.address(this.vcpu.gr[this.r2]),
      length: this.vcpu.psw.addressingMode === 64 ? length : BigInt(lowWord(length)),
    };
  }

  /** Advances the R2 pair by `bytes`; in 24- and 31-bit mode bits 0-31 of both registers stay (AD-02). */
  advanceOperand(bytes: number): void {
    const { address, length } = this.operand;
    const moved = this.address((address + BigInt(bytes)) & MASK64);
    this.setSized(this.r2, moved);
    this.setSized(this.r2 + 1, length - BigInt(bytes));
  }

  private setSized(register: number, value: bigint): void {
    const { gr, psw } = this.vcpu;
    const whole = psw.addressingMode === 64 || this.defect('high-words-cleared');
    gr[register] = whole ? value : withLowWord(gr[register], value);
  }

  /** True if all bytes of the operand are in the guest's storage. */
  inStorage(address: bigint, bytes: number): boolean {
    const size = BigInt(this.guest.storage.length);
    return address < size && address + BigInt(bytes) <= size;
  }

  completed(cc: number): Outcome {
    return { kind: 'completed', cc };
  }

  program(code: number): Outcome {
    const ilc = this.opcode >>> 14 === 0 ? 1 : this.opcode >>> 14 === 3 ? 3 : 2;
    return { kind: 'program', code, ilc, nullified: false };
  }

  /** Instruction interception (SIE block 0x050, 0x056, 0x058). */
  intercept(): Outcome {
    return {
      kind: 'intercept',
      icptcode: 0x04,
      ipa: this.opcode,
      ipb: ((this.word & 0xffff) << 16) >>> 0,
    };
  }
}
