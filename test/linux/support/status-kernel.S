/* SPDX-License-Identifier: Apache-2.0
 *
 * Ends as kvm-unit-tests do: the exit code, times two and plus one, as the last line of the console.
 */
	.machine "z10"
	.text
	.globl	_start
	.include "test-macros.S"
_start:	larl	%r2,sccb
	llilf	%r1,SCLP_WRITE_EVENT_DATA
	.insn	rre,0xb2200000,%r1,%r2
	larl	%r1,stop_psw
	lpswe	0(%r1)
	.align	16
stop_psw:	.quad	0x0002000180000000,0xfff
	.align	4096
sccb:	.short	sccb_end-sccb
	.byte	0,0,0,0,0,0
	.short	sccb_end-event
event = . - 2
	.byte	0x1a,0
	.short	0
	.ascii	"PASS: something\nEXIT: STATUS=7\n"
sccb_end:
