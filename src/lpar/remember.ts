// SPDX-License-Identifier: Apache-2.0
// Remembers the contents of objects and puts them back later. Checkpoints use this to take a machine's parts back without making new
// ones, so that handles remain valid: the objects stay the same, and only their contents change.

/** Puts something back as it was when it was remembered. It can be called any number of times. */
export type PutBack = () => void;

type Fields = Record<string, unknown>;

export const rememberSet = <T>(set: Set<T>): PutBack => {
  const items = [...set];
  return () => {
    set.clear();
    for (const item of items) set.add(item);
  };
};

export const rememberMap = <K, V>(map: Map<K, V>): PutBack => {
  const entries = [...map];
  return () => {
    map.clear();
    for (const [key, value] of entries) map.set(key, value);
  };
};

export const rememberList = <T>(list: T[]): PutBack => {
  const items = [...list];
  return () => {
    list.length = items.length;
    for (let n = 0; n < items.length; n++) list[n] = items[n] as T;
  };
};

type Words = Uint32Array | Uint8Array | Int32Array;

const rememberWords = (words: Words): PutBack => {
  const copy = words.slice();
  return () => words.set(copy);
};

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/**
 * Remembers the contents of a field's value. Undefined if the value has no contents of its own, or belongs to somebody else (instances of
 * classes).
 */
const rememberContents = (value: unknown): PutBack | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof Set) return rememberSet(value);
  if (value instanceof Map) return rememberMap(value);
  if (Array.isArray(value)) return rememberList(value);
  if (ArrayBuffer.isView(value)) return rememberWords(value as Words);
  return isPlain(value) ? rememberFields(value) : undefined;
};

/**
 * Remembers the public fields of an object: their values, and the contents of masks, sets, maps, lists and plain objects. Private fields
 * are left to the object itself. `except` names fields that are left alone.
 */
export const rememberFields = (object: object, except: readonly string[] = []): PutBack => {
  const fields = object as Fields;
  const names = Object.keys(object).filter((name) => !except.includes(name));
  const values = names.map((name) => fields[name]);
  const contents = values.flatMap((value) => rememberContents(value) ?? []);
  return () => {
    for (let n = 0; n < names.length; n++) fields[names[n]] = values[n];
    for (const putBack of contents) putBack();
  };
};

/** Puts all of them back, in this order. */
export const together =
  (...parts: readonly PutBack[]): PutBack =>
  () => {
    for (const putBack of parts) putBack();
  };
