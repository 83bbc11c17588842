// SPDX-License-Identifier: Apache-2.0
// Finds the places in the source for blocks of a kernel's code, from a kernel image or modules with debug information.
// Source: addr2line(1) and nm(1) of the GNU binutils; ELF header (e_type).
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { ApemuError } from '../errors.ts';
import { runProgram } from '../qemu/guest-image/run-process.ts';
import { blockName, type ReachedBlock } from './reached.ts';

const PREFIX = 's390x-linux-gnu-';
const HINT = 'Debian: apt-get install binutils-s390x-linux-gnu';
/** Number of addresses in one call, for which a command line has room. */
const ADDRESSES = 500;
/** Offset of e_type, and its value in a file whose sections have no addresses yet, which is a module. */
const ELF_TYPE_AT = 16;
const ELF_RELOCATABLE = 1;

/** A function in such a file. */
interface FileSymbol {
  readonly address: number;
  readonly section: string;
}

/** Name of the module: `zcrypt` for `zcrypt.ko` and `zcrypt.ko.debug`; empty for a kernel image. */
const moduleOf = (file: string): string =>
  /^(.*?)\.ko\b/.exec(basename(file))?.[1]?.replaceAll('-', '_') ?? '';

/** @throws ApemuError `APEMU_ERR_USAGE_VMLINUX` */
const refused = (message: string): ApemuError => new ApemuError('APEMU_ERR_USAGE_VMLINUX', message);

const isRelocatable = (file: string): boolean => {
  const header = Buffer.alloc(ELF_TYPE_AT + 2);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, header, 0, header.length, 0);
  } finally {
    closeSync(fd);
  }
  if (header.toString('latin1', 0, 4) === '\u007fELF')
    return header.readUInt16BE(ELF_TYPE_AT) === ELF_RELOCATABLE;
  throw refused(`${file} is no ELF file (expected a vmlinux or a module with debug information)`);
};

const run = async (tool: string, args: readonly string[]): Promise<string> => {
  const { missing, status, stdout, stderr } = await runProgram(PREFIX + tool, args);
  if (missing) throw refused(`there is no ${PREFIX}${tool}, so no lines of source (${HINT})`);
  if (status === 0) return stdout;
  throw refused(`${PREFIX}${tool} fails: ${stderr.trim().split('\n')[0]}`);
};

/** Functions of a file by name. The columns of nm's System V format are name, value, class, type, size, line, section. */
const symbolsIn = async (file: string): Promise<Map<string, FileSymbol>> => {
  const symbols = new Map<string, FileSymbol>();
  for (const line of (await run('nm', ['-f', 'sysv', file])).split('\n')) {
    const [name = '', value = '', kind = '', , , , section = ''] = line
      .split('|')
      .map((word) => word.trim());
    if (/^[tTwW]$/.test(kind)) symbols.set(name, { address: Number.parseInt(value, 16), section });
  }
  return symbols;
};

/** Adds the places that one file knows, for its own blocks. */
const linesOfFile = async (
  file: string,
  blocks: readonly ReachedBlock[],
  lines: Map<string, string>,
): Promise<void> => {
  const module = moduleOf(file);
  const relocatable = isRelocatable(file);
  const symbols = await symbolsIn(file);
  const bySection = new Map<string, [name: string, address: number][]>();
  for (const block of blocks) {
    const symbol = block.symbol.module === module ? symbols.get(block.symbol.name) : undefined;
    if (symbol === undefined) continue;
    // Addresses in a kernel image are unique, but those in a module begin anew in each section.
    const section = relocatable ? symbol.section : '';
    const some = bySection.get(section) ?? [];
    some.push([blockName(block), symbol.address + block.offset]);
    bySection.set(section, some);
  }
  for (const [section, named] of bySection)
    for (let at = 0; at < named.length; at += ADDRESSES) {
      const some = named.slice(at, at + ADDRESSES);
      const where = section === '' ? [] : ['-j', section];
      const addresses = some.map(([, address]) => address.toString(16));
      const told = (await run('addr2line', ['-e', file, ...where, ...addresses])).split('\n');
      for (const [n, [name]] of some.entries()) {
        const place = (told[n] ?? '').replace(/ \(.*/, '');
        if (/:[1-9]\d*$/.test(place)) lines.set(name, place);
      }
    }
};

/**
 * Places of blocks as `file:line`, by the blocks' names, if one of `files` knows them.
 *
 * @throws ApemuError `APEMU_ERR_USAGE_VMLINUX` for a file that does not exist or is not an ELF file, or if the binutils for s390x are
 * missing
 */
export const sourceLines = async (
  files: readonly string[],
  blocks: readonly ReachedBlock[],
): Promise<ReadonlyMap<string, string>> => {
  const lines = new Map<string, string>();
  for (const file of files) {
    if (!existsSync(file))
      throw refused(`there is no file ${file} (expected a vmlinux or a module)`);
    await linesOfFile(file, blocks, lines);
  }
  return lines;
};
