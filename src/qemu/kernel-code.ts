// SPDX-License-Identifier: Apache-2.0
// Finds instructions in the code of a kernel file: in the executable sections of an ELF file, or in all of a raw image.
// Source: System V ABI, ELF-64 object files; z/Architecture (the first two bits of an instruction tell its length).

/** Bytes of code, and the address at which they will be. */
interface Code {
  readonly address: number;
  readonly bytes: Buffer;
  /** Whether it consists of instructions from its beginning on; otherwise there are data between them. */
  readonly pure: boolean;
}

const ELF_MAGIC = 0x7f454c46;
const SECTION_HEADER = 64;
const SHT_PROGBITS = 1;
const SHF_EXECINSTR = 4n;

/** Addresses of the instructions that `wanted` accepts, by their first halfword. */
export function findInstructions(file: Buffer, wanted: (halfword: number) => boolean): number[] {
  const found: number[] = [];
  for (const { address, bytes, pure } of codeOf(file)) {
    for (let at = 0; at + 2 <= bytes.length; ) {
      const halfword = bytes.readUInt16BE(at);
      if (wanted(halfword)) found.push(address + at);
      at += pure ? lengthOf(halfword) : 2;
    }
  }
  return found;
}

/** Length of the instruction that begins with a halfword. */
export const lengthOf = (halfword: number): number => [2, 4, 4, 6][halfword >>> 14];

function codeOf(file: Buffer): Code[] {
  if (file.length < SECTION_HEADER || file.readUInt32BE(0) !== ELF_MAGIC)
    return [{ address: 0, bytes: file, pure: false }];
  const table = Number(file.readBigUInt64BE(0x28));
  const size = file.readUInt16BE(0x3a);
  const count = file.readUInt16BE(0x3c);
  const sections: Code[] = [];
  for (let n = 0; n < count; n++) {
    const header = file.subarray(table + n * size, table + n * size + SECTION_HEADER);
    if (header.length < SECTION_HEADER) break;
    const executable = (header.readBigUInt64BE(8) & SHF_EXECINSTR) !== 0n;
    if (header.readUInt32BE(4) !== SHT_PROGBITS || !executable) continue;
    const [address, offset, length] = [0x10, 0x18, 0x20].map((at) =>
      Number(header.readBigUInt64BE(at)),
    );
    sections.push({ address, bytes: file.subarray(offset, offset + length), pure: true });
  }
  return sections;
}
