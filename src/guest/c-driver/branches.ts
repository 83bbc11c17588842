// SPDX-License-Identifier: Apache-2.0
// The places of a module's counted branches. Before each branch, clang puts a call with the address of the branch's word; the place of
// the call in the sources is the branch's place.
// Source: clang documentation, SanitizerCoverage (trace-pc-guard).
import { ByteReader } from './byte-reader.ts';
import type { LineTable, SourcePlace } from './line-table.ts';

const I32_CONST = 0x41;
const CALL = 0x10;
/** Bytes of the longest encoding of a 32-bit number. */
const LEB_MAX = 5;

/**
 * The place of each branch word between the addresses `from` and `to`, by its number; undefined where it is not known.
 * `code` are the bytes of the code section, `lines` the places for its offsets.
 */
export const branchPlaces = (
  code: Uint8Array,
  lines: LineTable,
  from: number,
  to: number,
): (SourcePlace | undefined)[] => {
  const places = new Array<SourcePlace | undefined>(Math.max(0, (to - from) >> 2));
  for (let at = code.indexOf(I32_CONST); at >= 0; at = code.indexOf(I32_CONST, at + 1)) {
    const address = addressAt(code, at + 1);
    if (address === undefined || address < from || address >= to || (address - from) % 4 !== 0)
      continue;
    places[(address - from) >> 2] ??= lines.at(at);
  }
  return places;
};

/** The constant that begins at a byte, if a call follows it. */
const addressAt = (code: Uint8Array, at: number): number | undefined => {
  const reader = new ByteReader(code, at, Math.min(code.length, at + LEB_MAX + 1));
  try {
    const address = reader.sleb();
    return reader.u8() === CALL ? address : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};
