// SPDX-License-Identifier: Apache-2.0
// What a request asks for, by name: for service times, fault rules and counts.
import { acceleratorFunction } from './accelerator/functions.ts';
import { ccaFunction } from './cca/functions.ts';
import { ep11Function } from './ep11/functions.ts';
import { loopbackFunction } from './loopback/functions.ts';
import type { AdapterMode } from './model.ts';

const NAMES: Readonly<Record<AdapterMode, (request: Uint8Array) => string>> = {
  accelerator: acceleratorFunction,
  cca: ccaFunction,
  ep11: ep11Function,
  loopback: loopbackFunction,
};

/**
 * The function's name as in the mode's table: a format (`MEB1` .. `CRB3`), two letters (`PK`), a number (`38`), `loopback`.
 * Of malformed requests whatever stands there, or nothing.
 */
export function requestFunction(mode: AdapterMode, request: Uint8Array): string {
  return NAMES[mode](request);
}
