// SPDX-License-Identifier: Apache-2.0
// One sysfs attribute as a table row: name, mode, show, store.
// Source: docs/reference/vfio-ap.md section 3.1.
import type { Errno, Outcome } from './errno.ts';
import type { Lock, Operation } from './operation.ts';

/** What a show function gives: the text, or the errno of the failed read. */
export type Shown = string | { readonly errno: Errno };

/** Permissions a file can have. Opening in another direction is EACCES, for root too. */
export const WRITE_ONLY = 0o200;
export const READ_ONLY = 0o444;
export const READ_WRITE = 0o644;
export type Mode = typeof WRITE_ONLY | typeof READ_ONLY | typeof READ_WRITE;

/** One file of an object of type `T`. */
export interface Attribute<T> {
  readonly name: string;
  readonly mode: Mode;
  /** May sleep: some texts are the answer of a card. */
  readonly show?: (target: T) => Shown | Operation<Shown>;
  /** `text` is exactly what one write(2) carried, one character a byte. */
  readonly store?: (target: T, text: string) => Outcome | Operation<Outcome>;
  /** Locks a read takes, in order. */
  readonly readLocks?: (target: T) => readonly Lock[];
  /** The file is there only if this holds. */
  readonly when?: (target: T) => boolean;
}

/** The rows of one kind of object, by name. */
export type AttributeTable<T> = ReadonlyMap<string, Attribute<T>>;

/** Makes the table of rows; two rows of one name are a mistake of ours. */
export function attributeTable<T>(rows: readonly Attribute<T>[]): AttributeTable<T> {
  const table = new Map(rows.map((row) => [row.name, row]));
  if (table.size !== rows.length) throw new Error('two attributes of one name');
  return table;
}
