// SPDX-License-Identifier: Apache-2.0
// The sections of a WebAssembly module that are needed to judge a driver and to explain its failures.
// Source: WebAssembly core specification, section 5.5 (modules).
import { ByteReader } from './byte-reader.ts';

const CUSTOM_SECTION = 0;
const MEMORY_SECTION = 5;
const START_SECTION = 8;
const CODE_SECTION = 10;
/** Length of magic and version. */
const HEAD_BYTES = 8;
const HAS_MAXIMUM = 1;

export interface ModuleSections {
  /** Bytes of the module where the contents of the code section begin and end. */
  readonly code: { readonly from: number; readonly to: number };
  readonly custom: ReadonlyMap<string, Uint8Array>;
  /** Whether the module has code that would run before anybody calls it. */
  readonly hasStart: boolean;
  /** Size of the memory in pages of 64 KiB; undefined if the module brings no memory of its own. */
  readonly memory: { readonly pages: number; readonly maximum: number | undefined } | undefined;
}

/**
 * Reads the sections of a module.
 *
 * @throws RangeError for bytes that are cut off
 */
export const readSections = (bytes: Uint8Array): ModuleSections => {
  const reader = new ByteReader(bytes, HEAD_BYTES);
  const custom = new Map<string, Uint8Array>();
  let code = { from: 0, to: 0 };
  let memory: ModuleSections['memory'];
  let hasStart = false;
  while (!reader.done) {
    const id = reader.u8();
    const length = reader.uleb();
    const from = reader.at;
    reader.skip(length);
    const to = reader.at;
    if (id === CUSTOM_SECTION) {
      const inside = new ByteReader(bytes, from, to);
      const name = inside.string(inside.uleb());
      custom.set(name, bytes.subarray(inside.at, to));
    }
    if (id === CODE_SECTION) code = { from, to };
    if (id === START_SECTION) hasStart = true;
    if (id === MEMORY_SECTION) memory = readMemory(new ByteReader(bytes, from, to));
  }
  return { code, custom, hasStart, memory };
};

/** The custom sections that are used: names of functions, lines, and who made the module. */
const KEPT = ['name', '.debug_line', 'producers', 'target_features'];

/** The module without what apemu does not read, since the rest of its debugging information is several times as large. */
export const slim = (bytes: Uint8Array): Uint8Array => {
  const parts = [bytes.subarray(0, HEAD_BYTES)];
  const reader = new ByteReader(bytes, HEAD_BYTES);
  while (!reader.done) {
    const from = reader.at;
    const id = reader.u8();
    const length = reader.uleb();
    const content = reader.at;
    reader.skip(length);
    const inside = new ByteReader(bytes, content, reader.at);
    if (id !== CUSTOM_SECTION || KEPT.includes(inside.string(inside.uleb())))
      parts.push(bytes.subarray(from, reader.at));
  }
  return Uint8Array.from(parts.flatMap((part) => [...part]));
};

const readMemory = (reader: ByteReader): ModuleSections['memory'] => {
  if (reader.uleb() === 0) return undefined;
  const flags = reader.u8();
  const pages = reader.uleb();
  return { pages, maximum: (flags & HAS_MAXIMUM) === 0 ? undefined : reader.uleb() };
};
