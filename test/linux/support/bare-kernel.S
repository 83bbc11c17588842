/* SPDX-License-Identifier: Apache-2.0
 *
 * A test kernel without an operating system: DAT off, no restart PSW. It executes AP instructions and prints one line for each,
 * `name pgm cc gr1 gr2`, through SCLP (ASCII console). test/linux/bare-kernel.test.ts states what must come out.
 * It waits for nothing: its first AP instruction follows at once when its handlers are set.
 */
	.machine "z10"
	.text
	.globl	_start
	.include "test-macros.S"
	.set	LC_PGM_CODE, 0x8e
	.set	LC_PGM_OLD, 0x150
	.set	LC_PGM_NEW, 0x1d0
	.set	LC_IO_NEW, 0x1f0
	.set	LC_IO_WORD, 0xc0
	.set	APQN, 0x0504
	.set	ABSENT, 0x0747

	/* One instruction in the problem state. */
	.macro	PROBLEM name, gr0, opcode, r1, r2
	TEST	"p\name"
	llilf	%r0,\gr0
	larl	%r3,problem_psw
	larl	%r4,3f
	stg	%r4,8(%r3)
	lpswe	0(%r3)
3:	.insn	rre,\opcode,\r1,\r2
	ENDTEST
	.endm

_start:
	larl	%r1,program_psw
	mvc	LC_PGM_NEW(16,%r0),0(%r1)
	larl	%r1,io_psw
	mvc	LC_IO_NEW(16,%r0),0(%r1)
	larl	%r15,stack_end
	TEST	"tapq"
	llilf	%r0,0x00800000+APQN
	.insn	rre,0xb2af0000,%r0,%r0
	ENDTEST
	TEST	"absent"
	llilf	%r0,ABSENT
	.insn	rre,0xb2af0000,%r0,%r0
	ENDTEST
	TEST	"fc42"
	llilf	%r0,0x2a000000+APQN
	.insn	rre,0xb2af0000,%r0,%r0
	ENDTEST
	TEST	"oddreg"
	llilf	%r0,0x40000000+APQN
	lghi	%r6,0x2000
	lghi	%r7,64
	.insn	rre,0xb2ad0000,%r3,%r6
	ENDTEST
	TEST	"zerolen"
	llilf	%r0,0x80000000+APQN
	lghi	%r6,0x2000
	lghi	%r7,0
	.insn	rre,0xb2ae0000,%r4,%r6
	ENDTEST
	TEST	"outside"
	llilf	%r0,0x40000000+APQN
	llihf	%r6,0x100
	lghi	%r7,64
	.insn	rre,0xb2ad0000,%r4,%r6
	ENDTEST
	TEST	"invalid"
	.short	0x0000
	nop
	ENDTEST
	TEST	"divide"
	lghi	%r3,0
	lghi	%r5,0
	dsgr	%r4,%r3
	ENDTEST
	/* what kvm-unit-tests asks of the exceptions of AP instructions, one of each kind */
	TEST	"gr0bit"
	llilf	%r0,0x00400000+APQN
	.insn	rre,0xb2af0000,%r0,%r0
	ENDTEST
	TEST	"align"
	llilf	%r0,0x04000000
	larl	%r2,buffer
	aghi	%r2,4
	.insn	rre,0xb2af0000,%r0,%r0
	ENDTEST
	TEST	"oddr2"
	llilf	%r0,0x80000000+APQN
	.insn	rre,0xb2ae0000,%r2,%r7
	ENDTEST
	PROBLEM	"pqap", 0x04000000, 0xb2af0000, %r0, %r0
	PROBLEM	"nqap", 0, 0xb2ad0000, %r0, %r2
	PROBLEM	"dqap", 0, 0xb2ae0000, %r0, %r2
	TEST	"ex"				/* the target becomes PQAP by the byte of R3 */
	llilf	%r0,0x00800000+APQN
	lghi	%r3,0x0f
	larl	%r4,almost_pqap
	ex	%r3,0(%r4)
	ENDTEST
	TEST	"exrl"
	llilf	%r0,ABSENT
	exrl	%r0,pqap
	ENDTEST
	TEST	"exspec"
	llilf	%r0,0x2a000000+APQN
	exrl	%r0,pqap
	ENDTEST
	TEST	"again"				/* the handler is set anew */
	larl	%r1,program_psw
	mvc	LC_PGM_NEW(16,%r0),0(%r1)
	llilf	%r0,ABSENT
	.insn	rre,0xb2af0000,%r0,%r0
	ENDTEST
	TEST	"qci"
	llilf	%r0,0x04000000
	larl	%r2,buffer
	.insn	rre,0xb2af0000,%r0,%r0
	ipm	%r5
	larl	%r2,buffer
	lg	%r1,0(%r2)
	lg	%r2,0x10(%r2)
	spm	%r5
	ENDTEST
	TEST	"aqic"
	llilf	%r0,0x03000000+APQN
	llilf	%r1,0x00008000
	sllg	%r1,%r1,32
	aghi	%r1,6
	larl	%r2,indicator
	.insn	rre,0xb2af0000,%r0,%r0
	lghi	%r2,0
	ENDTEST
	/* the enablement may take a while */
	llilf	%r4,1000000
