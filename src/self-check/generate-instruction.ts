// SPDX-License-Identifier: Apache-2.0
// Generates one instruction: mostly with sensible operands, with the edges of every field, and now and then with anything at all.
// Source: docs/reference/ap-architecture.md sections 1.3 to 1.9, 3.5, 4.5.

import type { Random, Weighted } from '../lpar/random.ts';
import type { CpuName, Statement } from '../program/ast.ts';
import { MNEMONIC_ROWS, type Mnemonic } from '../program/operands.ts';
import { instructionLine, type OperandValues, pswLine } from './statements.ts';

export interface InstructionContext {
  readonly cpu: CpuName;
  /** Queues the program has, by its configuration. */
  readonly own: readonly number[];
  readonly queues: readonly number[];
  readonly focus: number | undefined;
}

const MNEMONICS: Weighted<Mnemonic> = [
  [24, 'nqap'],
  [23, 'dqap'],
  [12, 'tapq'],
  [4, 'rapq'],
  [3, 'zapq'],
  [9, 'aqic'],
  [4, 'qci'],
  [2, 'qact'],
  [1, 'qbap'],
  [3, 'bapq'],
  [4, 'aapq'],
  [6, 'insn'],
];
/** The host leaves messages to its drivers. The other instructions it executes do them no harm. */
const HOST_MNEMONICS: Weighted<Mnemonic> = [
  [6, 'tapq'],
  [2, 'qci'],
  [1, 'qact'],
];
const OPCODES = [0xb2af0000, 0xb2ad0000, 0xb2ae0000];
const IDS = [0, 1, 4, 5, 6, 15, 16, 63, 64, 255];
const STORAGE_END = 0x30000n;

/** Chance in percent of an operand outside what makes sense. */
const WRONG = 3;

const length = (random: Random): bigint =>
  BigInt(
    random.chance(80)
      ? random.pick([1, 7, 8, 64, 65, 100, 300, 1024])
      : random.pick([0, 4096, 4097, 12288, 12289, 61440, 61441, 0x1_0000_0040]),
  );

const address = (random: Random, bytes: bigint): bigint => {
  if (random.chance(90)) return BigInt(0x2000 + random.pick([1, 8, 8]) * random.below(0x600));
  const edge = [
    STORAGE_END - bytes,
    STORAGE_END - bytes + 1n,
    STORAGE_END,
    0n,
    1n << 31n,
    1n << 40n,
  ];
  return BigInt.asUintN(64, random.pick([...edge, -8n]));
};

/** Address and length of a message or a buffer. */
export const messageOperands = (
  random: Random,
): { readonly addr: bigint; readonly len: bigint } => {
  const len = length(random);
  return { addr: address(random, len), len };
};

const apqnFor = ({ own, queues, focus }: InstructionContext, random: Random): number => {
  if (focus !== undefined && random.chance(75)) return focus;
  if (own.length > 0 && random.chance(60)) return random.pick(own);
  if (queues.length > 0 && random.chance(60)) return random.pick(queues);
  return (random.pick(IDS) << 8) | random.pick(IDS);
};

const anyRegister = (random: Random): OperandValues => {
  const gr: Record<string, bigint> = {};
  if (random.chance(30)) gr['gr1'] = random.register();
  if (random.chance(20)) gr['gr2'] = random.register();
  return gr;
};

/** A raw word: an AP opcode with any fields, and a GR0 with any bits around an APQN that exists. */
const rawLine = (context: InstructionContext, random: Random): Statement => {
  const opcode = random.chance(95) ? random.pick(OPCODES) : random.word();
  const fields = random.chance(50) ? 0x46 : random.below(0x10000);
  const fc = random.chance(70) ? random.below(10) : random.below(256);
  // A host DQAP or NQAP would meddle with messages of guests.
  const word = context.cpu.guest === undefined ? OPCODES[0] : opcode | fields;
  const gr0 =
    BigInt(((fc << 24) | (random.below(256) << 16)) >>> 0) + BigInt(apqnFor(context, random));
  return instructionLine(context.cpu, 'insn', undefined, {
    word: (word as number) >>> 0,
    ...anyRegister(random),
    gr0,
    gr5: BigInt(random.below(4)),
    gr6: address(random, 64n),
    gr7: length(random),
  });
};

/** The operands of each mnemonic. */
const OPERANDS: Readonly<Record<Exclude<Mnemonic, 'insn'>, (random: Random) => OperandValues>> = {
  tapq: (random) => ({ t: random.below(2), ...anyRegister(random) }),
  rapq: (random) => ({ f: random.chance(15) ? 1 : 0 }),
  zapq: (random) => ({ f: random.chance(15) ? 1 : 0 }),
  aqic: (random) => ({
    ir: random.chance(70) ? 1 : 0,
    isc: random.below(8),
    nib: random.chance(90) ? BigInt(0x1800 + random.below(16)) : address(random, 1n),
    ...(random.chance(10) ? { gisa: 0x1000 + 8 * random.below(4), gf: random.below(4) } : {}),
  }),
  qci: (random) => ({ addr: address(random, 128n) & (random.chance(90) ? ~7n : ~0n) }),
  qact: (random) => ({ mode: random.below(8), cat: random.pick([0, 10, 14, 15]) }),
  qbap: (random) => ({ addr: address(random, 64n) }),
  bapq: () => ({}),
  aapq: (random) => ({ secret: random.pick([0, 1, 7, 0xffff, 0x10001]) }),
  nqap: (random) => ({
    psmid: random.chance(80) ? random.register() : 1n,
    ...messageOperands(random),
    l: random.chance(85) ? 1 : 0,
    ...(random.chance(8) ? { special: 1 } : {}),
    ...registerPairs(random),
  }),
  chsc: (random) => ({ addr: address(random, 4096n) & ~0xfffn }),
  stcrw: (random) => ({ addr: address(random, 4n) & ~3n }),
  dqap: (random) => ({
    ...messageOperands(random),
    ...(random.chance(5) ? { token: random.register() } : {}),
    ...registerPairs(random),
  }),
};

const registerPairs = (random: Random): OperandValues =>
  random.chance(90) ? {} : { r1: random.below(16), r2: random.below(16) };

/** Values an instruction line may have: `addr` and `len` are doublewords, so everything above fits. */
const namedLine = (context: InstructionContext, mnemonic: Mnemonic, random: Random): Statement => {
  if (mnemonic === 'insn') return rawLine(context, random);
  const queue = MNEMONIC_ROWS.get(mnemonic)?.queue === true;
  const apqn = queue ? apqnFor(context, random) : undefined;
  return instructionLine(context.cpu, mnemonic, apqn, OPERANDS[mnemonic](random));
};

/** One instruction; now and then in problem state or another addressing mode, and then back. */
export const instructionLines = (context: InstructionContext, random: Random): Statement[] => {
  const host = context.cpu.guest === undefined;
  const table = host && context.own.length === 0 ? HOST_MNEMONICS : MNEMONICS;
  const mnemonic = random.weighted(table);
  const meddles = host && (mnemonic === 'aqic' || mnemonic === 'bapq' || mnemonic === 'aapq');
  const chosen = host ? { ...context, queues: context.own } : context;
  const line = namedLine(chosen, meddles ? 'tapq' : mnemonic, random);
  if (!random.chance(WRONG)) return [line];
  const psw = random.chance(40) ? { p: 1 } : { am: random.pick([24, 31]) };
  return [pswLine(context.cpu, psw), line, pswLine(context.cpu, { p: 0, am: 64 })];
};
