// SPDX-License-Identifier: Apache-2.0
// Dynamic address translation over guest RAM: region, segment and page tables, 1 MiB and 2 GiB frames, prefixing, and the access
// exceptions as values. Source: z/Architecture, chapter 3 (public); which space is meant: docs/reference/qemu-attach.md section 6.

import {
  PGM_ADDRESSING,
  PGM_ASCE_TYPE,
  PGM_PAGE_TRANSLATION,
  PGM_PROTECTION,
  PGM_REGION_FIRST,
  PGM_REGION_SECOND,
  PGM_REGION_THIRD,
  PGM_SEGMENT_TRANSLATION,
} from '../../native-like/arch/program-interruptions.ts';
import { PSW_DAT, PSW_SPACE } from '../../native-like/arch/psw.ts';
import { TWO_TO_32 } from '../units.ts';
import { PREFIX_AREA_BYTES, PREFIX_LIMIT } from './hook-layout.ts';
import type { GuestRam } from './ram.ts';

/** Program interruption codes of access exceptions. */
const PGM_TRANSLATION_SPECIFICATION = 0x12;

/** Translation exceptions that nullify: the old PSW points to the instruction, which is executed again when the fault has been repaired. */
export const NULLIFYING: ReadonlySet<number> = new Set([
  PGM_SEGMENT_TRANSLATION,
  PGM_PAGE_TRANSLATION,
  PGM_ASCE_TYPE,
  PGM_REGION_FIRST,
  PGM_REGION_SECOND,
  PGM_REGION_THIRD,
]);

/** The parts of a CPU that decide how its addresses are translated. In `cr`, word 2n is the high half and 2n+1 the low half of CRn. */
export interface TranslationContext {
  /** PSW as four words. */
  readonly psw: Uint32Array;
  /** Control registers 0-15 as 32 words. */
  readonly cr: Uint32Array;
  /** The prefix: absolute address of the lowcore. */
  prefix: number;
}

const ASCE_PRIVATE = 0x100;
const ASCE_REAL_SPACE = 0x20;
const ENTRY_FORMAT = 0x400;
const ENTRY_PROTECT = 0x200;
const ENTRY_INVALID = 0x20;
const PAGE_INVALID = 0x400;
const PAGE_RESERVED = 0x800;
const CR0_LOW_ADDRESS_PROTECTION = 0x10000000;

/**
 * For each value of PSW bits 16-17: the control register with the ASCE, and the number of the space in the TEID. AR mode is treated as
 * primary-space mode.
 */
const SPACES = [
  { cr: 1, teid: 0 },
  { cr: 1, teid: 0 },
  { cr: 7, teid: 2 },
  { cr: 13, teid: 3 },
] as const;

/** One row for each level of tables, by designation type: the index bits of the address, and the exception for an invalid entry. */
const LEVELS = [
  { index: (_hi: number, lo: number) => (lo >>> 20) & 0x7ff, pgm: PGM_SEGMENT_TRANSLATION },
  {
    index: (hi: number, lo: number) => ((hi & 0x3ff) << 1) | (lo >>> 31),
    pgm: PGM_REGION_THIRD,
  },
  { index: (hi: number, _lo: number) => (hi >>> 10) & 0x7ff, pgm: PGM_REGION_SECOND },
  { index: (hi: number, _lo: number) => hi >>> 21, pgm: PGM_REGION_FIRST },
] as const;

/** For each designation type, a mask (high and low word) of the address bits above what it covers, which must be zero. */
const BEYOND = [
  [0xffffffff, 0x80000000],
  [0xfffffc00, 0],
  [0xffe00000, 0],
  [0, 0],
] as const;

/** Translates addresses for one guest. Results are in its fields, so that an instruction allocates nothing. */
export class Translator {
  /** Absolute address that the last successful translation has found. */
  absolute = 0;
  /** Translation-exception identification of the last translation that failed: high and low word. */
  readonly teid = new Uint32Array(2);
  readonly #ram: GuestRam;
  readonly #entry = new Uint32Array(2);

  constructor(ram: GuestRam) {
    this.#ram = ram;
  }

  /**
   * Translates one address.
   *
   * @param store true when the byte is to be stored, so that protection counts
   * @returns 0 with `absolute` set, or the program interruption code with `teid` set
   */
  translate(cpu: TranslationContext, high: number, low: number, store: boolean): number {
    const dat = (cpu.psw[0] & PSW_DAT) !== 0;
    const space = SPACES[(cpu.psw[0] & PSW_SPACE) >>> 14];
    const asceLow = cpu.cr[2 * space.cr + 1];
    let pgm = 0;
    const privateSpace = dat && (asceLow & ASCE_PRIVATE) !== 0;
    if (store && !privateSpace && lowAddressProtected(cpu, high, low)) {
      this.#identify(high, low, store, space.teid, false);
      return PGM_PROTECTION;
    }
    if (!dat || (asceLow & ASCE_REAL_SPACE) !== 0) {
      pgm = this.#real(cpu, high * TWO_TO_32 + low);
    } else {
      pgm = this.#walk(cpu, cpu.cr[2 * space.cr], asceLow, high, low, store);
    }
    if (pgm !== 0) this.#identify(high, low, store, space.teid, true);
    return pgm;
  }

