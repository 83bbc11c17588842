// SPDX-License-Identifier: Apache-2.0
// What a guest gets from its CPU model and its machine: the facility word and the CRYCB format.
// Source: docs/reference/ap-architecture.md sections 3.2, 4.1 and 6.2 (Linux arch/s390/kvm/kvm-s390.c).
import {
  FACILITY_AIV,
  FACILITY_AP,
  FACILITY_APSB,
  FACILITY_APXA,
  FACILITY_MSAX3,
  FACILITY_QACT,
  FACILITY_SE,
  FACILITY_SIE,
  facilityWord,
} from '../../native-like/arch/facilities.ts';
import { QCI_FLAG_B, QCI_FLAG_C, QCI_FLAG_N } from '../../native-like/arch/qci.ts';
import { CRYCB_FORMAT_0, CRYCB_FORMAT_1, CRYCB_FORMAT_2 } from '../../native-like/arch/sie.ts';

export interface GuestModel {
  /** STFLE bits of the guest. */
  readonly facilities: readonly number[];
  /** Whether AP instructions are interpreted (ECA.28). */
  readonly apie: boolean;
  /** Whether the guest has adapter-interruption virtualization (ECA.AIV). */
  readonly aiv: boolean;
  readonly secureExecution: boolean;
}

/** CRYCB format that KVM gives a guest. It depends on the guest's STFLE 76 and on the machine's APXA (section 6.2). */
export const crycbFormat = (facilities: readonly number[], qciFlags: number): number => {
  if ((facilityWord(facilities) & FACILITY_MSAX3) === 0) return CRYCB_FORMAT_0;
  return (qciFlags & QCI_FLAG_N) !== 0 ? CRYCB_FORMAT_2 : CRYCB_FORMAT_1;
};

/** Facility word of a guest on a machine whose QCI shows `qciFlags`, with a CRYCB of format `format`. */
export const guestFacilities = (guest: GuestModel, qciFlags: number, format: number): number => {
  const wide = format === CRYCB_FORMAT_2 && (qciFlags & QCI_FLAG_N) !== 0;
  return (
    facilityWord(guest.facilities) |
    FACILITY_SIE |
    (guest.apie ? FACILITY_AP : 0) |
    (guest.aiv ? FACILITY_AIV : 0) |
    (wide ? FACILITY_APXA : 0) |
    ((qciFlags & QCI_FLAG_C) !== 0 ? FACILITY_QACT : 0) |
    (guest.secureExecution ? FACILITY_SE : 0) |
    (guest.secureExecution && (qciFlags & QCI_FLAG_B) !== 0 ? FACILITY_APSB : 0)
  );
};

/** Facility word of the host partition itself (guest 0). */
export const hostFacilities = (facilities: readonly number[], qciFlags: number): number =>
  facilityWord(facilities) |
  FACILITY_AP |
  FACILITY_AIV |
  ((qciFlags & QCI_FLAG_N) !== 0 ? FACILITY_APXA : 0) |
  ((qciFlags & QCI_FLAG_C) !== 0 ? FACILITY_QACT : 0) |
  ((qciFlags & QCI_FLAG_B) !== 0 ? FACILITY_APSB : 0);
