// SPDX-License-Identifier: Apache-2.0
// The number, boolean and mask syntaxes of sysfs files, with the kernel's corner cases.
// Source: docs/reference/vfio-ap.md section 3.1 (lib/kstrtox.c: kstrtoul, kstrtobool; lib/vsprintf.c: sscanf, simple_strtoul;
// ap_bus.c: ap_hex2bitmap, modify_bitmap, ap_parse_bitmap_str).
import { MASK_BITS } from '../../native-like/arch/limits.ts';
import { clearBit, copyOf, emptyMask, type Mask, setBit } from './mask.ts';

/** A parsed value, or the errno that a store function returns for the text. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errno: 'EINVAL' | 'ERANGE' };

const EINVAL = { ok: false, errno: 'EINVAL' } as const;
const ERANGE = { ok: false, errno: 'ERANGE' } as const;
const TWO_64 = 1n << 64n;

/** Written text as the kernel's string functions see it: up to the first NUL. */
export function cString(text: string): string {
  const nul = text.indexOf('\0');
  return nul < 0 ? text : text.slice(0, nul);
}

function digitOf(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 97 + 10 : 99;
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57;

/** isspace() of the kernel's ctype table, which also contains the Latin-1 no-break space. */
function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13) || code === 0xa0;
}

/** _parse_integer_fixup_radix and _parse_integer: reads digits from `start` on. `end === start` if there are none. */
function parseInteger(
  text: string,
  start: number,
  base: 0 | 10,
): { value: bigint; start: number; end: number } {
  let radix: number = base;
  let at = start;
  if (base === 0) {
    radix = 10;
    if (text[at] === '0') {
      const x = (text.charCodeAt(at + 1) | 0x20) === 120;
      radix = x && digitOf(text.charCodeAt(at + 2)) < 16 ? 16 : 8;
      if (radix === 16) at += 2;
    }
  }
  const first = at;
  let value = 0n;
  for (; at < text.length; at++) {
    const digit = digitOf(text.charCodeAt(at));
    if (digit >= radix) break;
    value = value * BigInt(radix) + BigInt(digit);
  }
  return { value, start: first, end: at };
}

/**
 * kstrtoul(text, 0, …). Large values are returned as 2^53 - 1 at most, which every check of a range refuses. EINVAL for anything that is
 * not a number, ERANGE above 64 bits.
 */
export function kstrtoul(raw: string): Parsed<number> {
  const text = cString(raw);
  const { value, start, end } = parseInteger(text, text[0] === '+' ? 1 : 0, 0);
  if (value >= TWO_64) return ERANGE;
  if (end === start) return EINVAL;
  const rest = text[end] === '\n' ? end + 1 : end;
  if (rest < text.length) return EINVAL;
  return { ok: true, value: Number(value > 0x1fffffffffffffn ? 0x1fffffffffffffn : value) };
}

/** kstrtobool, which looks only at the first characters. */
export function kstrtobool(raw: string): Parsed<boolean> {
  const text = cString(raw);
  if (/^[yYtT1]/.test(text) || /^[oO][nN]/.test(text)) return { ok: true, value: true };
  if (/^[nNfF0]/.test(text) || /^[oO][fF]/.test(text)) return { ok: true, value: false };
  return EINVAL;
}

/** sscanf with "%d" (base 10) or "%i" (base 0) into an int: leading blanks and trailing text are ignored, and 32 bits are kept. */
export function scanInt(raw: string, base: 0 | 10): Parsed<number> {
  const text = cString(raw);
  let at = 0;
  while (at < text.length && isSpace(text.charCodeAt(at))) at++;
  const negative = text[at] === '-';
  if (negative) at++;
  if (!isDigit(text.charCodeAt(at))) return EINVAL;
  const { value } = parseInteger(text, at, base);
  return { ok: true, value: Number(BigInt.asIntN(32, negative ? -value : value)) };
}

/** debug_get_uint: a decimal number without sign, of which an int's 32 bits are kept; nothing is 0. Undefined for anything behind it. */
export function decimalInt(raw: string): number | undefined {
  const text = cString(raw);
  let at = 0;
  while (at < text.length && isSpace(text.charCodeAt(at))) at++;
  const { value, end } = parseInteger(text, at, 10);
  return end < text.length ? undefined : Number(BigInt.asIntN(32, value));
}

/** sscanf with "%llu": as scanInt, without a sign. */
export function scanUnsigned(raw: string): Parsed<number> {
  const text = cString(raw);
  let at = 0;
  while (at < text.length && isSpace(text.charCodeAt(at))) at++;
  if (!isDigit(text.charCodeAt(at))) return EINVAL;
  const { value } = parseInteger(text, at, 10);
  return { ok: true, value: Number(BigInt.asUintN(64, value)) };
}

/** ap_hex2bitmap: an absolute mask of hex digits, which begin at the left. Bits that are not given are zero. */
export function hexToMask(raw: string): Parsed<Mask> {
  const text = cString(raw);
  const mask = emptyMask();
  let at = text.startsWith('0x') ? 1 : 0;
  if (text[at] === 'x') at++;
  for (let bit = 0; bit < MASK_BITS && at < text.length; bit += 4, at++) {
    const digit = digitOf(text.charCodeAt(at));
    if (digit > 15) break;
    const word = bit >>> 5;
    mask[word] = mask[word] | (digit << (28 - (bit & 31)));
  }
  if (text[at] === '\n') at++;
  return at < text.length ? EINVAL : { ok: true, value: mask };
}

/** Reads one number of a relative mask with simple_strtoul(…, 0), which wraps around at 64 bits. */
function relativeNumber(text: string, at: number): { n: number; next: number } | undefined {
  const { value, start, end } = parseInteger(text, at, 0);
  const wrapped = BigInt.asUintN(64, value);
  if (end === start || wrapped >= BigInt(MASK_BITS)) return undefined;
  return { n: Number(wrapped), next: end };
}

/** modify_bitmap: applies the terms +a, -a, +a-z and -a-z in their order to a copy of `current`. */
function modifyMask(text: string, current: Mask): Parsed<Mask> {
  const mask = copyOf(current);
  let at = 0;
  while (at < text.length) {
    const sign = text[at++];
    if (sign !== '+' && sign !== '-') return EINVAL;
    const first = relativeNumber(text, at);
    if (first === undefined) return EINVAL;
    at = first.next;
    let last = first.n;
    if (text[at] === '-') {
      const second = relativeNumber(text, at + 1);
      if (second === undefined || first.n > second.n) return EINVAL;
      last = second.n;
      at = second.next;
    }
    for (let n = first.n; n <= last; n++) (sign === '+' ? setBit : clearBit)(mask, n);
    while (text[at] === ',' || text[at] === '\n') at++;
  }
  return { ok: true, value: mask };
}

/** ap_parse_bitmap_str: the mask is relative to `current` if the text begins with a sign, else absolute. */
export function parseMask(raw: string, current: Mask): Parsed<Mask> {
  const text = cString(raw);
  return text[0] === '+' || text[0] === '-' ? modifyMask(text, current) : hexToMask(text);
}

/** sysfs_streq: whether the texts are equal, apart from one newline at the end. */
export function sysfsEquals(name: string, raw: string): boolean {
  const text = cString(raw);
  return text === name || text === `${name}\n`;
}
