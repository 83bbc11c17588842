// SPDX-License-Identifier: Apache-2.0
// Adapter types and modes, and the machine generations that offer them.
// Source: docs/reference/ap-architecture.md sections 4.4, 4.6 and decision AD-24.
// Status: type numbers architected; facility words and the profiles' contents are choices (AD-24).

import { STFLE_APFT, STFLE_AQIC, STFLE_MSAX3, STFLE_QCI } from './facilities.ts';
import { QCI_FLAG_B, QCI_FLAG_C, QCI_FLAG_N, QCI_FLAG_R, QCI_FLAG_S } from './qci.ts';
import { GR2_A, GR2_C, GR2_D, GR2_FULL_FUNCTION, GR2_M, GR2_N, GR2_S, GR2_X } from './registers.ts';

export interface AdapterTypeRow {
  readonly number: number;
  readonly name: string;
}

/** Numbers of the types Linux draws lines at. */
export const TYPE_CEX2A = 6;
export const TYPE_CEX4 = 10;
export const TYPE_CEX8 = 14;

export const ADAPTER_TYPES: readonly AdapterTypeRow[] = [
  { number: 3, name: 'PCICC' },
  { number: 4, name: 'PCICA' },
  { number: 5, name: 'PCIXCC' },
  { number: 6, name: 'CEX2A' },
  { number: 7, name: 'CEX2C' },
  { number: 8, name: 'CEX3A' },
  { number: 9, name: 'CEX3C' },
  { number: 10, name: 'CEX4' },
  { number: 11, name: 'CEX5' },
  { number: 12, name: 'CEX6' },
  { number: 13, name: 'CEX7' },
  { number: 14, name: 'CEX8' },
];

export type AdapterMode = 'accelerator' | 'cca' | 'ep11' | 'loopback';

/** Number kept in the machine image per queue. */
export const MODE_LOOPBACK = 0;
export const MODE_ACCELERATOR = 1;
export const MODE_CCA = 2;
export const MODE_EP11 = 3;

export interface AdapterModeRow {
  readonly mode: AdapterMode;
  readonly number: number;
  /** Suffix of a card's name in lszcrypt (CEX8C). */
  readonly letter: string;
  readonly lszcrypt: string;
  /** Facility word: TAPQ GR2 bits 0-31 (AD-24). */
  readonly functions: number;
}

/**
 * A loopback adapter answers each request with itself. It shows itself as a CCA coprocessor, so that a driver which wants a
 * mode bit drives it.
 */
export const ADAPTER_MODES: readonly AdapterModeRow[] = [
  {
    mode: 'loopback',
    number: MODE_LOOPBACK,
    letter: 'C',
    lszcrypt: 'CCA-Coproc',
    functions: GR2_S | GR2_D | GR2_N | GR2_FULL_FUNCTION,
  },
  {
    mode: 'accelerator',
    number: MODE_ACCELERATOR,
    letter: 'A',
    lszcrypt: 'Accelerator',
    functions: GR2_S | GR2_M | GR2_C | GR2_A | GR2_N | GR2_FULL_FUNCTION,
  },
  {
    mode: 'cca',
    number: MODE_CCA,
    letter: 'C',
    lszcrypt: 'CCA-Coproc',
    functions: GR2_S | GR2_D | GR2_N | GR2_FULL_FUNCTION,
  },
  {
    mode: 'ep11',
    number: MODE_EP11,
    letter: 'P',
    lszcrypt: 'EP11-Coproc',
    functions: GR2_X | GR2_N | GR2_FULL_FUNCTION,
  },
];

export interface MachineProfileRow {
  readonly name: 'z13' | 'z14' | 'z15' | 'z16';
  /** Adapter type numbers that can be plugged. */
  readonly types: readonly number[];
  readonly facilities: readonly number[];
  /** The flags word of QCI. */
  readonly qciFlags: number;
  readonly na: number;
  readonly nd: number;
}

const FACILITY_SET = [STFLE_QCI, STFLE_APFT, STFLE_AQIC, STFLE_MSAX3];
const COMMON = QCI_FLAG_S | QCI_FLAG_N;

export const MACHINE_PROFILES: readonly MachineProfileRow[] = [
  { name: 'z13', types: [10, 11], facilities: FACILITY_SET, qciFlags: COMMON, na: 63, nd: 84 },
  { name: 'z14', types: [11, 12], facilities: FACILITY_SET, qciFlags: COMMON, na: 63, nd: 84 },
  {
    name: 'z15',
    types: [11, 12, 13],
    facilities: FACILITY_SET,
    qciFlags: COMMON | QCI_FLAG_C | QCI_FLAG_R,
    na: 255,
    nd: 255,
  },
  {
    name: 'z16',
    types: [12, 13, 14],
    facilities: FACILITY_SET,
    qciFlags: COMMON | QCI_FLAG_C | QCI_FLAG_R | QCI_FLAG_B,
    na: 255,
    nd: 255,
  },
];

/** The row of a type by its name (`CEX8`) or number; undefined if there is none. */
export const adapterType = (nameOrNumber: string | number): AdapterTypeRow | undefined =>
  ADAPTER_TYPES.find((row) => row.name === nameOrNumber || row.number === nameOrNumber);

/** The row of a mode. */
export const adapterMode = (mode: AdapterMode): AdapterModeRow => {
  const row = ADAPTER_MODES.find((candidate) => candidate.mode === mode);
  if (row === undefined) throw new RangeError(`no adapter mode ${mode}`);
  return row;
};
