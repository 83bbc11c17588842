// SPDX-License-Identifier: Apache-2.0
// All counts of a machine at one time: those of its guests' programs and the work of its adapters.
// Source: docs/design.md section 2 (adapter records in the machine image).

import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  A_BUSY,
  A_ENGINES,
  A_FREE_AT,
  A_MODEL,
  A_SERVED,
  A_WAITED,
} from '../../native-like/machine/layout.ts';
import { countsOf, isBusState, type LoadCounts } from './counts.ts';
import type { ProgramReport } from './program-report.ts';

/** Work of one adapter until the time of the sample. */
export interface AdapterSample {
  readonly apid: number;
  /** False: it answers at once (`instant`), and its work is not counted. */
  readonly timed: boolean;
  /** Requests it works on at a time; 0 = any number. */
  readonly engines: number;
  /** Requests taken. */
  readonly served: number;
  /** Service time of those requests, nanoseconds. */
  readonly serviceNs: number;
  /** How long those requests waited for an engine together, nanoseconds. */
  readonly waitedNs: number;
  /** Engine time spent so far, nanoseconds: without the part of `serviceNs` that lies ahead. */
  readonly busyNs: number;
}

export interface GuestSample {
  readonly guest: string;
  readonly vcpu: number;
  /** Start of its first message and time of its last reply; 0 = none yet. */
  readonly firstNs: number;
  readonly lastNs: number;
  readonly counts: LoadCounts;
}

export interface LoadSample {
  readonly timeNs: number;
  readonly guests: readonly GuestSample[];
  readonly adapters: readonly AdapterSample[];
}

/** The work of the adapters `apids` at `nowNs`. */
const sampleAdapters = (
  image: MachineImage,
  apids: Iterable<number>,
  nowNs: number,
): AdapterSample[] => {
  const { f64 } = image;
  return [...apids].map((apid) => {
    const record = image.adapter(apid);
    const engines = image.word(record + A_ENGINES);
    const serviceNs = f64[(record + A_BUSY) >> 1];
    const freeAt = (record + A_FREE_AT) >> 1;
    // An engine that has work is busy without a gap until it is free.
    let ahead = 0;
    for (let n = 0; n < engines; n++) ahead += Math.max(0, f64[freeAt + n] - nowNs);
    return {
      apid,
      timed: image.word(record + A_MODEL) !== 0,
      engines,
      served: image.word(record + A_SERVED),
      serviceNs,
      waitedNs: f64[(record + A_WAITED) >> 1],
      busyNs: Math.max(0, serviceNs - ahead),
    };
  });
};

const sampleGuest = (report: ProgramReport, nowNs: number): GuestSample[] => {
  const { guestName, vcpu, state } = report;
  const counts = countsOf(report, nowNs);
  if (counts === undefined || !isBusState(state)) return [];
  return [
    { guest: guestName, vcpu, firstNs: state.firstMessageNs, lastNs: state.lastReplyNs, counts },
  ];
};

/** One sample of everything. `reports` are copied. */
export const takeSample = (
  image: MachineImage,
  apids: Iterable<number>,
  reports: readonly ProgramReport[],
  nowNs: number,
): LoadSample => ({
  timeNs: nowNs,
  guests: reports.flatMap((report) => sampleGuest(report, nowNs)),
  adapters: sampleAdapters(image, apids, nowNs),
});
