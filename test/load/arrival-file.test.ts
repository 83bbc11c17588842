// SPDX-License-Identifier: Apache-2.0
// 19.13: arrivals from a file: what is read, what is refused with its place, and what is offered to the machine then.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ApemuError } from '../../src/errors.ts';
import { parseArrivals } from '../../src/load/arrival-file.ts';
import { apemu } from '../cli/fake-io.ts';
import { records, type Shape, shapeFile } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'apemu-arrivals-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe('a file of arrivals', () => {
  it.each([
    ['lines with units', '0\n1.5us\n2ms\n', [0, 1500, 2_000_000]],
    ['seconds', '0.001\n0.001\n1\n', [1_000_000, 1_000_000, 1e9]],
    ['comments and empty lines', '# ten to nine\n\n1ms # the first\n', [1_000_000]],
    ['Windows ends of lines', '1ms\r\n2ms\r\n', [1_000_000, 2_000_000]],
    ['a JSON list', ' [0.001, "2ms",\n 1]', [1_000_000, 2_000_000, 1e9]],
  ])('has %s', (_what, text, times) => {
    expect(parseArrivals(text, 'a.txt')).toEqual(times);
  });

  it.each<readonly [string, string, number | undefined, string]>([
    ['nothing', '# none\n', undefined, 'there is no arrival in it'],
    ['no time', '1ms\nsoon\n', 2, '"soon" is no time (expected 12.5ms'],
    ['a time before 0', '-1\n', 1, '"-1" is no time'],
    ['a time that goes back', '1ms\n\n3ms\n2ms\n', 4, '"2ms" is before the time above it'],
    ['another unit', '5min\n', 1, '"5min" is no time'],
    ['more than a number holds', '1e300\n', 1, 'is no time'],
    ['JSON that breaks off', '[1,\n2,\n', 3, 'it is no JSON'],
    ['a list of something else', '[1, {"t": 2}]', undefined, 'element 2: {"t":2} is no time'],
    ['an empty list', '[]', undefined, 'there is no arrival in it'],
  ])('with %s is refused with its place', (_what, text, line, message) => {
    const error = (() => {
      try {
        return parseArrivals(text, 'a.txt');
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(ApemuError);
    expect(error).toMatchObject({ message: expect.stringContaining(message) });
    expect((error as ApemuError).place).toEqual(
      line === undefined ? { file: 'a.txt' } : { file: 'a.txt', line },
    );
  });

  it('a list of too many is refused', () => {
    expect(() => parseArrivals(`[${'0,'.repeat(1_000_000)}0]`, 'a.json')).toThrow(
      '1000001 arrivals are too many',
    );
  });
});

const SHAPE: Shape = {
  guests: 2,
  service: { time: '100us', engines: 1 },
  workload: { name: 'loopback', messages: 5, rate: 5000 },
};

const runWith = async (...options: readonly string[]) => {
  const { output, errors, code } = await apemu([
    ...['run', shapeFile(SHAPE), '--stepped', '--json'],
    ...options,
  ]);
  return { all: output === '' ? [] : records(output), errors, code };
};

/** The figures of a guest. */
const loadOf = (all: readonly Record<string, unknown>[], guest: string): Record<string, number> =>
  (all.find((one) => one['record'] === 'guest' && one['guest'] === guest)?.['load'] ??
    {}) as Record<string, number>;

describe('apemu run --arrivals FILE', () => {
  it('offers each message at its time: five at once wait for each other, one later does not', async () => {
    const times = file('burst.txt', '0\n0\n0\n0\n0\n10ms\n');
    const { all, code } = await runWith('--arrivals', `Guest1=${times}`);
    expect(code).toBe(0);
    const load = loadOf(all, 'Guest1');
    expect(load['answered']).toBe(6);
    // One engine of 100 us: the last of five waits for four others; the other guest's messages come between.
    expect(load['maxNs']).toBeGreaterThanOrEqual(500_000);
    expect(load['p50Ns']).toBeGreaterThanOrEqual(200_000);
    expect(load['seconds']).toBeGreaterThan(0.01);
    expect(loadOf(all, 'Guest2')['answered']).toBe(5);
  });

  it('gives all guests the same times, ends when the last is answered, and repeats', async () => {
    const times = file(
      'even.json',
      JSON.stringify(Array.from({ length: 300 }, (_, n) => n / 2000)),
    );
    const first = await runWith('--arrivals', times);
    const run = first.all.find(({ record }) => record === 'run');
    expect(run).toMatchObject({ answered: 600, unanswered: 0, overrun: 0, failed: false });
    expect(run?.['offered']).toBeGreaterThan(3000);
    expect(await runWith('--arrivals', times)).toEqual(first);
  });

  it('--messages ends it earlier', async () => {
    const times = file('many.txt', '1ms\n'.repeat(50));
    const { all } = await runWith('--arrivals', times, '--messages', '7');
    expect(all.find(({ record }) => record === 'run')).toMatchObject({ answered: 14 });
  });

  it.each<readonly [readonly string[], number, string]>([
    [
      ['--arrivals', 'exponential'],
      2,
      '--arrivals is exponential (expected fixed, poisson, or a file',
    ],
    [['--arrivals', './nowhere.txt'], 3, 'cannot read file of arrivals ./nowhere.txt: ENOENT'],
    [['--arrivals', 'Guest9=BAD'], 2, '--arrivals names the guest Guest9'],
    [['--arrivals', 'BAD', '--rate', '5'], 2, 'has a rate and a file of arrivals'],
    [['--arrivals', 'BAD', '--sweep'], 2, 'with a file is not for --sweep'],
  ])('%j ends with %i: %s', async (options, code, message) => {
    const good = file('good.txt', '1ms\n');
    const given = options.map((option) => option.replace('BAD', good));
    const result = await runWith(...given.filter((option) => option !== ''));
    expect(result.code).toBe(code);
    expect(result.errors).toContain(message);
  });
});
