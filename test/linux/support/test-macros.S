/* SPDX-License-Identifier: Apache-2.0
 *
 * What test kernels have in common: tests that print one line each, `name pgm cc gr1 gr2`, through SCLP (ASCII console).
 */
	.set	SCLP_WRITE_EVENT_DATA, 0x00760005

	/* Runs what follows up to ENDTEST, then prints. */
	.macro	TEST name
	lghi	%r1,0
	lghi	%r2,0
	larl	%r13,9f
	larl	%r12,8f
	j	7f
9:	.ascii	"\name"
	.org	9b+8,0x20
7:
	.endm
	.macro	ENDTEST
8:	brasl	%r14,report
	.endm

