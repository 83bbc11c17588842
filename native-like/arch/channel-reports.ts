// SPDX-License-Identifier: Apache-2.0
// Channel report words, and the blocks of CHANNEL SUBSYSTEM CALL with its command store event information.
// Source: docs/reference/config-change.md section 2 (Linux asm/crw.h; drivers/s390/cio/chsc.c: struct chsc_sei).
// Status: architected as Linux uses it.

/** Channel report word: reporting-source code in bits 4-7; the channel subsystem's own with the rest zero: event information is pending. */
export const CRW_SOURCE_MASK = 0x0f000000;
export const CRW_SOURCE_CSS = 0x0b000000;
export const CRW_BYTES = 4;

/** Request block: length, command. The response block follows it. */
export const CHSC_COMMAND = 2;
export const CHSC_REQUEST_BYTES_MIN = 16;
export const CHSC_REQUEST_BYTES_MAX = 4088;
export const CHSC_COMMAND_SEI = 0x000e;

/** Offsets in the response block: length, then code. */
export const CHSC_CODE = 2;
export const CHSC_RESPONSE_BYTES_MIN = 8;
export const CHSC_CODE_STORED = 0x0001;
export const CHSC_CODE_UNKNOWN_COMMAND = 0x0004;
export const CHSC_CODE_NOTHING_STORED = 0x0005;

/** Event information in a response: notification type, flags, reporting source, content code. */
export const SEI_NOTIFICATION_TYPE = 7;
export const SEI_FLAGS = 8;
export const SEI_SOURCE = 10;
export const SEI_CONTENT = 11;
export const SEI_BYTES = 12;
/** Flag that says that more events wait. */
export const SEI_FLAG_MORE = 0x80;
/** Reporting source that stands for AP. */
export const SEI_SOURCE_AP = 5;
/** Content: the AP configuration has changed. */
export const SEI_CONTENT_AP_CONFIGURATION = 3;
