// SPDX-License-Identifier: Apache-2.0
// The QCI information block: 128 bytes, flags word, na, nd, three masks.
// Source: docs/reference/ap-architecture.md sections 4.2 and 4.3 (Linux asm/ap.h, struct ap_config_info).
// Status: architected.

export const QCI_BYTES = 128;
export const QCI_FLAGS = 0x00;
export const QCI_NA = 0x04;
export const QCI_ND = 0x05;
export const QCI_APM = 0x10;
export const QCI_AQM = 0x30;
export const QCI_ADM = 0x50;
export const QCI_MASK_BYTES = 32;

export const QCI_FLAG_S = 0x80000000 | 0;
export const QCI_FLAG_N = 0x40000000;
export const QCI_FLAG_C = 0x20000000;
export const QCI_FLAG_R = 0x10000000;
export const QCI_FLAG_B = 0x00800000;

export interface QciFlagRow {
  readonly letter: string;
  readonly mask: number;
  readonly name: string;
  readonly meaning: string;
}

export const QCI_FLAG_ROWS: readonly QciFlagRow[] = [
  { letter: 'S', mask: QCI_FLAG_S, name: 'APSC', meaning: 'special command' },
  { letter: 'N', mask: QCI_FLAG_N, name: 'APXA', meaning: 'extended addressing' },
  { letter: 'C', mask: QCI_FLAG_C, name: 'QACT', meaning: 'query compatibility type installed' },
  { letter: 'R', mask: QCI_FLAG_R, name: 'RC8A', meaning: 'reply code 8A may occur' },
  { letter: 'B', mask: QCI_FLAG_B, name: 'APSB', meaning: 'secure-execution bind installed' },
];