  #walk(
    cpu: TranslationContext,
    asceHigh: number,
    asceLow: number,
    high: number,
    low: number,
    store: boolean,
  ): number {
    const type = (asceLow >>> 2) & 3;
    const [beyondHigh, beyondLow] = BEYOND[type];
    if ((high & beyondHigh) !== 0 || (low & beyondLow) !== 0) return PGM_ASCE_TYPE;
    let origin = asceHigh * TWO_TO_32 + ((asceLow & 0xfffff000) >>> 0);
    let first = 0;
    let last = asceLow & 3;
    let protect = 0;
    for (let level = type; level >= 0; level--) {
      const { index, pgm } = LEVELS[level];
      const at = index(high, low);
      if (at >>> 9 > last || at >>> 9 < first) return pgm;
      const entryPgm = this.#read(cpu, origin + at * 8);
      if (entryPgm !== 0) return entryPgm;
      const entryHigh = this.#entry[0];
      const entryLow = this.#entry[1];
      if ((entryLow & ENTRY_INVALID) !== 0) return pgm;
      if (((entryLow >>> 2) & 3) !== level) return PGM_TRANSLATION_SPECIFICATION;
      protect |= entryLow & ENTRY_PROTECT;
      if (level <= 1 && (entryLow & ENTRY_FORMAT) !== 0) {
        if (store && protect !== 0) return PGM_PROTECTION;
        const frame = level === 0 ? 0x100000 : 0x80000000;
        const base = entryHigh * TWO_TO_32 + entryLow;
        return this.#real(cpu, base - (base % frame) + (low % frame));
      }
      first = (entryLow >>> 6) & 3;
      last = entryLow & 3;
      const clear = level === 0 ? 0xfffff800 : 0xfffff000;
      origin = entryHigh * TWO_TO_32 + ((entryLow & clear) >>> 0);
    }
    const entryPgm = this.#read(cpu, origin + ((low >>> 12) & 0xff) * 8);
    if (entryPgm !== 0) return entryPgm;
    const pageLow = this.#entry[1];
    if ((pageLow & PAGE_INVALID) !== 0) return PGM_PAGE_TRANSLATION;
    if ((pageLow & PAGE_RESERVED) !== 0) return PGM_TRANSLATION_SPECIFICATION;
    if (store && ((pageLow | protect) & ENTRY_PROTECT) !== 0) return PGM_PROTECTION;
    const page = this.#entry[0] * TWO_TO_32 + ((pageLow & 0xfffff000) >>> 0);
    return this.#real(cpu, page + (low & 0xfff));
  }

  /** Reads a table entry at a real address. */
  #read(cpu: TranslationContext, address: number): number {
    const absolute = prefixed(cpu.prefix, address);
    if (absolute + 8 > this.#ram.size) return PGM_ADDRESSING;
    this.#ram.readDoubleword(absolute, this.#entry);
    return 0;
  }

  #real(cpu: TranslationContext, address: number): number {
    const absolute = prefixed(cpu.prefix, address);
    if (absolute >= this.#ram.size) return PGM_ADDRESSING;
    this.absolute = absolute;
    return 0;
  }

  /**
   * Sets the TEID: bits 0-51 page, 52-53 fetch or store, 61 address is valid, 62-63 space, as Linux reads them (asm/fault.h, union teid).
   */
  #identify(high: number, low: number, store: boolean, space: number, dat: boolean): void {
    this.teid[0] = high;
    this.teid[1] = ((low & 0xfffff000) | (store ? 0x400 : 0x800) | (dat ? 4 : 0) | space) >>> 0;
  }
}

/** Whether a word from the guest's memory can be a prefix: a block of 8 KiB below 2 GiB that is storage. */
export function isPrefix(ram: GuestRam, value: number): boolean {
  return (
    value % PREFIX_AREA_BYTES === 0 && value < PREFIX_LIMIT && ram.holds(value, PREFIX_AREA_BYTES)
  );
}

/** Converts a real address into an absolute one: the first 8 KiB and the 8 KiB at the prefix change places. */
export function prefixed(prefix: number, address: number): number {
  if (address < PREFIX_AREA_BYTES) return prefix + address;
  if (address >= prefix && address < prefix + PREFIX_AREA_BYTES) return address - prefix;
  return address;
}

/** Whether CR0 bit 35 protects the address from stores: it does so for bytes 0-511 and 4096-4607. */
function lowAddressProtected(cpu: TranslationContext, high: number, low: number): boolean {
  if ((cpu.cr[1] & CR0_LOW_ADDRESS_PROTECTION) === 0 || high !== 0) return false;
  return low < 0x200 || (low >= 0x1000 && low < 0x1200);
}
