/* SPDX-License-Identifier: Apache-2.0
 *
 * The routine that catches AP instructions inside the guest: it lies in guest memory the kernel does not own, is entered through
 * the program-new and restart-new PSWs of every lowcore, and hands the registers to the emulator through a mailbox.
 * Its bytes stand in hook-image.ts; test/qemu/hook.test.ts assembles this file and compares. The numbers are those of
 * ../layout.ts, the same test compares them too.
 *
 * It runs with DAT off and, except for machine checks, disabled. Storage operands without a base register name this CPU's own
 * lowcore (prefixing), so all sixteen registers can be saved without losing one. PC-relative only: it works at any page.
 * Source: z/Architecture lowcore assignments as listed in docs/reference/qemu-attach.md sections 5 and 6.
 */
	.machine "z10"
	.text

/* lowcore: architected */
	.set	LC_ILC_AND_CODE, 0x8c
	.set	LC_ILC, 0x8d
	.set	LC_PGM_CODE, 0x8e
	.set	LC_BREAKING_EVENT, 0x110
	.set	LC_RESTART_OLD, 0x120
	.set	LC_PGM_OLD, 0x150
	.set	LC_IO_NEW, 0x1f0
/* lowcore: scratch, in the part both the architecture and Linux leave unused */
	.set	LC_PGM_SAVE, 0x800		/* 16 registers */
	.set	LC_PGM_PSW, 0x880
	.set	LC_PGM_CLOCK, 0x890		/* now, deadline */
	.set	LC_PGM_CPU, 0x8a0
	.set	LC_OWN_PROGRAM, 0x8b0		/* the guest's own PSWs of this lowcore; zeros: those of the area */
	.set	LC_OWN_RESTART, 0x8c0
	.set	LC_SEEN_CODE, 0x8d0		/* what the guest has seen last of what an operation exception overwrites */
	.set	LC_SEEN_BREAKING_EVENT, 0x8d8
	.set	LC_SEEN_PGM_OLD, 0x8e0
	.set	LC_LOOK_ASCE, 0x8f0
	.set	LC_RST_ENTRY, 0x900		/* registers at entry */
	.set	LC_RST_SAVE, 0x980		/* those of the interrupted program */
	.set	LC_NEST_SAVE, 0xa00		/* those of the hook, interrupted by a restart */
	.set	LC_RST_PSW, 0xa80
	.set	LC_NEST_PSW, 0xa90
	.set	LC_CHAIN_PSW, 0xaa0
	.set	LC_RST_CLOCK, 0xab0
	.set	LC_RST_CPU, 0xac0
/* mailbox of one CPU */
	.set	MB_SHIFT, 9
	.set	MB_REQUEST, 0x00
	.set	MB_ANSWER, 0x04
	.set	MB_WITHDRAWN, 0x08
	.set	MB_ACTION, 0x0c
	.set	MB_GR, 0x10
	.set	MB_PSW, 0x90
	.set	MB_CR, 0xa0
	.set	MB_PREFIX, 0x120
	.set	MB_ILC_AND_CODE, 0x124
	.set	MB_ARMED, 0x140
	.set	MB_RST_REQUEST, 0x144
	.set	MB_RST_ANSWER, 0x148
	.set	MB_RST_ACTION, 0x14c
	.set	MB_RST_PSW, 0x150
	.set	MB_RST_CR, 0x160
	.set	MB_RST_PREFIX, 0x1e0
	.set	MB_RST_NESTED, 0x1e4
/* values */
	.set	CODE_OPERATION, 1
	.set	PSW_DAT, 0x04			/* in byte 0 of a PSW */
	.set	PSW_HOME_SPACE, 0xc0		/* in byte 2 */
	.set	ASCE_REAL_SPACE, 0x20
	.set	ASCE_TYPE, 0x0c
	.set	ENTRY_INVALID, 0x20
	.set	ENTRY_FRAME, 0x400
	.set	PAGE_INVALID, 0x400
	.set	OPCODE_NQAP, 0xb2ad		/* DQAP and PQAP follow */
	.set	OPCODE_EX, 0x44
	.set	OPCODE_EXRL, 0xc6
	.set	ACTION_RESUME, 0
	.set	ACTION_REFLECT, 1
	.set	ACTION_IO, 2
	.set	SPINS, 1024			/* looks between two looks at the clock */
	.set	CODE_SIZE, 0x700
	.set	AREA_MAILBOXES, 0x1000
	.set	AREA_SIZE, 0x100000

/* Program interruption. Anything but an operation exception goes on as if we were not here. */
program:
	stmg	%r0,%r15,LC_PGM_SAVE(%r0)
	clhhsi	LC_PGM_CODE(%r0),CODE_OPERATION
	jne	reflect
	larl	%r13,silent
	cli	0(%r13),0			/* the emulator has gone: do not wait for it again */
	jne	reflect
	/* Is it one of ours? What cannot be told here, the emulator decides. */
	llgc	%r5,LC_ILC(%r0)
	chi	%r5,4
	jl	reflect				/* the AP instructions have four bytes, EXECUTE four or six */
	larl	%r8,program+AREA_SIZE		/* no storage from here on */
	lg	%r4,LC_PGM_OLD+8(%r0)
	sgr	%r4,%r5
	tm	LC_PGM_OLD(%r0),PSW_DAT
	jz	fetch
	/* Translation, as QEMU's LRA translates nothing while DAT is off. Instructions come from the home space or the primary. */
	stctg	%c1,%c1,LC_LOOK_ASCE(%r0)
	tm	LC_PGM_OLD+2(%r0),PSW_HOME_SPACE
	jno	10f
	stctg	%c13,%c13,LC_LOOK_ASCE(%r0)
