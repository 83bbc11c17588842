// SPDX-License-Identifier: Apache-2.0
// How the execution of an instruction ends: what `execute` and the run loop of a kernel instance return, and trace records keep.
// Source: docs/design.md section 2 (the result of an instruction is an integer). Status: choice.

export const EXECUTE_COMPLETED = 0;
/** The instruction ended with a program interruption; V_EXIT has its code. */
export const EXECUTE_PROGRAM = 1;
/** The host has to execute the instruction: V_EXIT has the interception code, V_INSTRUCTION the instruction. */
export const EXECUTE_INTERCEPT = 2;
/** From the run loop only: the instruction at the PSW address is not an AP instruction, or is outside storage. */
export const EXECUTE_OTHER = 3;
/** From the run loop only: the vCPU's event word is not zero. */
export const EXECUTE_EVENT = 4;
