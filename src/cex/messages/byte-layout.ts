// SPDX-License-Identifier: Apache-2.0
// What a byte layout is: a table of named fields from which readers, writers, tests and documentation are made.
import { putU16, putU32, u16, u32 } from './bytes.ts';

/** One field: its place, length and meaning. Fields of 1, 2 and 4 bytes are numbers, all others are byte strings. */
export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly meaning: string;
}

/** A packed, big-endian structure. Bytes no field names are reserved and zero. */
export interface Layout<N extends string = string> {
  readonly name: string;
  readonly size: number;
  /** Section of `docs/reference/messages.md` the rows come from. */
  readonly source: string;
  readonly fields: readonly Field[];
  /** Offset of each field, for code that reads single fields. */
  readonly at: Readonly<Record<N, number>>;
}

/** A field's value: a number for sizes 1, 2 and 4, else bytes (shorter ones are zero filled at the end). */
export type FieldValue = number | Uint8Array;

/** Makes a layout from rows `name: [offset, size, meaning]`. */
export function layout<const R extends Record<string, readonly [number, number, string]>>(
  name: string,
  size: number,
  source: string,
  rows: R,
): Layout<keyof R & string> {
  const fields = Object.entries(rows).map(([field, [offset, length, meaning]]) => ({
    name: field,
    offset,
    size: length,
    meaning,
  }));
  const at = Object.fromEntries(fields.map((f) => [f.name, f.offset]));
  return { name, size, source, fields, at: at as Record<keyof R & string, number> };
}

/** Writes the named fields of a structure that starts at `base`; other bytes keep what they have. */
export function encode<N extends string>(
  l: Layout<N>,
  target: Uint8Array,
  base: number,
  values: Partial<Record<N, FieldValue>>,
): void {
  for (const field of l.fields) {
    const value = values[field.name as N];
    if (value === undefined) continue;
    const at = base + field.offset;
    if (typeof value !== 'number') target.set(value.subarray(0, field.size), at);
    else if (field.size === 1) target[at] = value;
    else if (field.size === 2) putU16(target, at, value);
    else putU32(target, at, value);
  }
}

/** Reads all fields of a structure that starts at `base`. Byte fields are copies. */
export function decode<N extends string>(
  l: Layout<N>,
  bytes: Uint8Array,
  base = 0,
): Record<N, FieldValue> {
  const values: Record<string, FieldValue> = {};
  for (const { name, offset, size } of l.fields) {
    const at = base + offset;
    if (size === 1) values[name] = bytes[at] ?? 0;
    else if (size === 2) values[name] = u16(bytes, at);
    else if (size === 4) values[name] = u32(bytes, at);
    else values[name] = bytes.slice(at, at + size);
  }
  return values as Record<N, FieldValue>;
}
