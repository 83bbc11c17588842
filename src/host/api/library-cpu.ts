// SPDX-License-Identifier: Apache-2.0
// A vCPU for tests of driver code: each AP instruction as a call with plain results. One call executes one instruction once.
// Source: docs/design.md sections 6 and 9; docs/reference/ap-architecture.md section 1.
import {
  FC_AAPQ,
  FC_AQIC,
  FC_BAPQ,
  FC_QACT,
  FC_QCI,
  FC_RAPQ,
  FC_TAPQ,
  FC_ZAPQ,
  GR0_F,
  GR0_T,
} from '../../../native-like/arch/function-codes.ts';
import { OPCODE_DQAP, OPCODE_NQAP, OPCODE_PQAP } from '../../../native-like/arch/instructions.ts';
import { QCI_BYTES } from '../../../native-like/arch/qci.ts';
import { AQIC_IR, DQAP_START, NQAP_L, NQAP_SPECIAL } from '../../../native-like/arch/registers.ts';
import { PROGRAM_INTERRUPTION } from '../../guest/cpu.ts';
import type { ImageCpu } from '../context/image-cpu.ts';
import { type Ended, explainEnding } from './explain.ts';
import { History } from './history.ts';
import {
  type DqapResult,
  type InstructionResult,
  type QciResult,
  statusOf,
  type TapqResult,
} from './results.ts';

/** Number of the APQN given as `05.0004` or 0x0504. Throws RangeError for anything else. */
const parseApqn = (apqn: number | string): number => {
  if (typeof apqn === 'number') {
    if (Number.isInteger(apqn) && apqn >= 0 && apqn <= 0xffff) return apqn;
  } else {
    const found = /^([0-9a-f]{2})\.00([0-9a-f]{2})$/i.exec(apqn);
    if (found !== null) return Number.parseInt(`${found[1]}${found[2]}`, 16);
  }
  throw new RangeError(`${apqn} is no APQN (expected XX.YYYY or a number up to 0xffff)`);
};

type Halves = readonly [high: number, low: number];
const halves = (value: bigint | number): Halves => {
  const big = BigInt.asUintN(64, BigInt(value));
  return [Number(big >> 32n) | 0, Number(big & 0xffffffffn) | 0];
};

const RRE = (opcode: number, r1: number, r2: number): number => (opcode << 16) | (r1 << 4) | r2;
/** Register pairs that the wrappers use for R1 and R2. */
const R1 = 4;
const R2 = 6;

/** Driver code under test calls these; `cpu` is the register-level interface the reference driver uses too. */
export class LibraryCpu {
  readonly cpu: ImageCpu;

  /** Name of the guest. */
  readonly #name: string;
  readonly #history: History;
  #last: Pick<Ended, 'word' | 'result'> | undefined;

  /** `name` and `number` say which vCPU of which guest it is. */
  constructor(cpu: ImageCpu, name: string, number: number) {
    this.cpu = cpu;
    this.#name = name;
    this.#history = new History(`${name}.${number}`);
  }