4:	llilf	%r0,APQN
	.insn	rre,0xb2af0000,%r0,%r0
	tmll	%r1,0
	nilh	%r1,0x0100
	tmlh	%r1,0x0100
	jnz	5f
	brct	%r4,4b
5:	TEST	"irqon"
	llilf	%r0,APQN
	.insn	rre,0xb2af0000,%r0,%r0
	ENDTEST
	/* a request the card refuses: its reply raises the interruption */
	TEST	"nqap"
	llilf	%r0,0x40000000+APQN
	lghi	%r4,0x11
	lghi	%r5,0x22
	larl	%r6,request
	lghi	%r7,400
	.insn	rre,0xb2ad0000,%r4,%r6
	ENDTEST
	TEST	"iomask"				/* disabled so far: open ISC 6 and wait */
	larl	%r3,isc_mask
	lctlg	%c6,%c6,0(%r3)
	larl	%r3,wait_psw
	lpswe	0(%r3)
	ENDTEST
	TEST	"dqap"
	llilf	%r0,0x80000000+APQN
	lghi	%r4,0
	lghi	%r5,0
	larl	%r6,buffer
	lghi	%r7,4096
	.insn	rre,0xb2ae0000,%r4,%r6
	ipm	%r3
	lgr	%r2,%r5
	spm	%r3
	ENDTEST
finish:	TEST	"end"
	ENDTEST
	larl	%r1,stop_psw
	lpswe	0(%r1)

/* Any program interruption: the code into the report, then go on behind the test, in supervisor state. */
program_handler:
	llgh	%r11,LC_PGM_CODE(%r0)
	larl	%r10,code
	stg	%r11,0(%r10)
	br	%r12
/* The I/O interruption: word and indicator byte are what the test shows. */
io_handler:
	llgf	%r1,LC_IO_WORD(%r0)
	larl	%r2,indicator
	llgc	%r2,0(%r2)
	br	%r12

	.include "report.S"
	.align	8
pqap:	.insn	rre,0xb2af0000,%r0,%r0
almost_pqap:	.insn	rre,0xb2a00000,%r0,%r0
	.align	16
program_psw:	.quad	0x0000000180000000,program_handler
io_psw:		.quad	0x0000000180000000,io_handler
problem_psw:	.quad	0x0001000180000000,0
wait_psw:	.quad	0x0202000180000000,0
stop_psw:	.quad	0x0002000180000000,0xfff
isc_mask:	.quad	0x02000000
indicator:	.quad	0
	.align	8
request:	.byte	0,0x99
	.org	request+400
	.align	4096
buffer:	.space	4096
