// SPDX-License-Identifier: Apache-2.0
// The parts of the guest's CPUs that decide which of them takes an interruption, as QEMU's monitor reports them: state, PSW mask, CR6.
// Source: QEMU, `info registers` of s390x (target/s390x/cpu-dump.c), QMP reference query-cpus-fast.

import { PSW_EXTERNAL, PSW_IO } from '../../native-like/arch/psw.ts';
import type { Monitor } from './qmp.ts';

/** One CPU of a guest. */
export interface CpuRegisters {
  /** CPU address. */
  readonly cpu: number;
  /** High word of the PSW mask. */
  readonly mask: number;
  /** Low word of CR6: the interruption-subclass mask. */
  readonly cr6: number;
  /** Low word of CR14: machine checks. */
  readonly cr14: number;
}

/** The bits of every ISC in CR6. */
export const ANY_ISC = 0xff000000;

const CPU_HEADING = /^CPU#(\d+)/;
const PSW_MASK = /^PSW=mask ([0-9a-f]{8})[0-9a-f]{8}/m;
const CR6 = /\bC06=[0-9a-f]{8}([0-9a-f]{8})/;
const CR14 = /\bC14=[0-9a-f]{8}([0-9a-f]{8})/;

/** Parses the output of `info registers -a`. A CPU whose text is not understood is left out. */
function parseRegisters(text: string): CpuRegisters[] {
  const found: CpuRegisters[] = [];
  for (const part of text.split(/^(?=CPU#)/m)) {
    const cpu = CPU_HEADING.exec(part)?.[1];
    const mask = PSW_MASK.exec(part)?.[1];
    const cr6 = CR6.exec(part)?.[1];
    const cr14 = CR14.exec(part)?.[1] ?? '0';
    if (cpu === undefined || mask === undefined || cr6 === undefined) continue;
    found.push({
      cpu: Number(cpu),
      mask: Number.parseInt(mask, 16),
      cr6: Number.parseInt(cr6, 16),
      cr14: Number.parseInt(cr14, 16),
    });
  }
  return found;
}

/** CPUs that operate and are enabled for I/O interruptions of some sub-class. The answer is exact while the guest stands still. */
export async function enabledCpus(qmp: Monitor): Promise<CpuRegisters[]> {
  const cpus = await operatingCpus(qmp);
  return cpus.filter(({ mask, cr6 }) => (mask & PSW_IO) !== 0 && (cr6 & ANY_ISC) !== 0);
}

/** Whether every CPU that operates is enabled for external and I/O interruptions, so that any pending one would have been taken. */
export async function allEnabled(qmp: Monitor): Promise<boolean> {
  const both = PSW_IO | PSW_EXTERNAL;
  return (await operatingCpus(qmp)).every(({ mask }) => (mask & both) === both);
}

/** CPUs that are not stopped. The answer is exact while the guest stands still. */
export async function operatingCpus(qmp: Monitor): Promise<CpuRegisters[]> {
  const [states, text] = await Promise.all([
    qmp.execute('query-cpus-fast'),
    qmp.execute('human-monitor-command', { 'command-line': 'info registers -a' }),
  ]);
  // Stopped CPUs are left out, since a restart would start them, and nothing is pending in them.
  const operating = new Set(
    states.filter((cpu) => cpu['cpu-state'] === 'operating').map((cpu) => cpu['cpu-index']),
  );
  return parseRegisters(text).filter(({ cpu }) => operating.has(cpu));
}
