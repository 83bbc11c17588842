// SPDX-License-Identifier: Apache-2.0
// One sysfs attribute as a table row: name, mode, show, store.
// Source: docs/reference/vfio-ap.md section 3.1.
import type { Errno, Outcome } from './errno.ts';
import type { Lock, Operation } from './operation.ts';

/** Result of a show function: the text, or the errno of the failed read. */
export type Shown = string | { readonly errno: Errno };

/** Permissions that a file can have. Opening it for anything else fails with EACCES, for root too. */
export const WRITE_ONLY = 0o200;
export const READ_ONLY = 0o444;
export const READ_WRITE = 0o644;
/** The same for files that nobody but the superuser sees into. */
export const ROOT_READ_ONLY = 0o400;
export const ROOT_READ_WRITE = 0o600;
export type Mode =
  | typeof WRITE_ONLY
  | typeof READ_ONLY
  | typeof READ_WRITE
  | typeof ROOT_READ_ONLY
  | typeof ROOT_READ_WRITE;

/** One file of an object of type `T`. */
export interface Attribute<T> {
  readonly name: string;
  readonly mode: Mode;
  /** Makes the text of the file. It may sleep, since some texts are made from the answer of a card. */
  readonly show?: (target: T) => Shown | Operation<Shown>;
  /** Executes a write. `text` is exactly what one write(2) carried, one character for each byte. */
  readonly store?: (target: T, text: string) => Outcome | Operation<Outcome>;
  /** Locks that a read takes, in this order. */
  readonly readLocks?: (target: T) => readonly Lock[];
  /** A file of debugfs: the superuser may open it for anything, and its text may be longer than a page. */
  readonly debugfs?: true;
  /** Each reading makes something new, such as a key: those who copy the tree do not read it. */
  readonly fresh?: true;
  /** Whether the file exists for this object. */
  readonly when?: (target: T) => boolean;
}

/** The files of one kind of object, by name. */
export type AttributeTable<T> = ReadonlyMap<string, Attribute<T>>;

/** Makes a table of rows. Throws if two rows have the same name. */
export function attributeTable<T>(rows: readonly Attribute<T>[]): AttributeTable<T> {
  const table = new Map(rows.map((row) => [row.name, row]));
  if (table.size !== rows.length) throw new Error('two attributes of one name');
  return table;
}
