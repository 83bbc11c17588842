// SPDX-License-Identifier: Apache-2.0
// What a run shows for each guest: its cards as lszcrypt prints them, messages, counts by function and response code, latencies.
// Source: docs/design.md section 7 (`apemu run`).

import { lszcryptRows, lszcryptText, totalStatistics } from '../guest/ap-bus-driver/lszcrypt.ts';
import type { ApBusState } from '../guest/ap-bus-driver/state.ts';
import { latencyPercentileNs, type QueueStatistics } from '../guest/ap-bus-driver/statistics.ts';
import { type CounterRow, counterRows } from '../guest/counters.ts';
import type { VcpuReport } from './task.ts';

/** Percentiles a run prints, in percent. */
export const PERCENTILES = [50, 90, 99, 99.9] as const;

export interface GuestSummary {
  readonly guest: string;
  readonly vcpu: number;
  readonly program: string;
  readonly done: boolean;
  readonly failure: string | undefined;
  /** AP instructions executed. */
  readonly executed: number;
  readonly counts: readonly CounterRow[];
  /** lszcrypt -V of the guest; undefined for programs that have no AP bus. */
  readonly lszcrypt: string | undefined;
  readonly messages: Omit<QueueStatistics, 'latency'> | undefined;
  /** Nanoseconds by percentile, in the order of PERCENTILES. */
  readonly latencyNs: readonly number[] | undefined;
}

const isBusState = (state: unknown): state is ApBusState =>
  typeof state === 'object' && state !== null && 'cards' in state;

/** The summary of one vCPU's program. */
export const summarise = (report: VcpuReport): GuestSummary => {
  const { state } = report;
  const crashed = isBusState(state) && state.crashed !== '' ? state.crashed : undefined;
  const base = {
    guest: report.guestName,
    vcpu: report.vcpu,
    program: report.program,
    done: report.done,
    failure: report.failure ?? crashed,
    executed: report.executed,
    counts: counterRows(report.counters),
  };
  if (!isBusState(state))
    return { ...base, lszcrypt: undefined, messages: undefined, latencyNs: undefined };
  const { latency, ...messages } = totalStatistics(state);
  return {
    ...base,
    lszcrypt: lszcryptText(state.kernel, lszcryptRows(state)),
    messages,
    latencyNs: PERCENTILES.map((percent) => latencyPercentileNs(latency, percent)),
  };
};

/** Messages a program has exchanged so far. */
export const answeredOf = (report: VcpuReport): number =>
  isBusState(report.state) ? totalStatistics(report.state).answered : 0;
