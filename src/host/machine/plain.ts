// SPDX-License-Identifier: Apache-2.0
// Tells plain data, which can be stored and restored unchanged, from everything else.

const isPlainObject = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** Path of the first part of `value` that is not plain data, such as `state.queues[3].handler`; undefined if all of it is. */
export const notPlain = (
  value: unknown,
  path = 'state',
  seen = new Set<object>(),
): string | undefined => {
  if (value === null || ['number', 'string', 'boolean', 'undefined'].includes(typeof value))
    return undefined;
  if (typeof value !== 'object' || seen.has(value)) return path;
  if (ArrayBuffer.isView(value)) return undefined;
  seen.add(value);
  const found = Array.isArray(value)
    ? notPlainItem(value, path, seen)
    : notPlainEntry(value, path, seen);
  seen.delete(value);
  return found;
};

const notPlainItem = (
  items: readonly unknown[],
  path: string,
  seen: Set<object>,
): string | undefined => {
  for (const [index, item] of items.entries()) {
    const found = notPlain(item, `${path}[${index}]`, seen);
    if (found !== undefined) return found;
  }
  return undefined;
};

const notPlainEntry = (value: object, path: string, seen: Set<object>): string | undefined => {
  if (!isPlainObject(value)) return path;
  for (const [key, item] of Object.entries(value)) {
    const found = notPlain(item, `${path}.${key}`, seen);
    if (found !== undefined) return found;
  }
  return undefined;
};
