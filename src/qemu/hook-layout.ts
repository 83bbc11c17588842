// SPDX-License-Identifier: Apache-2.0
// Where things are: architected lowcore fields, the words that the hook uses in a lowcore, the hook area, and the mailbox of one CPU. The
// names are those of hook/hook.S, and a test compares every number with the assembled symbols.
// Source: z/Architecture lowcore assignments as listed in docs/reference/qemu-attach.md section 6; area and mailbox are ours.

/** Architected lowcore offsets. */
export const LOWCORE = {
  LC_ILC_AND_CODE: 0x8c,
  LC_PGM_CODE: 0x8e,
  LC_TEID: 0xa8,
  LC_IO_PARAMETERS: 0xb8,
  LC_IO_WORD: 0xc0,
  LC_FACILITY_LIST: 0xc8,
  LC_BREAKING_EVENT: 0x110,
  LC_RESTART_OLD: 0x120,
  LC_PGM_OLD: 0x150,
  LC_IO_OLD: 0x170,
  LC_RESTART_NEW: 0x1a0,
  LC_PGM_NEW: 0x1d0,
  LC_IO_NEW: 0x1f0,
} as const;

/** What the hook keeps in each lowcore, in the part that the architecture and Linux leave unused. */
export const SCRATCH = {
  LC_OWN_PROGRAM: 0x8b0,
  LC_OWN_RESTART: 0x8c0,
  LC_SEEN_CODE: 0x8d0,
  LC_SEEN_BREAKING_EVENT: 0x8d8,
  LC_SEEN_PGM_OLD: 0x8e0,
  LC_RST_SAVE: 0x980,
  LC_RST_PSW: 0xa80,
} as const;

/** Bytes of a PSW. */
export const PSW_BYTES = 16;

/** Length of a prefix area: prefixing swaps that many bytes with those at absolute zero. */
export const PREFIX_AREA_BYTES = 0x2000;

/** Lowcores lie below 2 GiB: the prefix register has 31 bits. */
export const PREFIX_LIMIT = 0x80000000;

/** Offsets in the hook area, which begins on a page boundary: code, parameters, mailboxes. */
export const AREA = {
  CODE_SIZE: 0x700,
  original_program: 0x700,
  original_restart: 0x710,
  patience: 0x720,
  silent: 0x728,
  program: 0x000,
  restart: 0x280,
  AREA_MAILBOXES: 0x1000,
} as const;

/** Bytes that `mem=` keeps from the kernel for the hook area. It is one MiB because `mem=` counts in MiB. */
export const AREA_BYTES = 0x100000;

/** Number of mailboxes, one for each CPU address: more than QEMU's limit of 248. */
export const MAILBOX_COUNT = 256;

/** Bytes from one mailbox to the next. */
export const MAILBOX_BYTES = 512;

/** Offsets in the mailbox of one CPU. All fields are big-endian words, except the arrays of registers (doublewords). */
export const MAILBOX = {
  MB_REQUEST: 0x00,
  MB_ANSWER: 0x04,
  MB_WITHDRAWN: 0x08,
  MB_ACTION: 0x0c,
  MB_GR: 0x10,
  MB_PSW: 0x90,
  MB_CR: 0xa0,
  MB_PREFIX: 0x120,
  MB_ILC_AND_CODE: 0x124,
  MB_ARMED: 0x140,
  MB_RST_REQUEST: 0x144,
  MB_RST_ANSWER: 0x148,
  MB_RST_ACTION: 0x14c,
  MB_RST_PSW: 0x150,
  MB_RST_CR: 0x160,
  MB_RST_PREFIX: 0x1e0,
  MB_RST_NESTED: 0x1e4,
} as const;

/** What the emulator tells the hook to do: go on after the instruction. */
export const ACTION_RESUME = 0;
/** Go on at the guest's own handler, whose program-new PSW it had set (program hook only). */
export const ACTION_REFLECT = 1;
/** Take the I/O interruption whose old PSW and parameters have been stored. */
export const ACTION_IO = 2;

/** Mask of the PSW under which the hook runs, high and low word: DAT off, disabled, 64-bit addressing. */
export const HOOK_PSW_MASK = [0x00000001, 0x80000000] as const;

/** TOD clock units in a millisecond: bit 51 is a microsecond. Source: z/Architecture, TOD clock format. */
export const TOD_UNITS_PER_MS = 4_096_000;
