// SPDX-License-Identifier: Apache-2.0
// Quantities as users write them: durations, memory sizes, numbers in either notation.

const DURATION = /^(\d+(?:\.\d+)?)(ns|us|ms|s)$/;
const NS_PER_UNIT: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };

const MEMORY = /^(\d+) ?(KiB|MiB|GiB)$/;
const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** Patterns for a schema; what they let through, the functions below understand. */
export const DURATION_PATTERN = DURATION.source;
export const MEMORY_PATTERN = MEMORY.source;

/** Whole nanoseconds of a duration such as `2ms`, `1.5us` or `0`; undefined if it is not a duration, or not exact in a number. */
export function parseDurationNs(text: string | number): number | undefined {
  if (text === 0 || text === '0') return 0;
  const match = DURATION.exec(String(text));
  if (match === null) return undefined;
  const ns = Math.round(Number(match[1]) * NS_PER_UNIT[match[2]]);
  return Number.isSafeInteger(ns) ? ns : undefined;
}

/** The shortest exact form: `2ms`, `1500us`, `0`. */
export function formatDuration(ns: number): string {
  if (ns === 0) return '0';
  for (const unit of ['s', 'ms', 'us']) {
    if (ns % NS_PER_UNIT[unit] === 0) return `${ns / NS_PER_UNIT[unit]}${unit}`;
  }
  return `${ns}ns`;
}

/** Bytes of `16MiB`; undefined if it is no size. */
export function parseMemory(text: string | number): number | undefined {
  if (typeof text === 'number') return text;
  const match = MEMORY.exec(text);
  return match === null ? undefined : Number(match[1]) * BYTES_PER_UNIT[match[2]];
}

/** Decimal or 0x hexadecimal without sign; undefined if it is neither or not exact in a number. */
export function parseNumber(text: string): number | undefined {
  if (!/^(?:\d+|0[xX][0-9a-fA-F]+)$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

const APQN = /^([0-9a-fA-F]{2})\.([0-9a-fA-F]{4})$/;

/** APID << 8 | APQI of an APQN such as `05.00ab`, as in sysfs; undefined if it is not one (the high byte of the domain must be 0). */
export function parseApqn(text: string): number | undefined {
  const match = APQN.exec(text);
  if (match === null) return undefined;
  const apqi = Number.parseInt(match[2], 16);
  return apqi > 0xff ? undefined : (Number.parseInt(match[1], 16) << 8) | apqi;
}

/** An APQN in the form `05.00ab`. */
export function formatApqn(apqn: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
  return `${hex(apqn >>> 8, 2)}.${hex(apqn & 0xff, 4)}`;
}
