// SPDX-License-Identifier: Apache-2.0
// PQAP function codes: GR0 fields, per-code reserved bits, needed facilities.
// Source: docs/reference/ap-architecture.md sections 1.2 to 1.4, decisions AD-03 to AD-06.
// Status: architected; QBAP and the reserved-bit rule of bit 41 are choices (AD-05, AD-06).
import {
  FACILITY_APSB,
  FACILITY_AQIC,
  FACILITY_QACT,
  FACILITY_QCI,
  FACILITY_SE,
} from './facilities.ts';

/** GR0 bits 32-39: function code. */
export const GR0_FC_MASK = 0xff000000;
export const GR0_FC_SHIFT = 24;
/** GR0 bit 40, T: TAPQ returns the facilities in GR2 bits 0-31. */
export const GR0_T = 0x00800000;
/** GR0 bit 41: F (also unbind) of RAPQ and ZAPQ, "if" of QACT. */
export const GR0_F = 0x00400000;
/** GR0 bits 41-47. */
export const GR0_RESERVED = 0x007f0000;
/** GR0 bits 42-47, reserved for every function naming a queue. */
export const GR0_RESERVED_ALWAYS = 0x003f0000;
/** GR0 bits 48-63: APQN. */
export const GR0_APQN = 0x0000ffff;
/** APQN bits that must be zero without APXA: APID above 63, APQI above 15. */
export const GR0_APQN_NO_APXA = 0x0000c0f0;

export const FC_TAPQ = 0;
export const FC_RAPQ = 1;
export const FC_ZAPQ = 2;
export const FC_AQIC = 3;
export const FC_QCI = 4;
export const FC_QACT = 5;
export const FC_QBAP = 6;
export const FC_BAPQ = 7;
export const FC_AAPQ = 8;
/** Number of codes in the table; higher ones are undefined (specification exception, AD-06). */
export const FC_COUNT = 9;

export interface FunctionCodeRow {
  readonly code: number;
  readonly name: string;
  readonly meaning: string;
  /** GR0 bits that cause a specification exception; bit 41 comes on top where `bit41` is not installed. */
  readonly reserved: number;
  /** Facility-word bits that must all be on for the code to be installed; 0 = base, -1 = never. */
  readonly needs: number;
  /** Facility-word bit that makes GR0 bit 41 legal for this code; 0 = never, -1 = bit is not looked at. */
  readonly bit41: number;
  /** Whether GR0 names a queue. */
  readonly namesQueue: boolean;
  readonly source: string;
}

const QUEUE = { reserved: GR0_RESERVED_ALWAYS, namesQueue: true };

export const FUNCTION_CODES: readonly FunctionCodeRow[] = [
  {
    code: FC_TAPQ,
    name: 'TAPQ',
    meaning: 'test queue',
    ...QUEUE,
    needs: 0,
    bit41: 0,
    source: '1.4',
  },
  {
    code: FC_RAPQ,
    name: 'RAPQ',
    meaning: 'reset',
    ...QUEUE,
    needs: 0,
    bit41: FACILITY_APSB,
    source: '1.5',
  },
  {
    code: FC_ZAPQ,
    name: 'ZAPQ',
    meaning: 'reset and zeroize',
    ...QUEUE,
    needs: 0,
    bit41: FACILITY_APSB,
    source: '1.5',
  },
  {
    code: FC_AQIC,
    name: 'AQIC',
    meaning: 'interruption control',
    ...QUEUE,
    needs: FACILITY_AQIC,
    bit41: 0,
    source: '1.6',
  },
  {
    code: FC_QCI,
    name: 'QCI',
    meaning: 'query configuration',
    reserved: 0,
    namesQueue: false,
    needs: FACILITY_QCI,
    bit41: -1,
    source: '4.2',
  },
  {
    code: FC_QACT,
    name: 'QACT',
    meaning: 'query compatibility type',
    ...QUEUE,
    needs: FACILITY_QACT,
    bit41: FACILITY_QACT,
    source: '1.7',
  },
  {
    code: FC_QBAP,
    name: 'QBAP',
    meaning: 'best AP; not installed (AD-06)',
    reserved: 0,
    namesQueue: false,
    needs: -1,
    bit41: -1,
    source: '1.4',
  },
  {
    code: FC_BAPQ,
    name: 'BAPQ',
    meaning: 'bind queue',
    ...QUEUE,
    needs: FACILITY_SE | FACILITY_APSB,
    bit41: 0,
    source: '1.4',
  },
  {
    code: FC_AAPQ,
    name: 'AAPQ',
    meaning: 'associate queue',
    ...QUEUE,
    needs: FACILITY_SE | FACILITY_APSB,
    bit41: 0,
    source: '1.4',
  },
];
