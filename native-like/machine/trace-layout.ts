// SPDX-License-Identifier: Apache-2.0
// The map of a trace record: an executed AP instruction, or a request that an adapter has taken.
// Source: docs/reference/performance.md section 3 (trace region). Status: choice.

/** Trace record, 40 bytes. Each thread has a ring of C_TRACE_RECORDS records; its n-th record is at place n modulo the ring's size. */
export const TRACE_WORDS = 10;
/** Word index of the vCPU; 0 = the record is about a request that an adapter has taken. */
export const R_VCPU = 0;
export const R_INSTRUCTION = 1;
/** GR0 bits 32-63 before the instruction, then GR1 bits 32-63 after it. */
export const R_GR0 = 2;
export const R_GR1 = 3;
/** EXECUTE_*, with the program-interruption code << 8 if there was one. */
export const R_ENDED = 4;
/** PSW bits 0-31 after the instruction. */
export const R_PSW = 5;
/** The thread's time in nanoseconds, a double. In a request's record: when the request was accepted. */
export const R_TIME = 6;
/** Bits 32-63 of the two registers at R1 after the instruction, which are the PSMID of NQAP and DQAP. */
export const R_PSMID_HIGH = 8;
export const R_PSMID_LOW = 9;

/** In a request's record: APQN of its queue; then doubles, the times when an engine begins with it and when the reply is there. */
export const R_APQN = 1;
export const R_BEGUN = 2;
export const R_READY = 4;
