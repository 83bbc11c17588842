// SPDX-License-Identifier: Apache-2.0
// Finds the AP instruction at which a CPU got an operation exception: reads it from storage, through EXECUTE if it was executed that way.
// Source: z/Architecture, EXECUTE and EXECUTE RELATIVE LONG (public): target address, the byte that is ORed in, and that the
// interruption tells length and address of the EXECUTE.

import { PSW_BA, PSW_EA, PSW_SPACE } from '../../native-like/arch/psw.ts';
import { TWO_TO_32 } from '../units.ts';
import type { TranslationContext } from './dat.ts';
import type { QemuStorage } from './storage.ts';

/** First halfword of the three AP instructions: NQAP, DQAP, PQAP. Source: ap-architecture 1.1. */
const AP_OPCODES: ReadonlySet<number> = new Set([0xb2ad, 0xb2ae, 0xb2af]);
const AP_LENGTH = 4;

const OPCODE_EX = 0x44;
/** First byte and second half of the second byte of the instruction; between them is the number of the register. */
const OPCODE_EXRL = 0xc600;
const OPCODE_EXRL_MASK = 0xff0f;
const EXRL_LENGTH = 6;

const SECONDARY_SPACE = 0x8000;

/** There is no AP instruction, or it cannot be read. */
export const NOT_OURS = -1;

/** Reads instructions of one guest's CPUs. */
export class InstructionReader {
  readonly #storage: QemuStorage;
  readonly #bytes = Buffer.alloc(EXRL_LENGTH);
  /** Address of the EXECUTE, later of its target: high and low word. */
  #high = 0;
  #low = 0;

  constructor(storage: QemuStorage) {
    this.#storage = storage;
  }

  /**
   * Reads the instruction before the CPU's PSW address.
   *
   * @param ilc length the interruption told, bytes
   * @param gr general registers as words, which an EXECUTE uses
   * @returns the instruction word with what EXECUTE ORs in, or NOT_OURS
   */
  read(cpu: number, ilc: number, gr: Uint32Array): number {
    const context = this.#storage.contexts[cpu];
    this.#low = context.psw[3];
    this.#high = context.psw[2];
    this.#add(-ilc);
    if (ilc !== AP_LENGTH && ilc !== EXRL_LENGTH) return NOT_OURS;
    if (!this.#fetch(cpu, context, ilc)) return NOT_OURS;
    if (ilc === AP_LENGTH && AP_OPCODES.has(this.#bytes.readUInt16BE(0))) {
      return this.#bytes.readUInt32BE(0);
    }
    const register = this.#bytes[1] >>> 4;
    if (!this.#findTarget(ilc, gr) || (this.#low & 1) !== 0) return NOT_OURS;
    if (!this.#fetch(cpu, context, AP_LENGTH)) return NOT_OURS;
    if (register !== 0) this.#bytes[1] |= gr[2 * register + 1] & 0xff;
    return AP_OPCODES.has(this.#bytes.readUInt16BE(0)) ? this.#bytes.readUInt32BE(0) : NOT_OURS;
  }

  /** @returns false if what was fetched is not an EXECUTE */
  #findTarget(ilc: number, gr: Uint32Array): boolean {
    const bytes = this.#bytes;
    if (ilc === EXRL_LENGTH) {
      if ((bytes.readUInt16BE(0) & OPCODE_EXRL_MASK) !== OPCODE_EXRL) return false;
      this.#add(2 * bytes.readInt32BE(2));
      return true;
    }
    if (bytes[0] !== OPCODE_EX) return false;
    const registers = [bytes[1] & 15, bytes[2] >>> 4];
    this.#high = 0;
    this.#low = bytes.readUInt16BE(2) & 0xfff;
    for (const register of registers) {
      if (register === 0) continue;
      this.#high = (this.#high + gr[2 * register]) >>> 0;
      this.#add(gr[2 * register + 1]);
    }
    return true;
  }

  #add(offset: number): void {
    const sum = this.#low + offset;
    const carry = Math.floor(sum / TWO_TO_32);
    this.#low = sum - carry * TWO_TO_32;
    this.#high = (this.#high + carry) >>> 0;
  }

  #fetch(cpu: number, context: TranslationContext, length: number): boolean {
    const psw0 = context.psw[0];
    // In secondary-space mode, instructions are fetched from the primary space.
    if ((psw0 & PSW_SPACE) === SECONDARY_SPACE) context.psw[0] = psw0 & ~PSW_SPACE;
    const wide = (psw0 & PSW_EA) !== 0;
    const mode = wide ? -1 : (context.psw[1] & PSW_BA) !== 0 ? 0x7fffffff : 0x00ffffff;
    const low = (this.#low & mode) >>> 0;
    const pgm = this.#storage.fetch(cpu, wide ? this.#high : 0, low, length, this.#bytes);
    context.psw[0] = psw0;
    return pgm === 0;
  }
}
