// SPDX-License-Identifier: Apache-2.0
// Register operands of the AP instructions beyond PQAP's GR0: TAPQ GR2, AQIC control word, QACT word, NQAP/DQAP GR0.
// Source: docs/reference/ap-architecture.md sections 1.6 to 1.9 and 4.4, decisions AD-07 and AD-10.
// Status: architected; the continuation token is a choice.
import type { FieldRow } from './status-word.ts';

/** TAPQ GR2 bits 0-31 (high half): facilities of the queue. */
export const GR2_S = 0x80000000 | 0;
export const GR2_M = 0x40000000;
export const GR2_C = 0x20000000;
export const GR2_D = 0x10000000;
export const GR2_A = 0x08000000;
export const GR2_X = 0x04000000;
export const GR2_N = 0x02000000;
export const GR2_H = 0x01000000;
export const GR2_FULL_FUNCTION = 0x00800000;
export const GR2_RESTRICTED_FUNCTION = 0x00400000;
/** Bits 16-17, SE bind state. */
export const GR2_BS_MASK = 0x0000c000;
export const GR2_BS_SHIFT = 14;
/** Low half: type, number of domains, message limit, depth - 1. */
export const GR2_TYPE_SHIFT = 24;
export const GR2_ND_SHIFT = 16;
export const GR2_ML_SHIFT = 8;
export const GR2_ML_MASK = 0xf;
export const GR2_QD_MASK = 0xf;

export const TAPQ_GR2_FIELDS: readonly FieldRow[] = [
  { name: 'S', bits: [0, 0], meaning: 'special command facility', source: '4.4' },
  { name: 'M', bits: [1, 1], meaning: '4096-bit modulus-exponent', source: '4.4' },
  { name: 'C', bits: [2, 2], meaning: '4096-bit CRT', source: '4.4' },
  { name: 'D', bits: [3, 3], meaning: 'CCA coprocessor mode', source: '4.4' },
  { name: 'A', bits: [4, 4], meaning: 'accelerator mode', source: '4.4' },
  { name: 'X', bits: [5, 5], meaning: 'EP11 mode', source: '4.4' },
  { name: 'N', bits: [6, 6], meaning: 'APXA', source: '4.4' },
  { name: 'H', bits: [7, 7], meaning: 'stateless command filtering', source: '4.4' },
  {
    name: 'class',
    bits: [8, 15],
    meaning: 'function set: bit 8 full, bit 9 restricted',
    source: '4.4',
  },
  {
    name: 'bs',
    bits: [16, 17],
    meaning:
      'SE bind state: 0 usable, 1 usable but no secure key, 2 available for binding, 3 unusable',
    source: '4.4',
  },
  { name: 'at', bits: [32, 39], meaning: 'adapter type number', source: '4.4' },
  { name: 'nd', bits: [40, 47], meaning: 'number of domains', source: '4.4' },
  { name: 'ml', bits: [52, 55], meaning: 'message limit in 4 KiB; 0 = 12288 bytes', source: '4.4' },
  { name: 'qd', bits: [60, 63], meaning: 'depth - 1', source: '4.4' },
];

/** AQIC GR1, high half: IR, GISC, GISA format. */
export const AQIC_IR = 0x00008000;
export const AQIC_GISC_MASK = 0x00000700;
export const AQIC_GISC_SHIFT = 8;
export const AQIC_GF_MASK = 0x00000003;
/** AQIC GR1, low half: GISA origin (address with its low four bits zero), ISC. */
export const AQIC_GISA_MASK = 0x7ffffff0;
export const AQIC_ISC_MASK = 0x00000007;

export const AQIC_FIELDS: readonly FieldRow[] = [
  { name: 'zone', bits: [8, 15], meaning: 'zone', source: '1.6' },
  { name: 'IR', bits: [16, 16], meaning: '1 enable, 0 disable', source: '1.6' },
  { name: 'GISC', bits: [21, 23], meaning: 'guest interruption sub-class', source: '1.6' },
  { name: 'GF', bits: [30, 31], meaning: 'GISA format', source: '1.6' },
  { name: 'GISAO', bits: [33, 59], meaning: 'GISA origin', source: '1.6' },
  { name: 'ISC', bits: [61, 63], meaning: 'interruption sub-class of the host', source: '1.6' },
];

/** QACT word, high half bits 3-5: mode D, A, X; low half bits 32-39: type; 48-63: version. */
export const QACT_MODE_SHIFT = 26;
export const QACT_MODE_MASK = 0x7;
export const QACT_CAT_SHIFT = 24;
export const QACT_FIELDS: readonly FieldRow[] = [
  { name: 'mode', bits: [3, 5], meaning: 'bits D, A, X of the facility word', source: '1.7' },
  { name: 'cat', bits: [32, 39], meaning: 'type number', source: '1.7' },
  { name: 'ver', bits: [48, 63], meaning: 'version', source: '1.7' },
];

/** NQAP GR0: bit 33 L, last or only part; bit 41 special command; bits 32, 34, 35, 40 reserved. */
export const NQAP_L = 0x40000000;
export const NQAP_SPECIAL = 0x00400000;
export const NQAP_RESERVED = 0xb0800000 | 0;
/** DQAP GR0: bit 32 starts with the next reply; bits 33, 34, 35, 40, 41 reserved. */
export const DQAP_START = 0x80000000 | 0;
export const DQAP_RESERVED = 0x70c00000;

export const NQAP_GR0_FIELDS: readonly FieldRow[] = [
  { name: 'reserved', bits: [32, 32], meaning: 'must be zero', source: '1.8' },
  { name: 'L', bits: [33, 33], meaning: 'last or only part', source: '1.8' },
  { name: 'reserved', bits: [34, 35], meaning: 'must be zero', source: '1.8' },
  { name: 'reserved', bits: [40, 40], meaning: 'must be zero', source: '1.8' },
  { name: 'special', bits: [41, 41], meaning: 'special command', source: '1.8' },
  { name: 'APID', bits: [48, 55], meaning: 'adapter', source: '1.2' },
  { name: 'APQI', bits: [56, 63], meaning: 'domain', source: '1.2' },
];

export const DQAP_GR0_FIELDS: readonly FieldRow[] = [
  { name: 'start', bits: [32, 32], meaning: 'start with the next reply', source: '1.9' },
  { name: 'reserved', bits: [33, 35], meaning: 'must be zero', source: '1.9' },
  { name: 'mark', bits: [36, 39], meaning: '0001 in a continuation token', source: 'AD-10' },
  { name: 'reserved', bits: [40, 41], meaning: 'must be zero', source: '1.9' },
  {
    name: 'part',
    bits: [42, 47],
    meaning: 'part counter of a continuation token',
    source: 'AD-10',
  },
  { name: 'APID', bits: [48, 55], meaning: 'adapter', source: '1.2' },
  { name: 'APQI', bits: [56, 63], meaning: 'domain', source: '1.2' },
];

/** Continuation token in GR0 (AD-10): bits 36-39 = 0001, bits 42-47 = part counter. */
export const DQAP_TOKEN_MASK = 0x0f000000;
export const DQAP_TOKEN_MARK = 0x01000000;
export const DQAP_TOKEN_PART_SHIFT = 16;
export const DQAP_TOKEN_PART_MASK = 0x3f;
