// SPDX-License-Identifier: Apache-2.0
// QCI, query configuration information: 128 bytes for the program's own view.
// Source: docs/reference/ap-architecture.md section 4.2, decisions AD-11, AD-16, AD-23. Status: architected; AD-23 a choice.
import { FACILITY_APSB, FACILITY_APXA } from '../arch/facilities.ts';
import { PGM_SPECIFICATION } from '../arch/program-interruptions.ts';
import {
  QCI_ADM,
  QCI_APM,
  QCI_AQM,
  QCI_BYTES,
  QCI_FLAG_B,
  QCI_FLAG_N,
  QCI_FLAGS,
  QCI_MASK_BYTES,
  QCI_NA,
} from '../arch/qci.ts';
import {
  ADM_WORDS,
  C_QCI_FLAGS,
  C_QCI_NA_ND,
  MASK_AQM,
  MASK_WORDS,
  THREAD_SCRATCH_BYTE,
  V_FACILITIES,
  V_GR,
  V_TRUE_MASKS,
} from '../machine/layout.ts';
import { complete, programInterruption } from './ending.ts';
import { addressHigh, addressMask, storeGuest } from './storage.ts';
import { ADM, BYTES, CLOCK, I32, MASKS, U8 } from './views.ts';

const buildBlock = (v: number, scratch: number): void => {
  const facilities = I32[v + V_FACILITIES];
  const apxa = (facilities & FACILITY_APXA) !== 0;
  let flags = I32[C_QCI_FLAGS];
  if (!apxa) flags &= ~QCI_FLAG_N;
  if ((facilities & FACILITY_APSB) === 0) flags &= ~QCI_FLAG_B;
  U8.fill(0, scratch, scratch + QCI_BYTES);
  BYTES.setInt32(scratch + QCI_FLAGS, flags);
  if (apxa) BYTES.setUint16(scratch + QCI_NA, I32[C_QCI_NA_ND]);
  const masks = I32[v + V_TRUE_MASKS];
  const adm = ADM + (((masks - MASKS) / MASK_WORDS) | 0) * ADM_WORDS;
  for (let word = 0; word < QCI_MASK_BYTES / 4; word++) {
    BYTES.setInt32(scratch + QCI_APM + 4 * word, I32[masks + word]);
    BYTES.setInt32(scratch + QCI_AQM + 4 * word, I32[masks + MASK_AQM + word]);
    BYTES.setInt32(scratch + QCI_ADM + 4 * word, I32[adm + word]);
  }
};

/** Executes QCI. GR2 designates 128 bytes on a doubleword boundary. The condition code is 0 and GR1 stays as it was (AD-11). */
export const qci = (v: number): number => {
  const low = I32[v + V_GR + 5] & addressMask(v);
  if ((low & 7) !== 0) return programInterruption(v, PGM_SPECIFICATION);
  const scratch = CLOCK * 8 + THREAD_SCRATCH_BYTE;
  buildBlock(v, scratch);
  const code = storeGuest(v, addressHigh(v, I32[v + V_GR + 4]), low, QCI_BYTES, scratch);
  return code === 0 ? complete(v, 0) : programInterruption(v, code);
};
