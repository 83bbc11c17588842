// SPDX-License-Identifier: Apache-2.0
// Program interruptions an AP instruction can cause, and the lowcore fields they use.
// Source: docs/reference/ap-architecture.md section 3.1.
// Status: architected.

export const PGM_OPERATION = 0x0001;
export const PGM_PRIVILEGED_OPERATION = 0x0002;
export const PGM_PROTECTION = 0x0004;
export const PGM_ADDRESSING = 0x0005;
export const PGM_SPECIFICATION = 0x0006;
export const PGM_OPERAND = 0x0015;
export const PGM_SEGMENT_TRANSLATION = 0x0010;
export const PGM_PAGE_TRANSLATION = 0x0011;
export const PGM_ASCE_TYPE = 0x0038;
export const PGM_REGION_FIRST = 0x0039;
export const PGM_REGION_SECOND = 0x003a;
export const PGM_REGION_THIRD = 0x003b;

/** Byte offsets in the lowcore. */
export const LC_PGM_ILC = 0x8c;
export const LC_PGM_CODE = 0x8e;
export const LC_PGM_OLD_PSW = 0x150;
export const LC_PGM_NEW_PSW = 0x1d0;
export const LC_IO_SUBCHANNEL_ID = 0xb8;
export const LC_IO_SUBCHANNEL_NR = 0xba;
export const LC_IO_PARAMETER = 0xbc;
export const LC_IO_WORD = 0xc0;
export const LC_MCK_CODE = 0xe8;
export const LC_MCK_OLD_PSW = 0x160;
export const LC_MCK_NEW_PSW = 0x1e0;
export const LC_IO_OLD_PSW = 0x170;
export const LC_IO_NEW_PSW = 0x1f0;

export interface ProgramInterruptionRow {
  readonly code: number;
  readonly name: string;
  /** Nullified: the old PSW points at the instruction. Suppressed: past it. */
  readonly ending: 'suppressed' | 'nullified';
}

export const PROGRAM_INTERRUPTIONS: readonly ProgramInterruptionRow[] = [
  { code: PGM_OPERATION, name: 'operation', ending: 'suppressed' },
  { code: PGM_PRIVILEGED_OPERATION, name: 'privileged operation', ending: 'suppressed' },
  { code: PGM_PROTECTION, name: 'protection', ending: 'suppressed' },
  { code: PGM_ADDRESSING, name: 'addressing', ending: 'suppressed' },
  { code: PGM_SPECIFICATION, name: 'specification', ending: 'suppressed' },
  { code: PGM_OPERAND, name: 'operand', ending: 'suppressed' },
  { code: PGM_SEGMENT_TRANSLATION, name: 'segment translation', ending: 'nullified' },
  { code: PGM_PAGE_TRANSLATION, name: 'page translation', ending: 'nullified' },
  { code: PGM_ASCE_TYPE, name: 'ASCE type', ending: 'nullified' },
  { code: PGM_REGION_FIRST, name: 'region first translation', ending: 'nullified' },
  { code: PGM_REGION_SECOND, name: 'region second translation', ending: 'nullified' },
  { code: PGM_REGION_THIRD, name: 'region third translation', ending: 'nullified' },
];

/** Whether a program interruption nullifies: translation exceptions do. */
export const isNullifying = (code: number): boolean =>
  code === PGM_SEGMENT_TRANSLATION ||
  code === PGM_PAGE_TRANSLATION ||
  (code >= PGM_ASCE_TYPE && code <= PGM_REGION_THIRD);
