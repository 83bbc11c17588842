// SPDX-License-Identifier: Apache-2.0
// Where the code of a kernel's AP drivers is, according to the booted guest, and the names of addresses in it.
// Source: Linux, proc(5) (/proc/kallsyms: address, type, name, module), /sys/module/NAME/sections.

export interface CodeSymbol {
  readonly address: number;
  readonly name: string;
  /** Name of the module; empty for the kernel image. */
  readonly module: string;
}

/** Code of one part of the kernel. */
export interface TextRange {
  /** `kernel`, or the name of the module. */
  readonly name: string;
  readonly start: number;
  /** Address after its last byte. */
  readonly end: number;
}

/** Modules whose code is of interest, and functions of the kernel image: many kernels have the AP bus linked in. */
const MODULES = /^(?:ap|zcrypt\w*|pkey\w*|vfio_ap)$/;
const BUS = /^_?_?(?:ap_(?!p)|cex4_|zcrypt_|vfio_ap_)/;
/** Functions that are further apart than this are not in the same file. */
const FILE_GAP = 0x4000;

const LINE = /^([0-9a-f]{8,16}) [tTwW] ([\w.$]+)(?:\s+\[(\w+)\])?$/;

/** The symbols of code in lines of /proc/kallsyms, in the order of their addresses. */
export const symbolsOf = (kallsyms: string): CodeSymbol[] =>
  kallsyms
    .split('\n')
    .flatMap((line) => {
      const [, address, name, module = ''] = LINE.exec(line.trim()) ?? [];
      // A kernel that hides its addresses (kptr_restrict) shows all of them as 0.
      if (address === undefined || name === undefined || /^0+$/.test(address)) return [];
      return [{ address: Number.parseInt(address, 16), name, module }];
    })
    .sort((a, b) => a.address - b.address);

/** Command that prints only the symbols that are needed, since all of them take seconds over a console. */
export const SYMBOLS_COMMAND =
  "grep -E ' [tTwW] (_?_?(ap_|cex4_|zcrypt_|vfio_ap_)|.*\\[(ap|zcrypt|pkey|vfio_ap))' /proc/kallsyms";

/** The ranges of code in which those symbols are. `more` matches the names of further functions or modules. */
export const textRanges = (symbols: readonly CodeSymbol[], more?: RegExp): TextRange[] => {
  const ranges: { name: string; start: number; end: number }[] = [];
  for (const [n, { address, name, module }] of symbols.entries()) {
    const wanted = module === '' ? BUS.test(name) : MODULES.test(module);
    if (!wanted && more?.test(module === '' ? name : module) !== true) continue;
    const next = symbols[n + 1];
    const near = next !== undefined && next.module === module && next.address - address < FILE_GAP;
    // The length of the last function of a part is not known.
    const end = near ? next.address : address + 0x200;
    const part = module === '' ? 'kernel' : module;
    const last = ranges.at(-1);
    if (last?.name === part && address - last.end < FILE_GAP) last.end = Math.max(last.end, end);
    else ranges.push({ name: part, start: address, end });
  }
  return ranges;
};

/** The symbol that contains an address, or the last one before it; undefined if it is before the first. */
export const symbolAt = (
  symbols: readonly CodeSymbol[],
  address: number,
): CodeSymbol | undefined => {
  let low = 0;
  let high = symbols.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (symbols[middle].address <= address) low = middle + 1;
    else high = middle;
  }
  return symbols[low - 1];
};
