/* SPDX-License-Identifier: Apache-2.0
 *
 * A test kernel that does with its lowcores what a kernel may: handlers changed in place, lowcores of its own for each CPU, AP
 * instructions where the old PSW has not been saved yet, and questions QEMU answers without the emulator: facilities, pending
 * interruptions. Two CPUs. test/linux/lowcore-kernel.test.ts states what must come out.
 */
	.machine "z10"
	.text
	.globl	_start
	.set	LC_ILC_AND_CODE, 0x8c
	.set	LC_PGM_CODE, 0x8e
	.set	LC_IO_WORD, 0xc0
	.set	LC_FACILITY_LIST, 0xc8
	.set	LC_BREAKING_EVENT, 0x110
	.set	LC_PGM_OLD, 0x150
	.set	LC_RESTART_NEW, 0x1a0
	.set	LC_PGM_NEW, 0x1d0
	.set	LC_IO_NEW, 0x1f0
	.set	APQN, 0x0504
	.set	ABSENT, 0x0747
	.set	SIGP_RESTART, 6
	.set	SIGP_SET_PREFIX, 13
	.include "test-macros.S"

	.macro	TAPQ apqn
	llilf	%r0,\apqn
	.insn	rre,0xb2af0000,%r0,%r0
	.endm
	.macro	DIVIDE
	lghi	%r3,0
	lghi	%r5,0
	dsgr	%r4,%r3
	.endm

_start:
	larl	%r15,stack_end
	/* facilities: before any handler is set */
	TEST	"stfle"
	lghi	%r0,1
	larl	%r3,buffer
	.insn	s,0xb2b00000,0(%r3)
	lg	%r1,0(%r3)
	lg	%r2,8(%r3)
	larl	%r3,facility_mask
	ng	%r1,0(%r3)
	ng	%r2,8(%r3)
	ENDTEST
	TEST	"stfl"
	.insn	s,0xb2b10000,0(%r0)
	llgf	%r1,LC_FACILITY_LIST(%r0)
	nilf	%r1,0x00090000
	ENDTEST
	larl	%r1,program_psw
	mvc	LC_PGM_NEW(16,%r0),0(%r1)

	/* what an operation exception overwrites: the instruction has none */
	TEST	"fields"
	larl	%r3,pattern
	mvc	LC_ILC_AND_CODE(4,%r0),0(%r3)
	mvc	LC_PGM_OLD(16,%r0),0(%r3)
	mvc	LC_BREAKING_EVENT(8,%r0),8(%r3)
	TAPQ	ABSENT
	llgf	%r1,LC_ILC_AND_CODE(%r0)
	lg	%r2,LC_PGM_OLD+8(%r0)
	ENDTEST
	TEST	"breaking"
	TAPQ	ABSENT
	lg	%r1,LC_BREAKING_EVENT(%r0)
	lg	%r2,LC_PGM_OLD(%r0)
	ENDTEST
	/* an exception, then an instruction without one: what is seen is the exception's */
	TEST	"seen"
	DIVIDE
	ENDTEST
	TEST	"seen2"
	TAPQ	ABSENT
	llgf	%r1,LC_ILC_AND_CODE(%r0)
	ENDTEST
	TEST	"handler"			/* its handler asks a queue before it saves the old PSW */
	larl	%r1,asking_psw
	mvc	LC_PGM_NEW(16,%r0),0(%r1)
	lghi	%r1,0
	larl	%r9,6f
	DIVIDE
6:	ENDTEST
	larl	%r1,program_psw
	mvc	LC_PGM_NEW(16,%r0),0(%r1)

	/* the mask changed in place: DAT on (the real space), DAT off */
	larl	%r3,real_space
	lctlg	%c1,%c1,0(%r3)
	TEST	"daton"
	oi	LC_PGM_NEW(%r0),0x04
	TAPQ	ABSENT
	DIVIDE
	ENDTEST
	TEST	"datoff"
	ni	LC_PGM_NEW(%r0),0xfb
	TAPQ	ABSENT
	DIVIDE
	ENDTEST

	/* a lowcore of its own, made from nothing, with a handler of its own */
	TEST	"spx"
	larl	%r3,lowcore1
	larl	%r4,other_psw
	mvc	LC_PGM_NEW(16,%r3),0(%r4)
	larl	%r4,prefix1
	st	%r3,0(%r4)
	spx	0(%r4)
	TAPQ	ABSENT
	ENDTEST
	TEST	"other"
	DIVIDE
	ENDTEST

	/* an interruption that only TPI asks for */
	TEST	"tpi0"
	larl	%r3,isc_mask
	lctlg	%c6,%c6,0(%r3)
	.insn	s,0xb2360000,0(%r0)
	ENDTEST
	brasl	%r14,enable
	brasl	%r14,send
	TEST	"tpi1"
	llilf	%r4,1000
