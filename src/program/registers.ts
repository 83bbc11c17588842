// SPDX-License-Identifier: Apache-2.0
// From the operands of an instruction line to the registers it loads, and from its expectations to what is compared.
// Source: docs/design.md section 6; ap-architecture.md sections 1.3 to 1.9.

import { GR0_F, GR0_FC_SHIFT, GR0_T } from '../../native-like/arch/function-codes.ts';
import {
  OPCODE_CHSC,
  OPCODE_DQAP,
  OPCODE_NQAP,
  OPCODE_PQAP,
  OPCODE_STCRW,
} from '../../native-like/arch/instructions.ts';
import {
  AQIC_GISC_SHIFT,
  AQIC_IR,
  DQAP_START,
  NQAP_L,
  NQAP_SPECIAL,
  QACT_CAT_SHIFT,
  QACT_MODE_SHIFT,
} from '../../native-like/arch/registers.ts';
import type { Field, InstructionStatement } from './ast.ts';
import { MNEMONIC_ROWS, type Shape } from './operands.ts';

/** Even registers of NQAP's and DQAP's pairs where a line names none. */
const DEFAULT_R1 = 4;
const DEFAULT_R2 = 6;
/** Register that has the address of CHSC's and STCRW's operand. */
const CHANNEL_REGISTER = 3;
/** Zone field of AQIC's GR1: bits 8-15. */
const AQIC_ZONE_SHIFT = 16;

/** One instruction line that is ready to be executed: the word for `execute`, and the registers that it needs before. */
export interface LoadedInstruction {
  readonly word: number;
  /** Triples: register, high half, low half. A register appears once. */
  readonly loads: Int32Array;
  /** Registers of interest in a record: those the instruction reads or writes, ascending. */
  readonly registers: readonly number[];
}

