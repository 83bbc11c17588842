// SPDX-License-Identifier: Apache-2.0
// A copy of a guest program's state, as structuredClone makes one, faster: states are numbers, strings, lists and plain objects, and a
// checkpoint copies them at each way back.

/** Functions and symbols are none: structuredClone refuses them. */
const isPrimitive = (value: unknown): boolean => {
  const type = typeof value;
  return type !== 'object' && type !== 'function' && type !== 'symbol';
};

/** Copies a list; one that holds only primitives (and null) is copied at once. */
const cloneList = (list: readonly unknown[], seen: Map<object, unknown>): unknown[] => {
  const copy = list.slice();
  seen.set(list, copy);
  for (let n = 0; n < copy.length; n++)
    if (!isPrimitive(copy[n])) copy[n] = cloneInto(copy[n], seen);
  return copy;
};

const cloneRecord = (
  record: Readonly<Record<string, unknown>>,
  seen: Map<object, unknown>,
): unknown => {
  const copy: Record<string, unknown> = {};
  seen.set(record, copy);
  for (const key of Object.keys(record)) {
    const value = record[key];
    copy[key] = isPrimitive(value) ? value : cloneInto(value, seen);
  }
  return copy;
};

/** Objects that are met twice are one object in the copy too. Whatever is not plain is structuredClone's business. */
const cloneInto = (value: unknown, seen: Map<object, unknown>): unknown => {
  if (value === null) return value;
  const known = seen.get(value as object);
  if (known !== undefined) return known;
  if (typeof value !== 'object') return structuredClone(value);
  if (Array.isArray(value)) return cloneList(value, seen);
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype === Object.prototype || prototype === null)
    return cloneRecord(value as Record<string, unknown>, seen);
  const copy: unknown = structuredClone(value);
  seen.set(value as object, copy);
  return copy;
};

/** A deep copy of plain data. Throws what structuredClone throws for what cannot be copied. */
export const clonePlain = <T>(value: T): T =>
  isPrimitive(value) ? value : (cloneInto(value, new Map()) as T);
