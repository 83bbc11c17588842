// SPDX-License-Identifier: Apache-2.0
// Arrivals of an open loop: their statistics, their seeds.

import { describe, expect, it } from 'vitest';
import type { Bus } from '../../src/guest/ap-bus-driver/bus.ts';
import { createApBusState } from '../../src/guest/ap-bus-driver/driver.ts';
import { runArrivals } from '../../src/guest/ap-bus-driver/pace.ts';
import { createQueue, DEV_OPERATING } from '../../src/guest/ap-bus-driver/state.ts';
import { withLoad } from '../../src/load/overrides.ts';
import { shapeConfig } from './support.ts';

const RATE = 1000;
const MEAN_NS = 1e9 / RATE;
const COUNT = 100_000;

/** Times of the first arrivals at a queue that takes all of them. */
const arrivalsOf = (arrivals: 'fixed' | 'poisson', seed: number, count = COUNT): number[] => {
  const state = createApBusState({ ratePerSecond: RATE, arrivals, seed });
  const queue = Object.assign(createQueue(0x0504), {
    begun: true,
    config: true,
    online: true,
    driver: 'cex4queue',
    devState: DEV_OPERATING,
  });
  state.queues.push(queue);
  let now = 0;
  const bus = { state, ap: { cpu: { nowNs: () => now } } } as unknown as Bus;
  const times: number[] = [];
  while (times.length < count) {
    now += 50 * MEAN_NS;
    runArrivals(bus);
    times.push(...queue.backlog.splice(0));
  }
  return times.slice(0, count);
};

const gaps = (times: readonly number[]): number[] =>
  times.slice(1).map((time, i) => time - times[i]);

const mean = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0) / all.length;
const variance = (all: readonly number[]): number => {
  const middle = mean(all);
  return mean(all.map((x) => (x - middle) ** 2));
};

describe('Poisson arrivals', () => {
  const distances = gaps(arrivalsOf('poisson', 1));

  it('have the mean distance of the rate and a standard deviation of the same size', () => {
    expect(mean(distances) / MEAN_NS).toBeCloseTo(1, 1.5);
    expect(Math.sqrt(variance(distances)) / MEAN_NS).toBeCloseTo(1, 1.5);
  });

  it('have exponentially distributed distances (Kolmogorov and Smirnov, 1 %)', () => {
    const sorted = distances.toSorted((a, b) => a - b);
    const worst = sorted.reduce((most, gap, i) => {
      const expected = 1 - Math.exp(-gap / MEAN_NS);
      return Math.max(most, Math.abs(expected - i / sorted.length));
    }, 0);
    expect(worst).toBeLessThan(1.63 / Math.sqrt(sorted.length));
  });

  it('have as much variance as mean when counted by interval', () => {
    const counts = new Array<number>(1000).fill(0);
    for (const time of arrivalsOf('poisson', 5)) {
      const interval = Math.floor(time / (50 * MEAN_NS));
      if (interval < counts.length) counts[interval] += 1;
    }
    expect(variance(counts) / mean(counts)).toBeGreaterThan(0.85);
    expect(variance(counts) / mean(counts)).toBeLessThan(1.15);
  });

  it('have distances that do not depend on the one before', () => {
    const middle = mean(distances);
    const products = gaps(distances).map(
      (_, i) => (distances[i] - middle) * (distances[i + 1] - middle),
    );
    expect(Math.abs(mean(products) / variance(distances))).toBeLessThan(0.02);
  });

  it('are the same for the same seed and others for another', () => {
    expect(arrivalsOf('poisson', 9, 100)).toEqual(arrivalsOf('poisson', 9, 100));
    expect(arrivalsOf('poisson', 9, 100)).not.toEqual(arrivalsOf('poisson', 10, 100));
  });
});

describe('fixed arrivals', () => {
  it('are all at the distance of the rate', () => {
    for (const gap of gaps(arrivalsOf('fixed', 1, 1000))) expect(gap).toBeCloseTo(MEAN_NS, 3);
  });
});

describe('the seed of a machine', () => {
  it('gives each guest arrivals of its own, other ones for another seed, and yields to a seed of the guest', () => {
    const config = shapeConfig({ guests: 2 });
    const seeds = (seed: number): unknown[] =>
      withLoad(config, {}, seed).guests.map(({ args }) => args['seed']);
    expect(new Set([...seeds(1), ...seeds(2)]).size).toBe(4);
    const [first, ...rest] = config.guests;
    const own = { ...config, guests: [{ ...first, args: { seed: 77 } }, ...rest] };
    expect(withLoad(own as typeof config, {}, 1).guests[0]?.args['seed']).toBe(77);
  });
});
