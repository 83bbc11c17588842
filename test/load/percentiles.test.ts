// SPDX-License-Identifier: Apache-2.0
// Percentiles with messages that have no answer, and what coordinated omission would have hidden.

import { describe, expect, it } from 'vitest';
import { latencyBucket } from '../../src/guest/ap-bus-driver/statistics.ts';
import { createCounts, type LoadCounts } from '../../src/load/counts.ts';
import { withLoad } from '../../src/load/overrides.ts';
import { distribution, percentilesNs } from '../../src/load/percentiles.ts';
import { runStepped } from '../../src/load/stepped.ts';
import { shapeConfig } from './support.ts';

const counts = (answered: readonly number[], waiting: readonly number[] = []): LoadCounts => {
  const result = createCounts();
  for (const ns of answered) result.latency[latencyBucket(ns)] += 1;
  for (const ns of waiting) result.waiting[latencyBucket(ns)] += 1;
  result.latencyMaxNs = Math.max(0, ...answered);
  return result;
};

const times = (count: number, ns: number): number[] => new Array<number>(count).fill(ns);

describe('latency percentiles', () => {
  it('of no messages are none', () => {
    expect(percentilesNs(counts([]))).toEqual(new Array(5).fill(undefined));
  });

  it.each([
    [50, 1000],
    [90, 1000],
    [95, 2000],
    [99, 4000],
    [100, 8000],
  ])('p%d of 900 by 1000, 80 by 2000, 19 by 4000, 1 by 8000 ns is in the bucket of %d', (p, ns) => {
    const all = [...times(900, 1000), ...times(80, 2000), ...times(19, 4000), 8000];
    const [value = 0] = percentilesNs(counts(all), [p]);
    expect(value).toBeGreaterThanOrEqual(ns);
    expect(value).toBeLessThanOrEqual(ns * (1 + 1 / 16));
  });

  it('are never above the largest latency seen', () => {
    expect(percentilesNs(counts(times(10, 432_000)), [50, 99.9])).toEqual([432_000, 432_000]);
  });

  it('count a message without answer as at least as late as it is', () => {
    const stalled = counts(times(50, 1000), times(50, 1_000_000));
    expect(percentilesNs(stalled, [50])[0]).toBeLessThan(1100);
    expect(percentilesNs(stalled, [90])[0]).toBeGreaterThan(900_000);
  });

  it('do not get better by messages that have only just been sent', () => {
    const plain = percentilesNs(counts([...times(90, 1000), ...times(10, 8000)]), [50, 95]);
    const fresh = percentilesNs(
      counts([...times(90, 1000), ...times(10, 8000)], times(500, 10)),
      [50, 95],
    );
    expect(fresh).toEqual(plain);
  });

  it('treat a dropped arrival as one that never ends', () => {
    const dropped = { ...counts(times(90, 1000)), overrun: 10 };
    expect(distribution(dropped).at(-1)?.share).toBeCloseTo(0.9, 9);
  });
});

describe('an open loop above what the adapter can do', () => {
  it('shows the wait of the arrivals, where time from NQAP to reply would stay at depth by service time', async () => {
    const config = withLoad(
      shapeConfig({
        depth: 4,
        service: { time: '1ms', engines: 1 },
        workload: { name: 'loopback', rate: 2000 },
      }),
      { messages: -1 },
    );
    const { total } = await runStepped(config, {
      durationNs: 1e9,
      intervalNs: 1e7,
      pause: async () => false,
    });
    const [p50 = 0, , , p99 = 0] = total.latencyNs;
    // Half of what arrives is answered: an arrival at t leaves at 2 t, so the wait grows to half the time.
    expect(total.achieved).toBeGreaterThan(950);
    expect(total.achieved).toBeLessThan(1010);
    expect(p50).toBeGreaterThan(2e8);
    expect(p99).toBeGreaterThan(4e8);
    expect(total.unanswered).toBeGreaterThan(400);
    expect(total.queueFull).toBeGreaterThan(0.9);
  });
});
