// SPDX-License-Identifier: Apache-2.0
// Facility indications that decide which parts of the AP architecture are installed.
// Source: docs/reference/ap-architecture.md sections 3.2 and 4.1.
// Status: architected; the bit values of the facility word are ours.

/** Bit numbers of STFLE. */
export const STFLE_QCI = 12;
export const STFLE_APFT = 15;
export const STFLE_AQIC = 65;
export const STFLE_MSAX3 = 76;

/** Bits of the facility word that the machine image keeps per guest and the kernel reads. */
export const FACILITY_QCI = 0x0001;
export const FACILITY_APFT = 0x0002;
export const FACILITY_AQIC = 0x0004;
export const FACILITY_MSAX3 = 0x0008;
/** APIDs and APQIs have 8 bits. A guest has this with CRYCB format 2 on a machine with APXA (AD-03). */
export const FACILITY_APXA = 0x0010;
/** QACT installed: flag C of the machine's QCI. */
export const FACILITY_QACT = 0x0020;
/** The F bit of RAPQ and ZAPQ is legal: flag B of QCI as this program sees it (AD-05). */
export const FACILITY_APSB = 0x0040;
/** The program runs under SIE with APIE on; off for the host partition's own instructions. */
export const FACILITY_SIE = 0x0080;
/** AP instructions are there at all: for a guest ECA.28 (APIE). */
export const FACILITY_AP = 0x0100;
/** Adapter interruption virtualization: ECA.AIV of a guest, CSS characteristic 61 of the machine. */
export const FACILITY_AIV = 0x0200;
/** Secure-execution guest: BAPQ and AAPQ installed (AD-06). */
export const FACILITY_SE = 0x0400;

export interface FacilityRow {
  readonly stfle: number;
  readonly mask: number;
  readonly name: string;
  readonly meaning: string;
  readonly source: string;
}

export const FACILITIES: readonly FacilityRow[] = [
  {
    stfle: STFLE_QCI,
    mask: FACILITY_QCI,
    name: 'QCI',
    meaning: 'PQAP function code 4 installed',
    source: '4.1',
  },
  {
    stfle: STFLE_APFT,
    mask: FACILITY_APFT,
    name: 'APFT',
    meaning: 'T bit of TAPQ installed',
    source: '4.1',
  },
  {
    stfle: STFLE_AQIC,
    mask: FACILITY_AQIC,
    name: 'AQIC',
    meaning: 'AP interruptions: function code 3 installed',
    source: '4.1',
  },
  {
    stfle: STFLE_MSAX3,
    mask: FACILITY_MSAX3,
    name: 'MSAX3',
    meaning: 'CRYCB formats 1 and 2',
    source: '4.1',
  },
];

/** The facility-word bits for a list of STFLE bit numbers; unknown numbers are ignored. */
export const facilityWord = (stfleBits: Iterable<number>): number => {
  let word = 0;
  for (const bit of stfleBits) {
    const row = FACILITIES.find((candidate) => candidate.stfle === bit);
    if (row !== undefined) word |= row.mask;
  }
  return word;
};
