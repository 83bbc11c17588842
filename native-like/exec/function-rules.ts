// SPDX-License-Identifier: Apache-2.0
// What each PQAP function code needs and allows, by code: arrays that an instance fills from the table's rows when it is loaded.
// Source: docs/reference/ap-architecture.md sections 1.2 to 1.4, decisions AD-03 to AD-06. Status: architected.
import { FACILITY_APFT, FACILITY_APXA } from '../arch/facilities.ts';
import { FUNCTION_CODES, GR0_APQN_NO_APXA, GR0_F, GR0_T } from '../arch/function-codes.ts';

const FUNCTION_CODES_MAX = 256;

/** Facilities the code needs; one that is not in the table needs more than there are (AD-06). */
const NEEDS = new Int32Array(FUNCTION_CODES_MAX).fill(-1);
/** GR0 bits that are reserved whatever is installed. */
const RESERVED = new Int32Array(FUNCTION_CODES_MAX);
/** Facilities of which one makes GR0 bit 41 legal. */
const BIT_41 = new Int32Array(FUNCTION_CODES_MAX);
/** GR0 bits that depend on a facility where GR0 names a queue: T, and the high bits of APID and APQI. All ones or none. */
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

/** Reserved bits, bit 41, T bit and range of the APQN. A program that gets here has facilities, AP instructions at least. */
export const operandsLegal = (facilities: number, fc: number, gr0: number): boolean => {
  if ((gr0 & RESERVED[fc]) !== 0) return false;
  if ((gr0 & GR0_F) !== 0 && (facilities & BIT_41[fc]) === 0) return false;
  if ((gr0 & GR0_T & NAMES_QUEUE[fc]) !== 0 && (facilities & FACILITY_APFT) === 0) return false;
  return (facilities & FACILITY_APXA) !== 0 || (gr0 & GR0_APQN_NO_APXA & NAMES_QUEUE[fc]) === 0;
};
