// SPDX-License-Identifier: Apache-2.0
// The largest host there can be: 256 adapters, 256 domains; for tests and figures.
import type { ProfileName } from '../../src/ap-bus/profile.ts';
import { createHostSide, type HostSide } from '../../src/sysfs/host-side.ts';
import { adapter, CCA, FakePartition, FakeTimers } from './fake-partition.ts';

export const ALL_NUMBERS: readonly number[] = Array.from({ length: 256 }, (_, n) => n);

/** A booted host with every queue there is. */
export function bigHost(profile: ProfileName = 'current'): {
  host: HostSide;
  timers: FakeTimers;
  partition: FakePartition;
} {
  const partition = new FakePartition();
  for (const n of ALL_NUMBERS) partition.hardware[n] = adapter(CCA);
  partition.setConfiguration(ALL_NUMBERS, ALL_NUMBERS, ALL_NUMBERS);
  const timers = new FakeTimers();
  const host = createHostSide({ partition, timers, profile });
  timers.run(host.boot());
  return { host, timers, partition };
}
