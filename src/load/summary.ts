// SPDX-License-Identifier: Apache-2.0
// What a run shows for each guest: its queues as in lszcrypt, and counts by function and response code.
// Source: docs/design.md section 7 (`apemu run`).

import type { MachineConfig } from '../config/types.ts';
import { apSystemOf, guestRelease } from '../guest/ap-bus-driver/lszcrypt.ts';
import type { ApBusState } from '../guest/ap-bus-driver/state.ts';
import { totalStatistics } from '../guest/ap-bus-driver/total-statistics.ts';
import { type CounterRow, counterRows } from '../guest/counters.ts';
import { type LszcryptRow, rowsOf } from '../s390-tools/lszcrypt-rows.ts';
import type { ReleaseRow } from '../s390-tools/releases.ts';
import { isBusState, userLoadOf } from './counts.ts';
import type { ProgramReport } from './program-report.ts';

/** What lszcrypt shows on a guest, and the release it is of. */
export interface GuestDevices {
  readonly release: ReleaseRow;
  readonly rows: readonly LszcryptRow[];
}

export interface GuestSummary {
  readonly guest: string;
  readonly vcpu: number;
  readonly program: string;
  readonly done: boolean;
  readonly failure: string | undefined;
  /** Number of AP instructions executed. */
  readonly executed: number;
  readonly counts: readonly CounterRow[];
  /** Cards and queues as the guest's lszcrypt shows them; undefined for programs without an AP bus. */
  readonly lszcrypt: GuestDevices | undefined;
  /** Messages by their outcome; undefined for programs that do not count them. */
  readonly messages: Readonly<Record<string, number>> | undefined;
}

/** The summary of one vCPU's program. */
export const summarise = (report: ProgramReport, config: MachineConfig): GuestSummary => {
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
    lszcrypt: bus === undefined ? undefined : devicesOf(bus, config),
    messages: bus === undefined ? userMessages(state) : messagesOf(bus),
  };
};

/** The guest's cards and queues; none if it has no AP instructions. */
function devicesOf(state: ApBusState, config: MachineConfig): GuestDevices {
  const release = guestRelease(state, config.host.s390Tools);
  const system = apSystemOf(state);
  return { release, rows: system === undefined ? [] : rowsOf(system, release) };
}

const messagesOf = (state: ApBusState): Record<string, number> => {
  const {
    latency: _latency,
    latencySumNs: _sum,
    latencyMaxNs: _max,
    ...messages
  } = totalStatistics(state);
  return messages;
};

/** Messages of a driver in C, as its user counts them. */
const userMessages = (state: unknown): Readonly<Record<string, number>> | undefined => {
  const load = userLoadOf(state);
  if (load === undefined) return undefined;
  const { sent, answered, wrong } = load.statistics;
  return { sent, answered, wrong, failed: load.failed };
};

/** Number of messages that a program has exchanged so far. */
export const answeredOf = ({ state }: ProgramReport): number =>
  isBusState(state)
    ? totalStatistics(state).answered
    : (userLoadOf(state)?.statistics.answered ?? 0);
