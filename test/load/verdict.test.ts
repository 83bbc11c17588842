// SPDX-License-Identifier: Apache-2.0
// What a run ends with: code 1 where messages stay unanswered, a queue is dead, a driver gave up, or a threshold holds; no verdict of what was
// interrupted; no figure where there is none.

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCounts } from '../../src/load/counts.ts';
import { percentilesNs } from '../../src/load/percentiles.ts';
import { sweepText } from '../../src/load/sweep-text.ts';
import { parseThreshold } from '../../src/load/thresholds.ts';
import { apemu, FakeIo } from '../cli/fake-io.ts';
import { records, type Shape, shapeFile, shapeObject } from './support.ts';

const LOAD: Shape = {
  service: { time: '100us', engines: 4 },
  workload: { name: 'loopback', messages: 50 },
};

const faultyFile = (fault: object, more: object = {}): string => {
  const file = join(mkdtempSync(join(tmpdir(), 'apemu-verdict-')), 'load.yaml');
  writeFileSync(file, JSON.stringify({ ...shapeObject(LOAD), faults: [fault], ...more }));
  return file;
};

/** The queue never comes out of its reset. */
const DEAD = { apqn: '05.0000', on: 'rapq', rc: 0x04, count: 100_000 };

const run = (file: string, ...options: string[]) => apemu(['run', file, '--stepped', ...options]);