4:	.insn	s,0xb2360000,0(%r0)
	jnz	5f
	brct	%r4,4b
5:	llgf	%r1,LC_IO_WORD(%r0)
	ENDTEST
	brasl	%r14,fetch

	/* another CPU with a lowcore of its own; the first one takes no interruption */
	larl	%r3,lowcore2
	larl	%r4,program_psw
	mvc	LC_PGM_NEW(16,%r3),0(%r4)
	larl	%r4,second_psw
	mvc	LC_RESTART_NEW(16,%r3),0(%r4)
	larl	%r4,second_io_psw
	mvc	LC_IO_NEW(16,%r3),0(%r4)
	lghi	%r2,1
	lgr	%r1,%r3
	sigp	%r0,%r2,SIGP_SET_PREFIX(%r0)
	sigp	%r0,%r2,SIGP_RESTART(%r0)
	larl	%r4,second_cc
6:	lg	%r1,0(%r4)
	ltgr	%r1,%r1
	jz	6b
	TEST	"second"
	larl	%r4,second_cc
	lg	%r1,0(%r4)
	ENDTEST
	larl	%r3,no_isc
	lctlg	%c6,%c6,0(%r3)
	brasl	%r14,send
	larl	%r4,second_word
7:	lg	%r1,0(%r4)
	ltgr	%r1,%r1
	jz	7b
	TEST	"float"
	larl	%r4,second_word
	lg	%r1,0(%r4)
	ENDTEST
	TEST	"end"
	ENDTEST
	larl	%r1,stop_psw
	lpswe	0(%r1)

/* Enables interruptions of the queue. */
enable:	llilf	%r0,0x03000000+APQN
	llilf	%r1,0x00008000
	sllg	%r1,%r1,32
	aghi	%r1,6
	larl	%r2,indicator
	.insn	rre,0xb2af0000,%r0,%r0
1:	TAPQ	APQN
	nilh	%r1,0x0100
	jz	1b
	br	%r14
/* A request the card refuses at once. */
send:	llilf	%r0,0x40000000+APQN
	larl	%r6,request
	lghi	%r7,400
	.insn	rre,0xb2ad0000,%r4,%r6
	br	%r14
fetch:	llilf	%r0,0x80000000+APQN
	larl	%r6,buffer
	lghi	%r7,4096
	.insn	rre,0xb2ae0000,%r4,%r6
	br	%r14

/* Program interruptions: the code into the report, DAT as GR1. */
program_handler:
	llgh	%r11,LC_PGM_CODE(%r0)
	larl	%r10,code
	stg	%r11,0(%r10)
	epsw	%r1,%r0
	nilf	%r1,0x04000000
	br	%r12
asking_handler:
	TAPQ	ABSENT
	lg	%r1,LC_PGM_OLD+8(%r0)
	sgr	%r1,%r9
	llgh	%r11,LC_PGM_CODE(%r0)
	larl	%r10,code
	stg	%r11,0(%r10)
	br	%r12
other_handler:
	larl	%r10,code
	llgh	%r11,LC_PGM_CODE(%r0)
	stg	%r11,0(%r10)
	lghi	%r1,0x77
	br	%r12

/* The second CPU: one instruction, then an enabled wait. */
second:	TAPQ	ABSENT
	ipm	%r1
	srl	%r1,28
	llgfr	%r1,%r1
	larl	%r3,isc_mask
	lctlg	%c6,%c6,0(%r3)
	larl	%r4,second_cc
	stg	%r1,0(%r4)
	larl	%r3,wait_psw
	lpswe	0(%r3)
second_io:
	llgf	%r1,LC_IO_WORD(%r0)
	larl	%r4,second_word
	stg	%r1,0(%r4)
	larl	%r3,idle_psw
	lpswe	0(%r3)

	.include "report.S"
	.align	16
program_psw:	.quad	0x0000000180000000,program_handler
asking_psw:	.quad	0x0000000180000000,asking_handler
other_psw:	.quad	0x0000000180000000,other_handler
second_psw:	.quad	0x0000000180000000,second
second_io_psw:	.quad	0x0000000180000000,second_io
wait_psw:	.quad	0x0202000180000000,0
idle_psw:	.quad	0x0102000180000000,0
stop_psw:	.quad	0x0002000180000000,0xfff
pattern:	.quad	0x1122334455667788,0x99aabbccddeeff00
facility_mask:	.quad	0x0009000000000000,0x4008000000000000
real_space:	.quad	0x20
isc_mask:	.quad	0x02000000
no_isc:		.quad	0
second_cc:	.quad	0
second_word:	.quad	0
indicator:	.quad	0
prefix1:	.long	0
	.align	8
request:	.byte	0,0x99
	.org	request+400
	.align	4096
buffer:	.space	4096
	.align	8192
lowcore1:	.space	8192
lowcore2:	.space	8192
