// SPDX-License-Identifier: Apache-2.0
// The QCI information block: 128 bytes that PQAP(QCI) stores.
// Source: docs/reference/ap-architecture.md section 4.2 (Linux asm/ap.h, struct ap_config_info).
// Status: architected.
import {
  QCI_ADM,
  QCI_APM,
  QCI_AQM,
  QCI_BYTES,
  QCI_FLAGS,
  QCI_MASK_BYTES,
  QCI_NA,
  QCI_ND,
} from '../arch/qci.ts';
import {
  assertBytes,
  assertLayout,
  type BlockField,
  type MaskWords,
  readMask,
  viewOf,
  writeMask,
} from './block.ts';

export const QCI_LAYOUT: readonly BlockField[] = [
  { name: 'flags', offset: QCI_FLAGS, bytes: 4, meaning: 'S N C R L, B (bit 8)' },
  { name: 'na', offset: QCI_NA, bytes: 1, meaning: 'highest APID' },
  { name: 'nd', offset: QCI_ND, bytes: 1, meaning: 'highest APQI' },
  { name: 'reserved', offset: 0x06, bytes: 10, meaning: 'zero' },
  { name: 'APM', offset: QCI_APM, bytes: QCI_MASK_BYTES, meaning: 'adapters' },
  { name: 'AQM', offset: QCI_AQM, bytes: QCI_MASK_BYTES, meaning: 'usage domains' },
  { name: 'ADM', offset: QCI_ADM, bytes: QCI_MASK_BYTES, meaning: 'control domains' },
  { name: 'reserved', offset: 0x70, bytes: 16, meaning: 'zero' },
];
assertLayout('QCI block', QCI_BYTES, QCI_LAYOUT);

export interface QciBlock {
  /** Flags word, a signed 32-bit number (QCI_FLAG_…). */
  readonly flags: number;
  readonly na: number;
  readonly nd: number;
  readonly apm: MaskWords;
  readonly aqm: MaskWords;
  readonly adm: MaskWords;
}

/** The 128 architected bytes; reserved ones are zero. */
export const produceQci = (block: QciBlock): Uint8Array => {
  const bytes = new Uint8Array(QCI_BYTES);
  const view = viewOf(bytes);
  view.setInt32(QCI_FLAGS, block.flags);
  view.setUint8(QCI_NA, block.na);
  view.setUint8(QCI_ND, block.nd);
  writeMask(view, QCI_APM, QCI_MASK_BYTES, block.apm);
  writeMask(view, QCI_AQM, QCI_MASK_BYTES, block.aqm);
  writeMask(view, QCI_ADM, QCI_MASK_BYTES, block.adm);
  return bytes;
};

/** Reads the 128 architected bytes; reserved ones are not looked at. */
export const readQci = (bytes: Uint8Array): QciBlock => {
  assertBytes('QCI block', bytes, QCI_BYTES);
  const view = viewOf(bytes);
  return {
    flags: view.getInt32(QCI_FLAGS),
    na: view.getUint8(QCI_NA),
    nd: view.getUint8(QCI_ND),
    apm: readMask(view, QCI_APM, QCI_MASK_BYTES),
    aqm: readMask(view, QCI_AQM, QCI_MASK_BYTES),
    adm: readMask(view, QCI_ADM, QCI_MASK_BYTES),
  };
};
