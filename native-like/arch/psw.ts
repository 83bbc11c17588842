// SPDX-License-Identifier: Apache-2.0
// Bits of the program-status word that AP instructions look at or change, and of control register 6, which masks I/O interruptions with it.
// Source: z/Architecture Principles of Operation, "Program-Status-Word Format". Status: architected.

/** PSW bits 0-31: DAT 5, I/O mask 6, external mask 7, machine-check mask 13, problem state 15, condition code 18-19, EA 31. Bit 32 (low half): BA. */
export const PSW_DAT = 0x04000000;
export const PSW_IO = 0x02000000;
export const PSW_EXTERNAL = 0x01000000;
/** Machine checks, bit 13. */
export const PSW_MACHINE_CHECK = 0x00040000;
/** Wait state, bit 14. */
export const PSW_WAIT = 0x00020000;
export const PSW_PROBLEM = 0x00010000;
/** Address space, bits 16-17. */
export const PSW_SPACE = 0x0000c000;
export const PSW_CC = 0x00003000;
export const PSW_CC_SHIFT = 12;
export const PSW_EA = 0x00000001;
export const PSW_BA = 0x80000000 | 0;

/** Control register 6 bits 32-39: a bit for each interruption sub-class. */
export const CR6_SUBCLASSES = 0xff000000 | 0;

/** Bytes of lowcore that hold codes, old and new PSWs: an interruption touches no others. */
export const LOWCORE_BYTES = 0x200;
