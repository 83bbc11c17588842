// SPDX-License-Identifier: Apache-2.0
// State description fields the AP facility uses, interception codes, CRYCB and APCB offsets, GISA and GIB offsets.
// Source: docs/reference/ap-architecture.md sections 6.1, 6.2 and 6.7 (Linux asm/kvm_host.h).
// Status: architected as Linux uses it.

/** Length of the state description in bytes. */
export const SD_BYTES = 512;
export const SD_LCTL = 0x044;
export const SD_ECA = 0x04c;
export const SD_ICPTCODE = 0x050;
export const SD_IPA = 0x056;
export const SD_IPB = 0x058;
export const SD_ECB3 = 0x063;
export const SD_GD = 0x070;
export const SD_PSW = 0x090;
export const SD_CRYCBD = 0x0fc;
export const SD_GCR = 0x100;
export const SD_ECD = 0x1c8;

/** ECA bit 10: adapter interruption virtualization. */
export const ECA_AIV = 0x00200000;
/** ECA bit 28: AP instructions are interpreted. */
export const ECA_APIE = 0x00000008;

/** Interception codes. */
export const ICPT_INST = 0x04;
export const ICPT_PROGI = 0x08;
export const ICPT_VALIDITY = 0x20;
export const ICPT_OPEREXC = 0x2c;
export const ICPT_PV_INSTR = 0x68;

/** Parts of the CRYCBD: address and format. */
export const CRYCBD_ADDRESS = 0x7ffffff8;
export const CRYCBD_FORMAT = 0x3;
export const CRYCB_FORMAT_0 = 0;
export const CRYCB_FORMAT_1 = 1;
export const CRYCB_FORMAT_2 = 3;
/** The bit of the CRYCBD that KVM tests for APXA. */
export const CRYCBD_APXA = 0x2;

/** Length of the CRYCB in bytes. */
export const CRYCB_BYTES = 256;
export const CRYCB_APCB0 = 0x00;
export const CRYCB_WRAPPING_KEYS = 0x48;
export const CRYCB_WRAPPING_KEY_BYTES = 56;
export const CRYCB_APCB1 = 0x80;
/** APCB0: 32 bytes with 64 adapters and 16 domains. */
export const APCB0_APM = 0x00;
export const APCB0_AQM = 0x08;
export const APCB0_ADM = 0x10;
export const APCB0_BYTES = 32;
/** APCB1: 128 bytes with 256 adapters and 256 domains. */
export const APCB1_APM = 0x00;
export const APCB1_AQM = 0x20;
export const APCB1_ADM = 0x40;
export const APCB1_BYTES = 128;

/** GISA: format 0 is 16 bytes, format 1 is 32 bytes. */
export const GISA0_BYTES = 16;
export const GISA1_BYTES = 32;
export const GISA_NEXT_ALERT = 0x00;
export const GISA_IPM = 0x04;
export const GISA0_BITS = 0x06;
export const GISA_IAM = 0x07;
export const GISA1_SIMM = 0x05;
export const GISA1_NIMM = 0x06;
export const GISA1_AISM = 0x08;
export const GISA0_AIRQ_COUNT = 0x0c;
export const GISA1_BITS = 0x10;
export const GISA1_AIRQ_COUNT = 0x1c;

/** GIB: 32 bytes; alert list origin and the host's interruption sub-class. */
export const GIB_BYTES = 32;
export const GIB_ALERT_LIST_ORIGIN = 0x00;
export const GIB_NISC = 0x08;
export const GIB_ORIGIN_EMPTY = 0;
export const GIB_ORIGIN_NONE = 1;
/** The host's interruption sub-class for GISA alerts in Linux. */
export const GAL_ISC = 5;
/** The sub-class Linux uses for AP interruptions. */
export const AP_ISC = 6;

/** Interruption word of an adapter interruption. */
export const IO_INT_WORD_ADAPTER = 0x80000000 | 0;
export const IO_INT_WORD_ISC_SHIFT = 27;
