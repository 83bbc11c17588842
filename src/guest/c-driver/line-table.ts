// SPDX-License-Identifier: Apache-2.0
// Tells which line of which file an instruction of a module came from, by the line programs in DWARF's .debug_line, versions 2 to 4.
// Source: DWARF 4, section 6.2; "DWARF for WebAssembly" (addresses are offsets into the code section).
import { ByteReader } from './byte-reader.ts';

/** A place in the driver's sources. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
}

/** One row of the table. It holds from this address up to that of the next row. A row without a place ends a sequence. */
interface Row {
  readonly address: number;
  readonly place: SourcePlace | undefined;
}

const COPY = 1;
const ADVANCE_PC = 2;
const ADVANCE_LINE = 3;
const SET_FILE = 4;
const CONST_ADD_PC = 8;
const FIXED_ADVANCE_PC = 9;
const END_SEQUENCE = 1;
const SET_ADDRESS = 2;

interface Header {
  readonly minimumInstruction: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** Number of operands of each standard opcode. */
  readonly operands: readonly number[];
  /** Names of files by their number, from 1. */
  readonly files: readonly string[];
}

const readHeader = (reader: ByteReader, version: number): Header => {
  const minimumInstruction = reader.u8();
  if (version >= 4) reader.u8();
  reader.u8();
  const lineBase = reader.i8();
  const lineRange = reader.u8();
  const opcodeBase = reader.u8();
  const operands = Array.from({ length: Math.max(0, opcodeBase - 1) }, () => reader.u8());
  const folders = [''];
  for (let name = reader.zeroString(); name !== ''; name = reader.zeroString()) folders.push(name);
  const files = [''];
  for (let name = reader.zeroString(); name !== ''; name = reader.zeroString()) {
    const folder = folders[reader.uleb()] ?? '';
    reader.uleb();
    reader.uleb();
    files.push(folder === '' || name.startsWith('/') ? name : `${folder}/${name}`);
  }
  return { minimumInstruction, lineBase, lineRange, opcodeBase, operands, files };
};

/** State of the line-number program while one sequence is decoded. */
class LineProgram {
  address = 0;
  file = 1;
  line = 1;
  rows: Row[] = [];
  readonly #header: Header;

  constructor(header: Header) {
    this.#header = header;
  }

  row(): void {
    const file = this.#header.files[this.file] ?? '';
    const place = this.line === 0 ? undefined : { file, line: this.line };
    this.rows.push({ address: this.address, place });
  }

  special(opcode: number): void {
    const adjusted = opcode - this.#header.opcodeBase;
    this.addPc(opcode);
    this.line += this.#header.lineBase + (adjusted % this.#header.lineRange);
    this.row();
  }

  addPc(opcode: number): void {
    const { opcodeBase, lineRange, minimumInstruction } = this.#header;
    this.address += Math.floor((opcode - opcodeBase) / lineRange) * minimumInstruction;
  }
}

const runProgram = (reader: ByteReader, header: Header): Row[] => {
  const all: Row[] = [];
  let program = new LineProgram(header);
  while (!reader.done) {
    const opcode = reader.u8();
    if (opcode >= header.opcodeBase) program.special(opcode);
    else if (opcode === 0) {
      const next = reader.uleb() + reader.at;
      const extended = reader.u8();
      if (extended === SET_ADDRESS) program.address = reader.u32();
      if (extended === END_SEQUENCE) {
        program.rows.push({ address: program.address, place: undefined });
        // A sequence that begins at 0 belongs to code that the linker has dropped.
        if ((program.rows[0]?.address ?? 0) > 0) all.push(...program.rows);
        program = new LineProgram(header);
      }
      reader.at = next;
    } else standard(reader, header, program, opcode);
  }
  return all;
};

const standard = (
  reader: ByteReader,
  header: Header,
  program: LineProgram,
  opcode: number,
): void => {
  if (opcode === COPY) program.row();
  else if (opcode === ADVANCE_PC) program.address += reader.uleb() * header.minimumInstruction;
  else if (opcode === ADVANCE_LINE) program.line += reader.sleb();
  else if (opcode === SET_FILE) program.file = reader.uleb();
  else if (opcode === CONST_ADD_PC) program.addPc(255);
  else if (opcode === FIXED_ADVANCE_PC) program.address += reader.u16();
  else for (let n = header.operands[opcode - 1] ?? 0; n > 0; n--) reader.uleb();
};

/** The rows of a section. A unit that is damaged or of another version gives none. */
const rowsOf = (section: Uint8Array): Row[] => {
  const rows: Row[] = [];
  const units = new ByteReader(section);
  while (!units.done) {
    const length = units.u32();
    const end = Math.min(units.at + length, section.length);
    const reader = new ByteReader(section, units.at, end);
    units.at = end;
    const version = reader.u16();
    if (version < 2 || version > 4) continue;
    const programAt = reader.u32() + reader.at;
    const header = readHeader(reader, version);
    if (header.lineRange === 0) continue;
    reader.at = programAt;
    rows.push(...runProgram(reader, header));
  }
  return rows;
};

export class LineTable {
  readonly #rows: readonly Row[];

  private constructor(rows: readonly Row[]) {
    this.#rows = rows;
  }

  /** The table of a module's .debug_line section. What cannot be read gives no places. */
  static of(section: Uint8Array | undefined): LineTable {
    if (section === undefined) return new LineTable([]);
    try {
      return new LineTable(rowsOf(section).toSorted((a, b) => a.address - b.address));
    } catch (error) {
      if (error instanceof RangeError) return new LineTable([]);
      throw error;
    }
  }

  /** The place of the instruction at an offset of the code section. */
  at(offset: number): SourcePlace | undefined {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#rows[middle].address <= offset) low = middle + 1;
      else high = middle;
    }
    return this.#rows[low - 1]?.place;
  }

  get isEmpty(): boolean {
    return this.#rows.length === 0;
  }
}
