// SPDX-License-Identifier: Apache-2.0
// What a vCPU did last, as lines of an AP program: a failing test prints them.
// Source: docs/design.md section 6 (instruction lines).
import {
  FC_AQIC,
  FC_QCI,
  FC_TAPQ,
  GR0_APQN,
  GR0_FC_SHIFT,
  GR0_T,
} from '../../../native-like/arch/function-codes.ts';
import { FUNCTION_NAMES } from '../../../native-like/arch/function-numbers.ts';
import { OPCODE_DQAP, OPCODE_NQAP, OPCODE_PQAP } from '../../../native-like/arch/instructions.ts';
import { AQIC_IR, AQIC_ISC_MASK } from '../../../native-like/arch/registers.ts';
import { formatApqn } from '../../config/units.ts';
import type { InstructionResult } from './results.ts';

/** Number of instructions that are kept for each vCPU. */
const KEPT = 32;

/** One instruction, with GR0 to GR7 (low halves) as they were before it. */
interface Entry {
  readonly word: number;
  readonly low: readonly number[];
  readonly high1: number;
  readonly result: InstructionResult;
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

const operandsOf = ({ word, low, high1 }: Entry): string => {
  const apqn = formatApqn(low[0] & GR0_APQN);
  const opcode = word >>> 16;
  const [r1, r2] = [(word >>> 4) & 0xf, word & 0xf];
  if (opcode === OPCODE_NQAP || opcode === OPCODE_DQAP) {
    const operand = `addr=${hex(low[r2])} len=${low[r2 + 1] >>> 0}`;
    if (opcode === OPCODE_DQAP) return `dqap ${apqn} ${operand}`;
    const psmid = (BigInt(low[r1] >>> 0) << 32n) | BigInt(low[r1 + 1] >>> 0);
    return `nqap ${apqn} psmid=0x${psmid.toString(16)} ${operand}`;
  }
  if (opcode !== OPCODE_PQAP) return `# ${hex(word)}`;
  const fc = low[0] >>> GR0_FC_SHIFT;
  const name = (FUNCTION_NAMES[fc] ?? `# fc ${fc}`).toLowerCase();
  if (fc === FC_QCI) return `qci addr=${hex(low[2])}`;
  if (fc === FC_TAPQ) return `${name} ${apqn}${(low[0] & GR0_T) === 0 ? '' : ' t=1'}`;
  if (fc !== FC_AQIC) return `${name} ${apqn}`;
  const ir = (high1 & AQIC_IR) === 0 ? 0 : 1;
  return `aqic ${apqn} ir=${ir} isc=${low[1] & AQIC_ISC_MASK} nib=${hex(low[2])}`;
};

const endingOf = ({ result }: Entry): string =>
  result.programInterruption === undefined
    ? `cc=${result.cc} rc=${result.status.rc.toString(16).padStart(2, '0')}`
    : `pgm=${result.programInterruption.toString(16).padStart(4, '0')}`;

const origins = new WeakMap<object, History>();

/** The last instructions of one vCPU. */
export class History {
  readonly #name: string;
  readonly #entries: Entry[] = [];

  /** `name` is the vCPU's name in AP programs, such as `Guest1.0`. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Keeps an instruction, and remembers that its result came from this vCPU. */
  add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length > KEPT) this.#entries.shift();
    origins.set(entry.result, this);
    if (entry.result.status !== undefined) origins.set(entry.result.status, this);
  }

  lines(): string[] {
    return this.#entries.map(
      (entry) => `${this.#name}: ${operandsOf(entry)} => ${endingOf(entry)}`,
    );
  }
}

/** The last instructions of the vCPU that a result or status came from; empty for an object that came from elsewhere. */
export const historyOf = (result: object): readonly string[] => {
  const { status } = result as { readonly status?: object | undefined };
  return (origins.get(result) ?? (status && origins.get(status)))?.lines() ?? [];
};