describe('a run', () => {
  it('that went well ends with code 0 and says nothing of failing', async () => {
    const { code, output } = await run(shapeFile(LOAD));
    expect([code, output.includes('failed')]).toEqual([0, false]);
  });

  it('ends by itself, with code 1, and says so when a queue is dead', async () => {
    const { code, output } = await run(faultyFile(DEAD));
    expect(output).toMatch(/^failed:\n {2}Guest1: queue 05\.0000 is dead: .* response code 04$/m);
    expect(code).toBe(1);
  });

  it('ends with code 1 when the driver gave messages up', async () => {
    const { code, output } = await run(
      faultyFile({ apqn: '05.0000', on: 'nqap', rc: 0x07, count: 3 }),
    );
    expect(output).toMatch(/^ {2}Guest1: \d+ messages? ended without an answer/m);
    expect(code).toBe(1);
  });

  it('that is cut by --duration has messages under way, which is no failure', async () => {
    const { code, output } = await run(
      shapeFile(LOAD),
      '--messages',
      'endless',
      '--duration',
      '200ms',
    );
    expect(output).toMatch(/ unanswered \(oldest/);
    expect([code, output.includes('failed:')]).toEqual([0, false]);
  });

  it('names problems and thresholds in its records too', async () => {
    const { code, output } = await run(faultyFile(DEAD), '--json', '--fail-if', 'p99>1ms');
    const all = records(output);
    expect(all.find(({ record }) => record === 'problem')?.['problem']).toMatch(/05\.0000 is dead/);
    expect(all.find(({ record }) => record === 'threshold')).toMatchObject({ text: 'p99>1ms' });
    expect(all.find(({ record }) => record === 'run')).toMatchObject({ failed: true });
    expect(code).toBe(1);
  });
});

describe('--fail-if', () => {
  it.each([
    ['p99>1ms', '100.0 us  kept', 0],
    ['p99 > 50us', '100.0 us  FAILED', 1],
    ['Guest1:max>=1s', 'kept', 0],
    ['rate<100', 'kept', 0],
    ['answered<51', '50  FAILED', 1],
    ['busy<=100%', 'FAILED', 1],
    ['unanswered>0', '0  kept', 0],
    ['full>1%', 'no such figure  FAILED', 1],
  ])('%s: %s', async (threshold, told, expected) => {
    const outstanding = { ...LOAD, workload: { name: 'loopback', messages: 50, outstanding: 4 } };
    const { code, output } = await run(shapeFile(outstanding), '--fail-if', threshold);
    expect(output).toMatch(
      new RegExp(`^fail if +${threshold.replace(/\W/g, '\\$&')}: .*${told}$`, 'm'),
    );
    expect(code).toBe(expected);
  });

  it('may come several times; one that holds is enough', async () => {
    const { code, output } = await run(
      shapeFile(LOAD),
      ...['--fail-if', 'p50>1s', '--fail-if', 'p50>1ns'],
    );
    expect(output.match(/^fail if /gm)).toHaveLength(2);
    expect(code).toBe(1);
  });

  it.each([
    ['p98>1ms', /expected FIGURE>VALUE.*figures: p50, p90/],
    ['p99=1ms', /expected FIGURE>VALUE/],
    ['p99>5', /p99 is compared with a time such as 1ms/],
    ['full>5', /full is compared with a share such as 5%/],
    ['', /expected FIGURE>VALUE/],
    ['Nobody:p99>1ms', /there is no guest Nobody with a load \(expected Guest1\)/],
  ])('%j is refused', async (text, message) => {
    const { code, errors } = await run(shapeFile(LOAD), '--fail-if', text);
    expect([code, errors]).toEqual([2, expect.stringMatching(message)]);
  });

  it('is not for a sweep', async () => {
    const { code, errors } = await apemu([
      'run',
      shapeFile(LOAD),
      '--sweep',
      '--fail-if',
      'p99>1ms',
    ]);
    expect([code, errors]).toEqual([2, expect.stringMatching(/--target is/)]);
  });

  it('reads times, rates, shares and counts', () => {
    expect(parseThreshold('Guest-1:p99.9 >= 1.5ms')).toMatchObject({
      guest: 'Guest-1',
      metric: 'p99.9',
      comparison: '>=',
      limit: 1_500_000,
    });
    expect(parseThreshold('rate<1000/s').limit).toBe(1000);
    expect(parseThreshold('busy>90 %').limit).toBeCloseTo(0.9);
  });
});

describe('a sweep that is interrupted', () => {
  it('before its first point shows no empty table', () => {
    const none = { points: [], knees: [], enough: undefined, interrupted: true };
    const result = none as unknown as Parameters<typeof sweepText>[0];
    expect(sweepText(result, '')).toBe('interrupted before the first point was measured\n');
  });

  it.each([[[]], [['--wall', '--duration', '5s']]])(
    'says so and gives no verdict: %j',
    async (more) => {
      const io = new FakeIo();
      const line = ['run', shapeFile(LOAD), '--sweep', 'rate=100,200,300', ...more];
      if (more.length > 0) setTimeout(() => io.interrupt(), 1500);
      else io.err = () => io.interrupt();
      const { code, output } = await apemu(line, io);
      expect(output).toMatch(
        /^interrupted(?:: these are the points so far, there is no verdict| before the first point was measured)$/m,
      );
      expect(output).not.toMatch(/knee|carried/);
      expect(code).toBe(130);
    },
  );

  it('leaves out the point that was under way', async () => {
    const io = new FakeIo();
    setTimeout(() => io.interrupt(), 300);
    const line = ['run', shapeFile(LOAD), '--sweep', 'rate=1', '--messages', '100000', '--json'];
    const { code, output } = await apemu(line, io);
    expect(records(output)).toEqual([{ record: 'interrupted' }]);
    expect(code).toBe(130);
  });
});

describe('figures of nothing', () => {
  it('are none: no percentile without a message', async () => {
    expect(percentilesNs(createCounts())).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const { output } = await run(shapeFile(LOAD), '--messages', 'endless', '--duration', '1us');
    expect(output).toMatch(/^latency {4}p50 - {2}p90 - {2}p95 - {2}p99 - {2}p99\.9 - {2}max -$/m);
  });

  it('never are above the maximum, also where messages have no answer', async () => {
    const { output } = await run(
      faultyFile({ apqn: '05.0000', on: 'nqap', delay: '10s', count: 1 }),
      ...['--json', '--messages', 'endless', '--duration', '150ms'],
    );
    const figures = records(output).find(({ record }) => record === 'run') as Record<
      string,
      number
    >;
    expect(figures['unanswered']).toBeGreaterThan(0);
    expect(figures['p99.9Ns']).toBeLessThanOrEqual(figures['maxNs']);
  });
});