10:	lg	%r3,LC_LOOK_ASCE(%r0)
	tmll	%r3,ASCE_REAL_SPACE
	jnz	fetch
	lghi	%r5,ASCE_TYPE			/* the shift of the highest index: 20 for a segment table, 11 more for each level above */
	ngr	%r5,%r3
	srl	%r5,2
	mhi	%r5,11
	ahi	%r5,20
11:	nill	%r3,0xf000
	srlg	%r6,%r4,0(%r5)
	nilf	%r6,0x7ff
	nihf	%r6,0
	sllg	%r6,%r6,3
	agr	%r3,%r6
	clgr	%r3,%r8
	jhe	ours
	lg	%r3,0(%r3)
	tmll	%r3,ENTRY_INVALID
	jnz	ours
	chi	%r5,31
	jh	12f
	tmll	%r3,ENTRY_FRAME			/* a frame of 2 GiB or 1 MiB */
	jnz	13f
12:	ahi	%r5,-11
	chi	%r5,20
	jhe	11b
	nill	%r3,0xf800
	srlg	%r6,%r4,9			/* the page's index, times 8 */
	nihf	%r6,0
	nilf	%r6,0x7f8
	agr	%r3,%r6
	clgr	%r3,%r8
	jhe	ours
	lg	%r3,0(%r3)
	tmll	%r3,PAGE_INVALID
	jnz	ours
	lhi	%r5,12
13:	srlg	%r3,%r3,0(%r5)			/* the frame, then the part of the address within it */
	sllg	%r3,%r3,0(%r5)
	lghi	%r6,-1
	sllg	%r6,%r6,0(%r5)
	xihf	%r6,0xffffffff
	xilf	%r6,0xffffffff
	ngr	%r4,%r6
	ogr	%r4,%r3
fetch:	clgr	%r4,%r8
	jhe	ours
	llgh	%r4,0(%r4)
	lr	%r5,%r4
	srl	%r5,8
	afi	%r4,-OPCODE_NQAP
	clfi	%r4,2
	jle	ours
	chi	%r5,OPCODE_EX
	je	ours
	chi	%r5,OPCODE_EXRL
	jne	reflect
ours:	stap	LC_PGM_CPU(%r0)
	llgh	%r1,LC_PGM_CPU(%r0)
	sllg	%r1,%r1,MB_SHIFT
	larl	%r2,program+AREA_MAILBOXES
	agr	%r1,%r2
	mvc	MB_GR(128,%r1),LC_PGM_SAVE(%r0)
	mvc	MB_PSW(16,%r1),LC_PGM_OLD(%r0)
	stctg	%c0,%c15,MB_CR(%r1)
	stpx	MB_PREFIX(%r1)
	mvc	MB_ILC_AND_CODE(4,%r1),LC_ILC_AND_CODE(%r0)
	l	%r2,MB_REQUEST(%r1)
	ahi	%r2,1
	bcr	15,%r0				/* everything above is stored before the request is */
	st	%r2,MB_REQUEST(%r1)
	stck	LC_PGM_CLOCK(%r0)
	lg	%r3,LC_PGM_CLOCK(%r0)
	larl	%r13,patience
	alg	%r3,0(%r13)
	stg	%r3,LC_PGM_CLOCK+8(%r0)
1:	lhi	%r3,SPINS
2:	cl	%r2,MB_ANSWER(%r1)
	je	answered
	brct	%r3,2b
	stck	LC_PGM_CLOCK(%r0)
	clc	LC_PGM_CLOCK(8,%r0),LC_PGM_CLOCK+8(%r0)
	jl	1b
	st	%r2,MB_WITHDRAWN(%r1)
	larl	%r13,silent
	mvi	0(%r13),1
	/* falls through: the guest's own handler takes the operation exception */
reflect:
	mvc	LC_SEEN_CODE(4,%r0),LC_ILC_AND_CODE(%r0)
	mvc	LC_SEEN_BREAKING_EVENT(8,%r0),LC_BREAKING_EVENT(%r0)
	mvc	LC_SEEN_PGM_OLD(16,%r0),LC_PGM_OLD(%r0)
	lghi	%r1,LC_OWN_PROGRAM
	lg	%r2,0(%r1)
	og	%r2,8(%r1)
	jnz	14f
	larl	%r1,original_program
14:	mvc	LC_PGM_PSW(16,%r0),0(%r1)
	lmg	%r0,%r15,LC_PGM_SAVE(%r0)
	lpswe	LC_PGM_PSW(%r0)
