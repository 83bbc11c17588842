// SPDX-License-Identifier: Apache-2.0
// NQAP and DQAP as a kernel's own trace has them: events s390_ap_nqap and s390_ap_dqap, in the lines of its file `trace`. What a guest's kernel
// saw and what the machine did can be laid side by side, and programs that read the one read the other.
// Source: observed of Debian's 7.3 for s390x (events/s390/s390_ap_nqap/format, trace); Linux, Documentation/trace/ftrace.rst (lines).

import type { TraceRecord } from './record.ts';

/** Columns of the lines, as the kernel heads them; how many entries there are is not known before the end. */
export const FTRACE_HEAD = `# tracer: nop
#
#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`;

/** Events by instruction. */
const EVENTS: Readonly<Record<string, string>> = { NQAP: 's390_ap_nqap', DQAP: 's390_ap_dqap' };

/** Room for a task's name; a guest's is cut as a kernel cuts it. */
const TASK_ROOM = 16;
const TASK_LONGEST = 15;
/** What the machine does not know of a guest's kernel: interruptions off, about to be scheduled, … */
const UNKNOWN_FLAGS = '.....';

/** `05.00ab` as card and domain. */
const numbersOf = (apqn: string): number[] =>
  apqn.split('.').map((part) => Number.parseInt(part, 16));

/**
 * The line of an instruction, with its end; empty for one that has no event: another than NQAP and DQAP, or one that ended with a program
 * interruption and left no status. The task is the guest, the CPU its vCPU, the time the machine's.
 */
export function ftraceText({ instruction, apqn, ...record }: TraceRecord): string {
  const event = EVENTS[instruction];
  if (event === undefined || apqn === undefined || record.program !== undefined) return '';
  const { guest, vcpu, timeNs, gr1, psmid } = record;
  const [card, domain] = numbersOf(apqn);
  const task = `${guest.slice(0, TASK_LONGEST).padStart(TASK_ROOM)}-${String(vcpu).padEnd(7)}`;
  const cpu = `[${String(vcpu).padStart(3, '0')}]`;
  const time = (Math.floor(timeNs / 1000) / 1e6).toFixed(6).padStart(12);
  const status = (gr1 >>> 0).toString(16).padStart(8, '0');
  return `${task} ${cpu} ${UNKNOWN_FLAGS} ${time}: ${event}: card=${card} dom=${domain} status=0x${status} psmid=0x${psmid}\n`;
}
