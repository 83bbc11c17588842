// SPDX-License-Identifier: Apache-2.0
// Sweeps in virtual time: the knee lies where the queueing model has it, and the number of queues that is enough.

import { describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { type LoadOverrides, withLoad } from '../../src/load/overrides.ts';
import { measureStepped } from '../../src/load/stepped.ts';
import { runSweep, type SweepOptions, type SweepResult } from '../../src/load/sweep.ts';
import { parseSweep } from '../../src/load/sweep-plan.ts';
import { type Shape, shapeConfig } from './support.ts';

const sweepOf = (
  shape: Shape,
  options: Partial<SweepOptions> = {},
  overrides: LoadOverrides = {},
): Promise<SweepResult> =>
  runSweep(withLoad(shapeConfig(shape), overrides), {
    axes: [parseSweep('rate')],
    measure: measureStepped,
    seed: undefined,
    // Poisson arrivals of so many have a spread of 1.4 percent: half of the narrowest tolerance here.
    messages: 5_000,
    arrivals: 'poisson',
    onPoint: () => false,
    ...options,
  });

const MODELS: readonly (readonly [string, Shape, number])[] = [
  [
    'an accelerator with fixed service of 400 us and 8 engines',
    {
      mode: 'accelerator',
      service: { time: '400us', engines: 8 },
      domains: [0, 1],
      workload: 'rsa-2048-crt',
    },
    8 / 400e-6,
  ],
  [
    'a CEX8 accelerator with rated service (RSA-2048 CRT: rating 54, 8 x 54 us) and 8 engines',
    {
      mode: 'accelerator',
      service: { model: 'rated', engines: 8 },
      domains: [0, 1],
      workload: 'rsa-2048-crt',
    },
    1 / 54e-6,
  ],
  [
    'one engine of 1 ms behind one queue',
    { service: { time: '1ms', engines: 1 }, workload: 'loopback' },
    1000,
  ],
  [
    'log-normal service with median 300 us and sigma 0.5 on 4 engines',
    { service: { time: '300us', sigma: 0.5, model: 'lognormal', engines: 4 }, domains: [0, 1, 2] },
    4 / (300e-6 * Math.exp(0.5 ** 2 / 2)),
  ],
];

describe('the knee of a sweep over the offered load', () => {
  it.each(MODELS)(
    'of %s is within 5 percent of engines / service time',
    async (_name, shape, model) => {
      const { knees, points } = await sweepOf(shape);
      const [knee] = knees;
      expect((knee?.rate ?? 0) / model).toBeGreaterThan(0.95);
      expect((knee?.rate ?? 0) / model).toBeLessThan(1.05);
      expect((knee?.limit ?? 0) / model).toBeGreaterThan(0.97);
      expect((knee?.limit ?? 0) / model).toBeLessThan(1.03);
      expect(knee?.full).toEqual([5]);
      for (const point of points) {
        const [p50 = 0, , , p99 = 0] = point.figures.latencyNs;
        expect(p99).toBeGreaterThanOrEqual(p50);
      }
    },
  );

  it('is at depth / service time with one queue that holds fewer messages than there are engines', async () => {
    const shape = {
      depth: 2,
      service: { time: '1ms', engines: 8 },
      workload: { name: 'loopback', outstanding: 2 },
    };
    const { knees } = await sweepOf(shape);
    expect((knees[0]?.rate ?? 0) / 2000).toBeGreaterThan(0.95);
    expect((knees[0]?.rate ?? 0) / 2000).toBeLessThan(1.05);
    expect(knees[0]?.full).toEqual([]);
  });

  it('keeps within a target of p99', async () => {
    const shape = { service: { time: '1ms', engines: 2 }, domains: [0, 1] };
    const free = await sweepOf(shape);
    const bound = await sweepOf(shape, { targetNs: 2_000_000 });
    expect(bound.knees[0]?.rate).toBeLessThan(free.knees[0]?.rate ?? 0);
    for (const { carried, figures } of bound.points)
      if (carried) expect(figures.latencyNs[3]).toBeLessThanOrEqual(2_000_000);
  });

  it('is unknown when every load of the sweep was carried', async () => {
    const { knees } = await sweepOf(
      { service: { time: '1ms', engines: 4 } },
      { axes: [parseSweep('rate=100,200')], messages: 500 },
    );
    expect(knees[0]).toMatchObject({ rate: 200, above: undefined });
  });

  it('is the same for the same seed', async () => {
    const shape = { service: { time: '1ms', engines: 2 }, domains: [0, 1] };
    const options = { messages: 1000, seed: 5 };
    expect(await sweepOf(shape, options)).toEqual(await sweepOf(shape, options));
  });
});

describe('a sweep over the number of queues', () => {
  const shape: Shape = {
    depth: 2,
    service: { time: '1ms', engines: 8 },
    domains: [0, 1, 2, 3],
    workload: { name: 'loopback', rate: 5000, outstanding: 2 },
  };

  it('finds the fewest queues whose places carry the load', async () => {
    const result = await sweepOf(shape, { axes: [parseSweep('queues')], messages: 5000 });
    expect(result.points.map(({ amount, carried }) => [amount?.count, carried])).toEqual([
      [1, false],
      [2, false],
      [3, true],
      [4, true],
    ]);
    expect(result.enough).toEqual({ rate: 5000, amount: { what: 'queues', count: 3 } });
  });

  it('says so when no number of queues is enough', async () => {
    const axes = [parseSweep('queues=1..4')];
    const result = await sweepOf(shape, { axes, messages: 5000 }, { rate: 9000 });
    expect(result.enough).toEqual({ rate: 9000, amount: undefined });
  });

  it('has a knee for each number of queues together with a sweep over the load', async () => {
    const axes = [parseSweep('queues=1,2'), parseSweep('rate')];
    const { knees } = await sweepOf(shape, { axes, messages: 5000 });
    expect(knees.map(({ amount }) => amount?.count)).toEqual([1, 2]);
    expect((knees[1]?.rate ?? 0) / (knees[0]?.rate ?? 1)).toBeCloseTo(2, 0);
  });

  it('is a usage error where a guest has fewer', async () => {
    const axes = [parseSweep('queues=1..9')];
    await expect(sweepOf(shape, { axes })).rejects.toThrow(
      '9 queues are wanted, guest Guest1 has 4 for loopback',
    );
  });

  it('needs a load', async () => {
    const closed = { ...shape, workload: 'loopback' };
    await expect(sweepOf(closed, { axes: [parseSweep('queues')] })).rejects.toThrow(
      'a sweep over queues needs a load',
    );
  });
});

describe('a sweep over another resource', () => {
  it.each<readonly [string, Shape, string, readonly (readonly [number, boolean])[]]>([
    [
      'depth: 1,500 a second of 1 ms each need two places',
      { service: { time: '1ms', engines: 8 }, workload: { name: 'loopback', rate: 1500 } },
      'depth=1,2,4',
      [
        [1, false],
        [2, true],
        [4, true],
      ],
    ],
    [
      'engines: 2,500 a second of 1 ms each need three',
      {
        service: { time: '1ms', engines: 8 },
        domains: [0, 1],
        workload: { name: 'loopback', rate: 2500 },
      },
      'engines=1..4',
      [
        [1, false],
        [2, false],
        [3, true],
        [4, true],
      ],
    ],
  ])('%s', async (_what, shape, axis, expected) => {
    const { points } = await sweepOf(shape, { axes: [parseSweep(axis)] });
    expect(points.map(({ amount, carried }) => [amount?.count, carried])).toEqual(expected);
  });

  it('adapters: as many are used as are asked for, the first ones', async () => {
    const config = configFromObject({
      apemu: 1,
      machine: {
        adapters: {
          5: { mode: 'loopback', service: { time: '1ms', engines: 1 } },
          6: { mode: 'loopback', service: { time: '1ms', engines: 1 } },
        },
        usageDomains: [0, 1],
      },
      guests: {
        Guest1: {
          memory: '4MiB',
          mdev: { adapters: [5, 6], domains: [0, 1] },
          program: 'ap-bus',
          workload: { name: 'loopback', rate: 1500 },
        },
      },
    }).config;
    const { points, enough } = await runSweep(config, {
      ...{ axes: [parseSweep('adapters')], measure: measureStepped, seed: undefined },
      ...{ messages: 2000, arrivals: 'poisson', onPoint: () => false },
    });
    const used = points.map(({ figures }) =>
      figures.adapters.filter(({ served }) => served > 0).map(({ apid }) => apid),
    );
    expect(used).toEqual([[5], [5, 6]]);
    expect(enough).toEqual({ rate: 1500, amount: { what: 'adapters', count: 2 } });
  });

  it.each([
    [['engines=1..2'], { service: {} }, 'needs an adapter whose requests take time'],
    [['depth=1..99'], {}, 'depth is 99 (expected 1 to 16)'],
    [['adapters=1..9'], {}, '9 adapters are wanted, guest Guest1 has 1 for loopback'],
    [['depth=1', 'engines=1'], {}, '--sweep is over depth and engines'],
  ])('%j is refused: %j %s', async (axes, shape, message) => {
    const load = { service: { time: '1ms' }, workload: { name: 'loopback', rate: 100 }, ...shape };
    await expect(sweepOf(load, { axes: axes.map((text) => parseSweep(text)) })).rejects.toThrow(
      message,
    );
  });
});

describe('--sweep', () => {
  it.each([
    ['rate', undefined],
    ['rate=100..300:100', [100, 200, 300]],
    ['rate=1..2', [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2]],
    ['queues=2..4', [2, 3, 4]],
    ['queues=8,2,2', [2, 8]],
    ['adapters', undefined],
    ['depth=4,8', [4, 8]],
    ['engines=1..4', [1, 2, 3, 4]],
  ])('%s means %j', (text, values) => {
    const parsed = parseSweep(text).values;
    if (values === undefined) expect(parsed).toBeUndefined();
    else {
      expect(parsed).toHaveLength(values.length);
      parsed?.forEach((value, i) => {
        expect(value).toBeCloseTo(values[i], 9);
      });
    }
  });

  it.each([
    'speed',
    'rate=',
    'rate=a',
    'rate=9..1',
    'rate=0..5:0',
    'queues=1.5',
    'queues=0..3',
    'queues=',
    'engines=0',
    'depth=1.5',
    'constructor=1',
    'rate=1..9999:1',
  ])('%s is refused', (text) => {
    expect(() => parseSweep(text)).toThrow('expected rate=FROM..TO');
  });
});