answered:
	cli	MB_ACTION+3(%r1),ACTION_REFLECT
	je	reflect
	cli	MB_ACTION+3(%r1),ACTION_IO
	je	3f
	mvc	LC_PGM_PSW(16,%r0),MB_PSW(%r1)
	lmg	%r0,%r15,MB_GR(%r1)
	lpswe	LC_PGM_PSW(%r0)
3:	lmg	%r0,%r15,MB_GR(%r1)		/* the emulator has stored the I/O old PSW and its parameters */
	lpswe	LC_IO_NEW(%r0)

/* Restart interruption: ours when the mailbox is armed, else the guest's own.
 *
 * The emulator sends no second one while the mailbox is armed or a request is open, but it may do so before this CPU has left the
 * hook. Both ways out therefore take all they need from storage of their own and can be begun again from their start.
 */
	.org	program+0x280
restart:
	stmg	%r0,%r15,LC_RST_ENTRY(%r0)
	stap	LC_RST_CPU(%r0)
	llgh	%r1,LC_RST_CPU(%r0)
	sllg	%r1,%r1,MB_SHIFT
	larl	%r2,program+AREA_MAILBOXES
	agr	%r1,%r2
	clfhsi	MB_ARMED(%r1),1
	je	4f
	lghi	%r1,LC_OWN_RESTART
	lg	%r2,0(%r1)
	og	%r2,8(%r1)
	jnz	15f
	larl	%r1,original_restart
15:	mvc	LC_CHAIN_PSW(16,%r0),0(%r1)
	lmg	%r0,%r15,LC_RST_ENTRY(%r0)
	lpswe	LC_CHAIN_PSW(%r0)
4:	lg	%r3,LC_RESTART_OLD+8(%r0)
	larl	%r4,program
	lgr	%r5,%r3
	slgr	%r5,%r4
	clgfi	%r5,CODE_SIZE
	jhe	5f
	/* It interrupted this routine, which must not wait in there: back to where it was. */
	l	%r2,MB_RST_NESTED(%r1)
	ahi	%r2,1
	st	%r2,MB_RST_NESTED(%r1)
	larl	%r4,nested_out
	larl	%r5,nested_end
	clgr	%r3,%r4
	jl	9f
	clgr	%r3,%r5
	jl	disarm				/* on the way out of the same case: begin that again */
9:	larl	%r4,restart_out
	larl	%r5,restart_end
	clgr	%r3,%r4
	jl	9f
	clgr	%r3,%r5
	jhe	9f
	mvhi	MB_ARMED(%r1),0			/* on the way out of the other: begin that again */
	j	restart_out
9:	mvc	LC_NEST_SAVE(128,%r0),LC_RST_ENTRY(%r0)
	mvc	LC_NEST_PSW(16,%r0),LC_RESTART_OLD(%r0)
disarm:	mvhi	MB_ARMED(%r1),0
nested_out:
	lmg	%r0,%r15,LC_NEST_SAVE(%r0)
	lpswe	LC_NEST_PSW(%r0)
nested_end:
5:	mvc	LC_RST_SAVE(128,%r0),LC_RST_ENTRY(%r0)
	mvc	LC_RST_PSW(16,%r0),LC_RESTART_OLD(%r0)
	mvc	MB_RST_PSW(16,%r1),LC_RESTART_OLD(%r0)
	stctg	%c0,%c15,MB_RST_CR(%r1)
	stpx	MB_RST_PREFIX(%r1)
	l	%r2,MB_RST_REQUEST(%r1)
	ahi	%r2,1
	mvhi	MB_ARMED(%r1),0
	bcr	15,%r0
	st	%r2,MB_RST_REQUEST(%r1)
	stck	LC_RST_CLOCK(%r0)
	lg	%r3,LC_RST_CLOCK(%r0)
	larl	%r13,patience
	alg	%r3,0(%r13)
	stg	%r3,LC_RST_CLOCK+8(%r0)
6:	lhi	%r3,SPINS
7:	cl	%r2,MB_RST_ANSWER(%r1)
	je	restart_out
	brct	%r3,7b
	stck	LC_RST_CLOCK(%r0)
	clc	LC_RST_CLOCK(8,%r0),LC_RST_CLOCK+8(%r0)
	jl	6b
	ahi	%r2,1				/* withdrawn: an even later answer finds another number */
	mvhi	MB_RST_ACTION(%r1),ACTION_RESUME
	st	%r2,MB_RST_REQUEST(%r1)
	st	%r2,MB_RST_ANSWER(%r1)
	larl	%r13,silent
	mvi	0(%r13),1
restart_out:					/* R1 is all it needs of the registers */
	cli	MB_RST_ACTION+3(%r1),ACTION_IO
	lmg	%r0,%r15,LC_RST_SAVE(%r0)
	jne	8f
	lpswe	LC_IO_NEW(%r0)
8:	lpswe	LC_RST_PSW(%r0)
restart_end:

/* Parameters, written by the emulator when it attaches. */
	.org	program+CODE_SIZE
original_program:
	.quad	0,0
original_restart:
	.quad	0,0
patience:
	.quad	0				/* TOD units: 4096 are one microsecond */
silent:
	.byte	0,0,0,0,0,0,0,0
