// SPDX-License-Identifier: Apache-2.0
// What each PQAP function code needs and allows. Arrays indexed by code, which an instance fills from the table's rows when it is loaded.
// Source: docs/reference/ap-architecture.md sections 1.2 to 1.4, decisions AD-03 to AD-06. Status: architected.
import { FACILITY_APFT, FACILITY_APXA } from '../arch/facilities.ts';
import { FUNCTION_CODES, GR0_APQN_NO_APXA, GR0_F, GR0_T } from '../arch/function-codes.ts';

const FUNCTION_CODES_MAX = 256;

/** Facilities the code needs. A code without a row has all bits on, more than any program has (AD-06). */
const NEEDS = new Int32Array(FUNCTION_CODES_MAX).fill(-1);
/** GR0 bits that are reserved, whatever is installed. */
const RESERVED = new Int32Array(FUNCTION_CODES_MAX);
/** Facilities any one of which makes GR0 bit 41 legal. */
const BIT_41 = new Int32Array(FUNCTION_CODES_MAX);
/** All ones if GR0 names a queue with this code, else 0. Only then do the T bit and the high bits of APID and APQI depend on a facility. */
const NAMES_QUEUE = new Int32Array(FUNCTION_CODES_MAX);

for (const { code, needs, reserved, bit41, namesQueue } of FUNCTION_CODES) {
  NEEDS[code] = needs;
  RESERVED[code] = reserved;
  BIT_41[code] = bit41;
  NAMES_QUEUE[code] = namesQueue ? -1 : 0;
}

/** Whether the function code is installed for this program. */
export const installed = (facilities: number, fc: number): boolean => {
  const needs = NEEDS[fc];
  return (facilities & needs) === needs;
};

/** Whether GR0 names a queue. */
export const namesQueue = (fc: number): boolean => NAMES_QUEUE[fc] !== 0;

/**
 * Whether reserved bits, bit 41, the T bit and the range of the APQN are legal. Callers have made sure that AP instructions are
 * installed.
 */
export const operandsLegal = (facilities: number, fc: number, gr0: number): boolean => {
  if ((gr0 & RESERVED[fc]) !== 0) return false;
  if ((gr0 & GR0_F) !== 0 && (facilities & BIT_41[fc]) === 0) return false;
  if ((gr0 & GR0_T & NAMES_QUEUE[fc]) !== 0 && (facilities & FACILITY_APFT) === 0) return false;
  return (facilities & FACILITY_APXA) !== 0 || (gr0 & GR0_APQN_NO_APXA & NAMES_QUEUE[fc]) === 0;
};
