// SPDX-License-Identifier: Apache-2.0
// Mnemonics of AP programs, their operands and expectations: how each is written, its range, and what it means in registers.
// Source: docs/design.md section 6; ap-architecture.md sections 1.3, 1.4, 1.6 to 1.9.

/** `mixed`: hexadecimal with 0x, decimal without; `hex`: hexadecimal with or without 0x. */
export type Notation = 'mixed' | 'hex';

export interface FieldRow {
  readonly name: string;
  readonly notation: Notation;
  /** Largest value. */
  readonly max: bigint;
  /** Hexadecimal digits a printer writes; 0: no leading zeros. */
  readonly digits: number;
}

const WORD = 0xffff_ffffn;
const DOUBLEWORD = 0xffff_ffff_ffff_ffffn;
const mixed = (name: string, max: bigint): FieldRow => ({
  name,
  notation: 'mixed',
  max,
  digits: 0,
});
const hex = (name: string, digits: number): FieldRow => ({
  name,
  notation: 'hex',
  max: (1n << BigInt(4 * digits)) - 1n,
  digits,
});

/** gr0 to gr15: legal on every instruction line, as operand and as expectation. */
export const REGISTER_ROWS: readonly FieldRow[] = Array.from({ length: 16 }, (_, n) =>
  hex(`gr${n}`, 16),
);

const t = mixed('t', 1n);
const f = mixed('f', 1n);
const r1 = mixed('r1', 15n);
const r2 = mixed('r2', 15n);
const addr = mixed('addr', DOUBLEWORD);
const len = mixed('len', DOUBLEWORD);
const psmid = hex('psmid', 16);
const token = hex('token', 16);

/** What decides how the registers are loaded. */
export type Shape =
  | 'queue'
  | 'aqic'
  | 'block'
  | 'qact'
  | 'aapq'
  | 'nqap'
  | 'dqap'
  | 'chsc'
  | 'stcrw'
  | 'raw';

export interface MnemonicRow {
  readonly mnemonic: string;
  readonly shape: Shape;
  /** Function code of PQAP; 0 for other instructions. */
  readonly fc: number;
  /** Whether an APQN follows the mnemonic. */
  readonly queue: boolean;
  readonly operands: readonly FieldRow[];
}

const pqap = [t, f, r1, r2];

/** The mnemonics of AP programs, one row for each. */
export const MNEMONICS = [
  { mnemonic: 'tapq', shape: 'queue', fc: 0, queue: true, operands: pqap },
  { mnemonic: 'rapq', shape: 'queue', fc: 1, queue: true, operands: pqap },
  { mnemonic: 'zapq', shape: 'queue', fc: 2, queue: true, operands: pqap },
  {
    mnemonic: 'aqic',
    shape: 'aqic',
    fc: 3,
    queue: true,
    operands: [
      mixed('ir', 1n),
      mixed('isc', 7n),
      mixed('nib', DOUBLEWORD),
      mixed('gisc', 7n),
      mixed('gisa', 0x7fff_ffffn),
      mixed('gf', 3n),
      mixed('zone', 0xffn),
      ...pqap,
    ],
  },
  { mnemonic: 'qci', shape: 'block', fc: 4, queue: false, operands: [addr, r1, r2] },
  {
    mnemonic: 'qact',
    shape: 'qact',
    fc: 5,
    queue: true,
    operands: [mixed('mode', 7n), mixed('cat', 0xffn), mixed('ver', 0xffffn), ...pqap],
  },
  { mnemonic: 'qbap', shape: 'block', fc: 6, queue: false, operands: [addr, r1, r2] },
  { mnemonic: 'bapq', shape: 'queue', fc: 7, queue: true, operands: pqap },
  {
    mnemonic: 'aapq',
    shape: 'aapq',
    fc: 8,
    queue: true,
    operands: [mixed('secret', DOUBLEWORD), ...pqap],
  },
  {
    mnemonic: 'nqap',
    shape: 'nqap',
    fc: 0,
    queue: true,
    operands: [psmid, addr, len, mixed('l', 1n), mixed('special', 1n), r1, r2],
  },
  {
    mnemonic: 'dqap',
    shape: 'dqap',
    fc: 0,
    queue: true,
    operands: [addr, len, token, r1, r2],
  },
  { mnemonic: 'chsc', shape: 'chsc', fc: 0, queue: false, operands: [addr, r1] },
  { mnemonic: 'stcrw', shape: 'stcrw', fc: 0, queue: false, operands: [addr] },
  { mnemonic: 'insn', shape: 'raw', fc: 0, queue: false, operands: [hex('word', 8)] },
] as const satisfies readonly MnemonicRow[];

export type Mnemonic = (typeof MNEMONICS)[number]['mnemonic'];

export const MNEMONIC_ROWS: ReadonlyMap<string, MnemonicRow> = new Map(
  MNEMONICS.map((row) => [row.mnemonic, row]),
);

/**
 * The fields that can follow `=>` of an instruction. `status` is the low word of GR1; the last four are the register pairs of NQAP and
 * DQAP.
 */
export const EXPECTATION_ROWS: readonly FieldRow[] = [
  hex('cc', 1),
  hex('rc', 2),
  hex('pgm', 4),
  { ...hex('status', 8), max: WORD },
  psmid,
  addr,
  len,
  token,
  ...REGISTER_ROWS,
];

/** Expectations that only nqap and dqap know. */
export const PAIR_EXPECTATIONS: ReadonlySet<string> = new Set(['psmid', 'addr', 'len', 'token']);

/** Fields of a `psw` line; `new`: a program interruption loads the new PSW instead of going on. */
export const PSW_ROWS: readonly FieldRow[] = [
  mixed('p', 1n),
  mixed('am', 64n),
  mixed('io', 1n),
  mixed('mck', 1n),
  mixed('key', 15n),
  mixed('dat', 1n),
  mixed('cc', 3n),
  hex('ia', 16),
  mixed('new', 1n),
  hex('cr6', 8),
];

/** Fields of a taken interruption. */
export const IO_ROWS: readonly FieldRow[] = [mixed('isc', 7n), hex('word', 8)];

export const rowOf = (rows: readonly FieldRow[], name: string): FieldRow | undefined =>
  rows.find((row) => row.name === name);

/** The number that a text stands for; undefined if it is not valid in this notation. */
export function parseField(row: FieldRow, text: string): bigint | undefined {
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return BigInt(text);
  if (row.notation === 'hex') return /^[0-9a-fA-F]+$/.test(text) ? BigInt(`0x${text}`) : undefined;
  return /^[0-9]+$/.test(text) ? BigInt(text) : undefined;
}

/** Fields that are easier to read in decimal. */
const DECIMAL = new Set(['len', 'isc', 'gisc', 'am', 'key', 'r1', 'r2']);

/** The inverse of `parseField`. */
export function printField(row: FieldRow, value: bigint): string {
  if (row.notation === 'hex') return value.toString(16).toUpperCase().padStart(row.digits, '0');
  return value < 10n || DECIMAL.has(row.name) ? value.toString() : `0x${value.toString(16)}`;
}