  /** Why the last instruction ended as it did: `RC 01 Q_NOT_AVAIL: …` or `0006 specification: …`. Empty before the first instruction. */
  explain(): string {
    const { image, block } = this.cpu;
    return this.#last === undefined
      ? ''
      : explainEnding({ image, vcpu: block, name: this.#name, ...this.#last });
  }

  /** TAPQ; `t` asks for the facilities in `info`. */
  tapq(apqn: number | string, options: { readonly t?: boolean } = {}): TapqResult {
    const result = this.#pqap((FC_TAPQ << 24) | (options.t ? GR0_T : 0) | parseApqn(apqn));
    return this.#withInfo(result);
  }

  /** RAPQ; `f` also unbinds (secure execution). */
  rapq(apqn: number | string, options: { readonly f?: boolean } = {}): InstructionResult {
    return this.#pqap((FC_RAPQ << 24) | (options.f ? GR0_F : 0) | parseApqn(apqn));
  }

  /** ZAPQ. */
  zapq(apqn: number | string, options: { readonly f?: boolean } = {}): InstructionResult {
    return this.#pqap((FC_ZAPQ << 24) | (options.f ? GR0_F : 0) | parseApqn(apqn));
  }

  /** AQIC: enables (with a notification byte at guest absolute `nib`) or disables interruptions. */
  aqic(
    apqn: number | string,
    options: { readonly enable: boolean; readonly isc?: number; readonly nib?: number },
  ): InstructionResult {
    this.#set(1, options.enable ? AQIC_IR : 0, options.isc ?? 0);
    this.#set(2, 0, options.nib ?? 0);
    return this.#pqap((FC_AQIC << 24) | parseApqn(apqn));
  }

  /** QCI: the 128-byte block, or the program interruption that prevented it. The block is stored at guest address `address`. */
  qci(address = 0x1000): QciResult {
    this.#set(2, 0, address);
    const result = this.#pqap(FC_QCI << 24);
    if (result.programInterruption !== undefined) return result;
    return { ...result, status: undefined, block: this.cpu.readStorage(address, QCI_BYTES) };
  }

  /** QACT with the word `wanted`; `info` is GR2. */
  qact(apqn: number | string, wanted: bigint): TapqResult {
    this.#set(1, ...halves(wanted));
    const result = this.#pqap((FC_QACT << 24) | parseApqn(apqn));
    return this.#withInfo(result);
  }

  bapq(apqn: number | string): InstructionResult {
    return this.#pqap((FC_BAPQ << 24) | parseApqn(apqn));
  }

  aapq(apqn: number | string, secret: number): InstructionResult {
    this.#set(2, 0, secret);
    return this.#pqap((FC_AAPQ << 24) | parseApqn(apqn));
  }

  /** NQAP of bytes already in guest storage at `address`, or of `message`, which is put there first. */
  nqap(
    apqn: number | string,
    options: {
      readonly psmid: bigint;
      readonly address?: number;
      readonly length?: number;
      readonly message?: Uint8Array;
      readonly special?: boolean;
    },
  ): InstructionResult {
    const address = options.address ?? 0x10000;
    if (options.message !== undefined) this.cpu.writeStorage(address, options.message);
    const psmid = halves(options.psmid);
    this.#set(0, 0, NQAP_L | (options.special ? NQAP_SPECIAL : 0) | parseApqn(apqn));
    this.#set(R1, 0, psmid[0]);
    this.#set(R1 + 1, 0, psmid[1]);
    this.#set(R2, 0, address);
    this.#set(R2 + 1, 0, options.length ?? options.message?.length ?? 0);
    return this.execute(RRE(OPCODE_NQAP, R1, R2));
  }

  /** DQAP into guest storage at `address`; `token` continues a partly delivered reply. */
  dqap(
    apqn: number | string,
    options: { readonly address?: number; readonly length?: number; readonly token?: number } = {},
  ): DqapResult {
    const length = options.length ?? 0x3000;
    this.#set(0, 0, options.token ?? DQAP_START | parseApqn(apqn));
    this.#set(2, 0, 0);
    this.#set(R1, 0, 0);
    this.#set(R1 + 1, 0, 0);
    this.#set(R2, 0, options.address ?? 0x14000);
    this.#set(R2 + 1, 0, length);
    const result = this.execute(RRE(OPCODE_DQAP, R1, R2));
    if (result.programInterruption !== undefined) return result;
    return {
      ...result,
      psmid: (this.register(R1) << 32n) | BigInt.asUintN(32, this.register(R1 + 1)),
      length: length - this.cpu.grLow(R2 + 1),
      residual: this.cpu.grLow(2),
      token: this.cpu.grLow(0) >>> 0,
    };
  }

  /** Executes an instruction word with the registers as they are. */
  execute(instruction: number): InstructionResult {
    const low = Array.from({ length: 16 }, (_, n) => this.cpu.grLow(n));
    const high1 = this.cpu.grHigh(1);
    const result = this.#ending(instruction);
    this.#last = { word: instruction, result };
    this.#history.add({ word: instruction, low, high1, result });
    return result;
  }

  #ending(instruction: number): InstructionResult {
    if (this.cpu.execute(instruction) === PROGRAM_INTERRUPTION)
      return {
        cc: undefined,
        programInterruption: this.cpu.programInterruption(),
        status: undefined,
      };
    return {
      cc: this.cpu.conditionCode(),
      programInterruption: undefined,
      status: statusOf(this.cpu.grLow(1)),
    };
  }

  /** General register `n`, 64 bits. */
  register(n: number): bigint {
    this.cpu.assertOpen();
    return (BigInt(this.cpu.grHigh(n) >>> 0) << 32n) | BigInt(this.cpu.grLow(n) >>> 0);
  }

  setRegister(n: number, value: bigint): void {
    this.#set(n, ...halves(value));
  }

  /** Takes a pending adapter interruption. Returns its interruption sub-class, or undefined if there is none. */
  takeInterruption(): number | undefined {
    const word = this.cpu.takeInterruption();
    return word === 0 ? undefined : (word >>> 27) & 7;
  }

  /** Sets a register. A closed machine's registers may be another machine's by now, so this is refused. */
  #set(n: number, high: number, low: number): void {
    this.cpu.assertOpen();
    this.cpu.setGr(n, high, low);
  }

  #withInfo(result: InstructionResult): TapqResult {
    return result.programInterruption === undefined
      ? { ...result, info: this.register(2) }
      : result;
  }

  #pqap(gr0: number): InstructionResult {
    this.#set(0, 0, gr0);
    return this.execute(RRE(OPCODE_PQAP, 0, 0));
  }
}