/** Values of operands by name, with defaults. */
class Operands {
  readonly #values: ReadonlyMap<string, bigint>;
  constructor(fields: readonly Field[]) {
    this.#values = new Map(fields.map(({ name, value }) => [name, value]));
  }
  has(name: string): boolean {
    return this.#values.has(name);
  }
  wide(name: string): bigint {
    return this.#values.get(name) ?? 0n;
  }
  number(name: string, fallback = 0): number {
    return Number(this.#values.get(name) ?? fallback);
  }
}

type Loads = Map<number, bigint>;

export function loadInstruction(statement: InstructionStatement): LoadedInstruction {
  const row = MNEMONIC_ROWS.get(statement.mnemonic);
  if (row === undefined) throw new RangeError(`no mnemonic ${statement.mnemonic}`);
  const operands = new Operands(statement.operands);
  const pairs = row.shape === 'nqap' || row.shape === 'dqap';
  const first = row.shape === 'chsc' ? CHANNEL_REGISTER : 0;
  const r1 = operands.number('r1', pairs ? DEFAULT_R1 : first);
  const r2 = operands.number('r2', pairs ? DEFAULT_R2 : 0);
  const loads: Loads = new Map();
  SHAPES[row.shape](loads, operands, { apqn: statement.apqn ?? 0, fc: row.fc, r1, r2 });
  for (let n = 0; n < 16; n++) {
    if (operands.has(`gr${n}`)) loads.set(n, operands.wide(`gr${n}`));
  }
  const word = wordOf(row.shape, operands, r1, r2);
  return { word, loads: flatten(loads), registers: registersOf(word, loads) };
}

function wordOf(shape: Shape, operands: Operands, r1: number, r2: number): number {
  if (shape === 'raw') return operands.number('word') | 0;
  return shape === 'stcrw' ? STCRW : rre(OPCODES[shape], r1, r2);
}

const OPCODES: Readonly<Record<Exclude<Shape, 'raw' | 'stcrw'>, number>> = {
  queue: OPCODE_PQAP,
  aqic: OPCODE_PQAP,
  block: OPCODE_PQAP,
  qact: OPCODE_PQAP,
  aapq: OPCODE_PQAP,
  nqap: OPCODE_NQAP,
  dqap: OPCODE_DQAP,
  chsc: OPCODE_CHSC,
};
const STCRW = (OPCODE_STCRW << 16) | (CHANNEL_REGISTER << 12);

const rre = (opcode: number, r1: number, r2: number): number => (opcode << 16) | (r1 << 4) | r2;

interface Context {
  readonly apqn: number;
  readonly fc: number;
  readonly r1: number;
  readonly r2: number;
}

/** GR0 of a PQAP that names a queue. */
function loadGr0(loads: Loads, operands: Operands, { apqn, fc }: Context): void {
  const t = operands.number('t') === 1 ? GR0_T : 0;
  const f = operands.number('f') === 1 ? GR0_F : 0;
  loads.set(0, low((fc << GR0_FC_SHIFT) | t | f | apqn));
}

/** A 32-bit pattern as the low half of a register whose high half is zero. */
const low = (pattern: number): bigint => BigInt(pattern >>> 0);
const register = (high: number, lowHalf: number): bigint => (low(high) << 32n) | low(lowHalf);
const next = (n: number): number => (n + 1) & 15;

/** For each shape of instructions, how it loads its registers. */
const SHAPES: Readonly<
  Record<Shape, (loads: Loads, operands: Operands, context: Context) => void>
> = {
  queue: loadGr0,
  aqic: (loads, operands, context) => {
    loadGr0(loads, operands, context);
    const high =
      (operands.number('zone') << AQIC_ZONE_SHIFT) |
      (operands.number('ir') === 1 ? AQIC_IR : 0) |
      (operands.number('gisc') << AQIC_GISC_SHIFT) |
      operands.number('gf');
    loads.set(1, register(high, operands.number('gisa') | operands.number('isc')));
    loads.set(2, operands.wide('nib'));
  },
  block: (loads, operands, { fc }) => {
    loads.set(0, low(fc << GR0_FC_SHIFT));
    loads.set(2, operands.wide('addr'));
  },
  qact: (loads, operands, context) => {
    loadGr0(loads, operands, context);
    const lowHalf = (operands.number('cat') << QACT_CAT_SHIFT) | operands.number('ver');
    loads.set(1, register(operands.number('mode') << QACT_MODE_SHIFT, lowHalf));
  },
  aapq: (loads, operands, context) => {
    loadGr0(loads, operands, context);
    loads.set(2, operands.wide('secret'));
  },
  nqap: (loads, operands, { apqn, r1, r2 }) => {
    const last = operands.number('l', 1) === 1 ? NQAP_L : 0;
    const special = operands.number('special') === 1 ? NQAP_SPECIAL : 0;
    const psmid = operands.wide('psmid');
    loads.set(0, low(last | special | apqn));
    loads.set(r1, psmid >> 32n);
    loads.set(next(r1), psmid & 0xffff_ffffn);
    loads.set(r2, operands.wide('addr'));
    loads.set(next(r2), operands.wide('len'));
  },
  dqap: (loads, operands, { apqn, r2 }) => {
    loads.set(0, operands.has('token') ? operands.wide('token') : low(DQAP_START | apqn));
    loads.set(2, 0n);
    loads.set(r2, operands.wide('addr'));
    loads.set(next(r2), operands.wide('len'));
  },
  chsc: (loads, operands, { r1 }) => {
    loads.set(r1, operands.wide('addr'));
  },
  stcrw: (loads, operands) => {
    loads.set(CHANNEL_REGISTER, operands.wide('addr'));
  },
  raw: () => {},
};

function flatten(loads: Loads): Int32Array {
  const flat: number[] = [];
  for (const [n, value] of [...loads].sort(([a], [b]) => a - b)) {
    flat.push(n, Number(value >> 32n) | 0, Number(value & 0xffff_ffffn) | 0);
  }
  return Int32Array.from(flat);
}

/** GR0 to GR2 always, the pairs of NQAP and DQAP, and what the line names. */
function registersOf(word: number, loads: Loads): number[] {
  const registers = new Set([0, 1, 2, ...loads.keys()]);
  const opcode = word >>> 16;
  if (opcode === OPCODE_NQAP || opcode === OPCODE_DQAP) {
    const r1 = (word >>> 4) & 15;
    const r2 = word & 15;
    for (const n of [r1, next(r1), r2, next(r2)]) registers.add(n);
  }
  return [...registers].sort((a, b) => a - b);
}

/** What is compared after an instruction. */
export interface InstructionChecks {
  /** Expected condition code; -1 if it is not compared. */
  readonly cc: number;
  readonly rc: number;
  /** 0: no program interruption may happen. */
  readonly pgm: number;
  /** Triples: register, 1 for the high half or 0 for the low one, value. */
  readonly halves: Int32Array;
}

/** What is to be checked; undefined if nothing is expected. */
export function loadChecks(
  statement: InstructionStatement,
  word: number,
): InstructionChecks | undefined {
  if (statement.expect.length === 0) return undefined;
  const expected = new Operands(statement.expect);
  const r1 = (word >>> 4) & 15;
  const r2 = word & 15;
  const halves: number[] = [];
  const half = (n: number, high: 0 | 1, value: bigint) => halves.push(n, high, Number(value) | 0);
  const whole = (n: number, value: bigint) => {
    half(n, 1, value >> 32n);
    half(n, 0, value & 0xffff_ffffn);
  };
  if (expected.has('status')) half(1, 0, expected.wide('status'));
  if (expected.has('psmid')) {
    half(r1, 0, expected.wide('psmid') >> 32n);
    half(next(r1), 0, expected.wide('psmid') & 0xffff_ffffn);
  }
  if (expected.has('addr')) whole(r2, expected.wide('addr'));
  if (expected.has('len')) whole(next(r2), expected.wide('len'));
  if (expected.has('token')) whole(0, expected.wide('token'));
  for (let n = 0; n < 16; n++) {
    if (expected.has(`gr${n}`)) whole(n, expected.wide(`gr${n}`));
  }
  return {
    cc: expected.number('cc', -1),
    rc: expected.number('rc', -1),
    pgm: expected.number('pgm', -1),
    halves: Int32Array.from(halves),
  };
}
