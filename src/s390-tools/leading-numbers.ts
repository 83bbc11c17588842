// SPDX-License-Identifier: Apache-2.0
// Numbers in device names and arguments as the C library reads them.
// Source: scanf(3), strtol(3).

const HEX = /^\s*([+-]?)(?:0[xX](?=[0-9a-fA-F]))?([0-9a-fA-F]+)/;

/** The hexadecimal number a text begins with, and what follows it; undefined if it begins with none. */
export function leadingHex(text: string): { value: number; rest: string } | undefined {
  const match = HEX.exec(text);
  if (match === null) return undefined;
  const value = Number.parseInt(match[2], 16) * (match[1] === '-' ? -1 : 1);
  return { value, rest: text.slice(match[0].length) };
}

/** `05.0004` as its two numbers; the second is undefined if there is no second one. */
export function leadingPair(text: string): { id: number; domain: number | undefined } | undefined {
  const id = leadingHex(text);
  if (id === undefined) return undefined;
  const domain = id.rest.startsWith('.') ? leadingHex(id.rest.slice(1)) : undefined;
  return { id: id.value, domain: domain?.value };
}

const ANY_BASE = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/;
const DECIMAL = /^\s*([+-]?\d+)/;

/** A whole number with the prefix of its base: `0x` hexadecimal, `0` octal, else decimal. */
export function leadingNumber(text: string): { value: number; rest: string } | undefined {
  const match = ANY_BASE.exec(text);
  if (match === null) return undefined;
  const digits = match[2];
  const octal = /^0[0-7]/.test(digits);
  const value = octal ? Number.parseInt(digits, 8) : Number(digits);
  return { value: match[1] === '-' ? -value : value, rest: text.slice(match[0].length) };
}

/** The decimal number a text begins with. */
export function leadingDecimal(text: string): number | undefined {
  const match = DECIMAL.exec(text);
  return match === null ? undefined : Number(match[1]);
}
