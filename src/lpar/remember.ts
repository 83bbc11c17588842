// SPDX-License-Identifier: Apache-2.0
// Remembers what objects hold, to put it back later: how a checkpoint takes a machine's parts back without making them anew.
// Handles stay what they are: the objects are the same, only their contents go back.

/** Puts something back as it was when it was remembered; as often as wanted. */
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

/** Contents of a field's value; undefined for what has none of its own, or belongs to somebody else (instances of classes). */
const rememberContents = (value: unknown): PutBack | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  if (value instanceof Set) return rememberSet(value);
  if (value instanceof Map) return rememberMap(value);
  if (Array.isArray(value)) return rememberList(value);
  if (ArrayBuffer.isView(value)) return rememberWords(value as Words);
  return isPlain(value) ? rememberFields(value) : undefined;
};

/**
 * The public fields of an object: each value, and the contents of masks, sets, maps, lists and plain objects. What stands in private
 * fields is the object's own business. `except` names fields that are left alone.
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

/** All of them, in this order. */
export const together =
  (...parts: readonly PutBack[]): PutBack =>
  () => {
    for (const putBack of parts) putBack();
  };
