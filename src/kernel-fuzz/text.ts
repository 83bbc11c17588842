// SPDX-License-Identifier: Apache-2.0
// Where the code of a kernel's AP drivers is, as the booted guest tells it, and what an address in it is called.
// Source: Linux, proc(5) (/proc/kallsyms: address, type, name, module), /sys/module/NAME/sections.

export interface CodeSymbol {
  readonly address: number;
  readonly name: string;
  /** '': the kernel image. */
  readonly module: string;
}

/** Code of one part. */
export interface TextRange {
  /** `kernel`, or the module. */
  readonly name: string;
  readonly start: number;
  /** Behind its last byte. */
  readonly end: number;
}

/** Modules whose code is of interest, and functions of the kernel image: the AP bus is linked into it in many kernels. */
const MODULES = /^(?:ap|zcrypt\w*|pkey\w*|vfio_ap)$/;
const BUS = /^_?_?(?:ap_(?!p)|cex4_|zcrypt_|vfio_ap_)/;
/** Functions further apart than this are not in one file. */
const FILE_GAP = 0x4000;

const LINE = /^([0-9a-f]{8,16}) [tTwW] ([\w.$]+)(?:\s+\[(\w+)\])?$/;

/** The symbols of code in lines of /proc/kallsyms, in the order of their addresses. */
export const symbolsOf = (kallsyms: string): CodeSymbol[] =>
  kallsyms
    .split('\n')
    .flatMap((line) => {
      const [, address, name, module = ''] = LINE.exec(line.trim()) ?? [];
      // A kernel that hides its addresses (kptr_restrict) says that all are 0.
      if (address === undefined || name === undefined || /^0+$/.test(address)) return [];
      return [{ address: Number.parseInt(address, 16), name, module }];
    })
    .sort((a, b) => a.address - b.address);

/** What of the guest's symbols to ask for: all of them take seconds over a console. */
export const SYMBOLS_COMMAND =
  "grep -E ' [tTwW] (_?_?(ap_|cex4_|zcrypt_|vfio_ap_)|.*\\[(ap|zcrypt|pkey|vfio_ap))' /proc/kallsyms";

/** The ranges of code in which those symbols lie; `more`: names of further functions or modules. */
export const textRanges = (symbols: readonly CodeSymbol[], more?: RegExp): TextRange[] => {
  const ranges: { name: string; start: number; end: number }[] = [];
  for (const [n, { address, name, module }] of symbols.entries()) {
    const wanted = module === '' ? BUS.test(name) : MODULES.test(module);
    if (!wanted && more?.test(module === '' ? name : module) !== true) continue;
    const next = symbols[n + 1];
    const near = next !== undefined && next.module === module && next.address - address < FILE_GAP;
    // The last function of a part: nothing tells its length.
    const end = near ? next.address : address + 0x200;
    const part = module === '' ? 'kernel' : module;
    const last = ranges.at(-1);
    if (last?.name === part && address - last.end < FILE_GAP) last.end = Math.max(last.end, end);
    else ranges.push({ name: part, start: address, end });
  }
  return ranges;
};

/** The symbol an address is in or behind; undefined: it is before the first. */
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
