// SPDX-License-Identifier: Apache-2.0
// What a run shows for each guest: its queues as lszcrypt has them, counts by function and response code.
// Source: docs/design.md section 7 (`apemu run`).

import {
  type LszcryptRow,
  lszcryptRows,
  totalStatistics,
} from '../guest/ap-bus-driver/lszcrypt.ts';
import { type CounterRow, counterRows } from '../guest/counters.ts';
import { isBusState } from './counts.ts';
import type { ProgramReport } from './program-report.ts';

export interface GuestSummary {
  readonly guest: string;
  readonly vcpu: number;
  readonly program: string;
  readonly done: boolean;
  readonly failure: string | undefined;
  /** AP instructions executed. */
  readonly executed: number;
  readonly counts: readonly CounterRow[];
  /** Cards and queues as the guest's lszcrypt has them; undefined for programs that have no AP bus. */
  readonly lszcrypt: readonly LszcryptRow[] | undefined;
  /** Messages by outcome; undefined for programs that have no AP bus. */
  readonly messages: Readonly<Record<string, number>> | undefined;
}

/** The summary of one vCPU's program. */
export const summarise = (report: ProgramReport): GuestSummary => {
  const { state } = report;
  const bus = isBusState(state) ? state : undefined;
  const crashed = bus !== undefined && bus.crashed !== '' ? bus.crashed : undefined;
  return {
    guest: report.guestName,
    vcpu: report.vcpu,
    program: report.program,
    done: report.done,
    failure: report.failure ?? crashed,
    executed: report.executed,
    counts: counterRows(report.counters),
    lszcrypt: bus === undefined ? undefined : lszcryptRows(bus),
    messages: bus === undefined ? undefined : messagesOf(bus),
  };
};

const messagesOf = (state: Parameters<typeof totalStatistics>[0]): Record<string, number> => {
  const {
    latency: _latency,
    latencySumNs: _sum,
    latencyMaxNs: _max,
    ...messages
  } = totalStatistics(state);
  return messages;
};

/** Messages a program has exchanged so far. */
export const answeredOf = ({ state }: ProgramReport): number =>
  isBusState(state) ? totalStatistics(state).answered : 0;
