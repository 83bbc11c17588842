/* SPDX-License-Identifier: Apache-2.0
 *
 * The lines of test kernels: subroutines and data. Needs test-macros.S.
 */
/* Prints `name pgm cc gr1 gr2`. Uses everything but R15. */
report:
	stmg	%r1,%r2,8(%r15)
	ipm	%r3
	srl	%r3,28
	stg	%r3,0(%r15)
	larl	%r10,line
	mvc	0(8,%r10),0(%r13)
	larl	%r9,code
	lg	%r1,0(%r9)
	mvghi	0(%r9),0
	lghi	%r2,4
	aghi	%r10,9
	brasl	%r11,hex
	lg	%r1,0(%r15)
	lghi	%r2,1
	aghi	%r10,1
	brasl	%r11,hex
	lg	%r1,8(%r15)
	lghi	%r2,16
	aghi	%r10,1
	brasl	%r11,hex
	lg	%r1,16(%r15)
	lghi	%r2,16
	aghi	%r10,1
	brasl	%r11,hex
	llilf	%r1,SCLP_WRITE_EVENT_DATA
	larl	%r2,sccb
	xc	6(2,%r2),6(%r2)
	.insn	rre,0xb2200000,%r1,%r2
	br	%r14
/* R1 as R2 digits at R10, which moves on. */
hex:	sllg	%r3,%r2,2
	lghi	%r4,64
	sgr	%r4,%r3
	sllg	%r1,%r1,0(%r4)
	larl	%r5,digits
1:	lghi	%r0,0
	srlg	%r4,%r1,60
	ic	%r3,0(%r4,%r5)
	stc	%r3,0(%r10)
	aghi	%r10,1
	sllg	%r1,%r1,4
	brct	%r2,1b
	br	%r11

	.align	8
code:		.quad	0
stack_end:	.quad	0,0,0
digits:		.ascii	"0123456789abcdef"
	.align	16
sccb:	.short	sccb_end-sccb
	.byte	0,0,0,0,0,0
	.short	sccb_end-event
event = . - 2
	.byte	0x1a,0
	.short	0
line:	.ascii	"name     pgm_ c gr1_gr1_gr1_gr1_ gr2_gr2_gr2_gr2_\r\n"
sccb_end:
	.align	8
