// SPDX-License-Identifier: Apache-2.0
// Functions of an accelerator: the six formats of type 50.
// Source: docs/reference/messages.md 2.1, 5.1.
import type { FunctionRow } from '../function-row.ts';
import { u16 } from '../messages/bytes.ts';
import { TYPE50_FORMATS, TYPE50_HEADER } from '../messages/headers.ts';

/** The request formats that an accelerator accepts, one row for each. */
export const ACCELERATOR_FUNCTIONS: readonly FunctionRow[] = TYPE50_FORMATS.map((f) => ({
  code: f.name,
  name: `${f.form === 'mex' ? 'modulus-exponent' : 'CRT'}, up to ${8 * f.operand} bits`,
  support: 'full',
  clear: true,
}));

/** The function's name (`MEB1` .. `CRB3`) for service times and fault rules; empty if the request has none. */
export function acceleratorFunction(request: Uint8Array): string {
  const code = u16(request, TYPE50_HEADER.at.keyBlockType);
  return TYPE50_FORMATS.find((f) => f.code === code)?.name ?? '';
}
