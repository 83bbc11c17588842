// SPDX-License-Identifier: Apache-2.0
// The three AP instructions: opcodes, format, registers.
// Source: docs/reference/ap-architecture.md section 1.1 (Linux asm/ap.h).
// Status: architected.

/** NQAP, enqueue message to AP queue. */
export const OPCODE_NQAP = 0xb2ad;
/** DQAP, dequeue message from AP queue. */
export const OPCODE_DQAP = 0xb2ae;
/** PQAP, process AP queue. */
export const OPCODE_PQAP = 0xb2af;
/** TPI, test pending interruption: S format; a guest's is intercepted. Not one of the AP instructions. */
export const OPCODE_TPI = 0xb236;
/** STCRW, store channel report word: S format; a guest's is intercepted, as is its CHSC. */
export const OPCODE_STCRW = 0xb239;
/** CHSC, channel subsystem call: RRE format, R1 has the address of the command block. */
export const OPCODE_CHSC = 0xb25f;
/** All three are RRE: four bytes, instruction-length code 2. */
export const INSTRUCTION_BYTES = 4;
export const INSTRUCTION_LENGTH_CODE = 2;

/** Register fields of an RRE instruction word, and the bits that are on where one names an odd register. */
export const RRE_R1 = 0xf0;
export const RRE_R2 = 0x0f;
export const RRE_ODD = 0x11;

/** One row of the instruction table. */
export interface InstructionRow {
  readonly mnemonic: string;
  readonly opcode: number;
  readonly name: string;
  /** Whether R1 and R2 name even-odd pairs. PQAP ignores both fields (AD-01). */
  readonly pairs: boolean;
  readonly source: string;
}

export const INSTRUCTIONS: readonly InstructionRow[] = [
  {
    mnemonic: 'NQAP',
    opcode: OPCODE_NQAP,
    name: 'enqueue message to AP queue',
    pairs: true,
    source: '1.8',
  },
  {
    mnemonic: 'DQAP',
    opcode: OPCODE_DQAP,
    name: 'dequeue message from AP queue',
    pairs: true,
    source: '1.9',
  },
  { mnemonic: 'PQAP', opcode: OPCODE_PQAP, name: 'process AP queue', pairs: false, source: '1.3' },
];
