/* SPDX-License-Identifier: Apache-2.0
 *
 * A guest that executes one TAPQ again and again and writes down how long each took: TOD units, one word each, at TIMES.
 * Its bytes stand in tapq-image.ts; test/qemu/hook.test.ts compares. Loaded at CODE by benchmark.ts.
 */
	.machine "z10"
	.text
	.set	CODE, 0x2000
	.set	TIMES, 0x100000
	.set	DATA, 0x3000
	.set	COUNT_AT, 0			/* in DATA: how often; zero when done */
	.set	GR0_AT, 8			/* GR0 of the instruction */
	.set	STAMPS, 16

start:	lghi	%r8,DATA
	llgf	%r4,COUNT_AT(%r8)
	llilf	%r5,TIMES
2:	llgf	%r0,GR0_AT(%r8)
	stck	STAMPS(%r8)
	.insn	rre,0xb2af0000,%r0,%r0
	stck	STAMPS+8(%r8)
	lg	%r6,STAMPS+8(%r8)
	slg	%r6,STAMPS(%r8)
	st	%r6,0(%r5)
	aghi	%r5,4
	brctg	%r4,2b
	mvhi	COUNT_AT(%r8),0
	larl	%r1,wait
	lpswe	0(%r1)
	.align	8
wait:	.quad	0x0002000180000000,0
