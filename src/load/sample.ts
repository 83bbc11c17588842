// SPDX-License-Identifier: Apache-2.0
// A sample of all counts of a machine: those of its guests' programs, and the work of its adapters.
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
import { countsOf, type LoadCounts, messageTimes } from './counts.ts';
import type { ProgramReport } from './program-report.ts';

/** The work of one adapter until the time of the sample. */
export interface AdapterSample {
  readonly apid: number;
  /** Whether the adapter takes time. If not, it answers at once (`instant`), and its work is not counted. */
  readonly timed: boolean;
  /** How many requests it works on at a time; 0 = any number. */
  readonly engines: number;
  /** Number of requests taken. */
  readonly served: number;
  /** Service time of those requests in nanoseconds. */
  readonly serviceNs: number;
  /** Total time that those requests waited for an engine, in nanoseconds. */
  readonly waitedNs: number;
  /** Engine time spent so far in nanoseconds: `serviceNs` without the part that is still to come. */
  readonly busyNs: number;
}

export interface GuestSample {
  readonly guest: string;
  readonly vcpu: number;
  /** Start of its first message, and time of its last reply; 0 = none yet. */
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
    // An engine that has work is busy without a gap until it is free, so its work still to come is the time until then.
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
  const times = messageTimes(state);
  if (counts === undefined || times === undefined) return [];
  const { firstMessageNs, lastReplyNs } = times;
  return [{ guest: guestName, vcpu, firstNs: firstMessageNs, lastNs: lastReplyNs, counts }];
};

/** Takes one sample of everything. `reports` are copied. */
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
