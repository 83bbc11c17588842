// SPDX-License-Identifier: Apache-2.0
// What a request asks for, by name: for service times, fault rules and counts.
import type { AdapterMode } from '../../native-like/arch/adapter-types.ts';
import { acceleratorFunction } from './accelerator/functions.ts';
import { ccaFunction } from './cca/functions.ts';
import { ep11Function } from './ep11/functions.ts';
import { loopbackFunction } from './loopback/functions.ts';

const NAMES: Readonly<Record<AdapterMode, (request: Uint8Array) => string>> = {
  accelerator: acceleratorFunction,
  cca: ccaFunction,
  ep11: ep11Function,
  loopback: loopbackFunction,
};

/**
 * Name of the function as in the table of the mode: a format (`MEB1` to `CRB3`), two letters (`PK`), a number (`38`), or `loopback`. For
 * malformed requests it is whatever is in its place, or nothing.
 */
export function requestFunction(mode: AdapterMode, request: Uint8Array): string {
  return NAMES[mode](request);
}

/** Names a request can have: two characters (CCA), a number (EP11), a format (accelerator), `loopback`. */
const FUNCTION_NAME = /^(?:[A-Z0-9]{2}|\d{1,5}|MEB[123]|CRB[123]|loopback)$/;

/** What messages say is expected. */
export const FUNCTION_EXPECTED =
  'a function: two letters (CCA), a number (EP11), MEB1 to CRB3 (accelerator), loopback';

/** Whether a name is of the form requests have; it may be one no card knows. */
export function isFunctionName(name: string): boolean {
  return FUNCTION_NAME.test(name);
}

/** A function's name as one 32-bit word, for fault records: up to four characters, else a number; 0 for no name. */
export function functionWord(name: string): number {
  if (name.length > 4) return name === 'loopback' ? 1 : ~Number(name);
  let word = 0;
  for (let i = 0; i < name.length; i++) word = (word << 8) | (name.charCodeAt(i) & 0xff);
  return word;
}
