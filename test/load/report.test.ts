// SPDX-License-Identifier: Apache-2.0
// 19.13: `apemu report`: two runs or two sweeps beside each other, and the pages of a load in a real Chromium.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeText } from '../../src/load/compare.ts';
import { apemu, FakeIo } from '../cli/fake-io.ts';
import { coloursOf, hasChromium, layoutOf, WatchedBrowser } from '../view/browser.ts';
import { records, type Shape, shapeFile } from './support.ts';

const SHAPE: Shape = {
  guests: 2,
  domains: [0, 1],
  service: { time: '200us', engines: 4 },
  workload: { name: 'loopback', messages: 300, rate: 4000, arrivals: 'poisson' },
};

const folder = mkdtempSync(join(tmpdir(), 'apemu-report-'));
const path = (name: string): string => join(folder, name);
const config = shapeFile(SHAPE);
const keep = async (name: string, ...options: readonly string[]): Promise<string> => {
  const { output } = await apemu(['run', config, '--json', ...options]);
  writeFileSync(path(name), output);
  return path(name);
};
const figureOf = async (a: string, b: string, label: string) => {
  const { output } = await apemu(['report', a, b, '--json']);
  return records(output).find((record) => record['label'] === label);
};

let slow: string;
let fast: string;
let few: string;
let many: string;
beforeAll(async () => {
  slow = await keep('slow.json', '--stepped');
  fast = await keep('fast.json', '--stepped', '--rate', '8000');
  few = await keep('few.json', '--sweep', 'engines=1..3', '--messages', '300');
  many = await keep('many.json', '--sweep', 'engines=2..4', '--messages', '300', '--rate', '5500');
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

describe('apemu report', () => {
  it('has the figures of both runs, as the runs have them, and what changed', async () => {
    const run = (file: string) => apemu(['report', file, file, '--json']);
    const rate = await figureOf(slow, fast, 'offered');
    expect(rate).toMatchObject({ a: expect.any(Number), b: expect.any(Number) });
    expect(rate?.['change']).toBeCloseTo(1, 0);
    const busy = await figureOf(slow, fast, 'adapter 05 busy');
    expect(busy?.['change']).toBeCloseTo(Number(busy?.['b']) - Number(busy?.['a']), 9);
    for (const { change } of records((await run(slow)).output))
      expect([0, undefined]).toContain(change);
  });

  it('is a table for people within 80 columns, with the names of the files', async () => {
    const { output, code } = await apemu(['report', slow, fast]);
    expect(code).toBe(0);
    const lines = output.split('\n');
    expect(lines[0]).toMatch(/^ +A slow\.json +B fast\.json +change$/);
    expect(lines.find((line) => line.startsWith('offered'))).toMatch(
      /\/s +[\d,]+\/s +\+\d+\.\d %$/,
    );
    expect(lines.find((line) => line.startsWith('adapter 05 busy'))).toMatch(/\+\d+\.\d points$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('compares two sweeps: what each amount carries, and how much is needed', async () => {
    expect(await figureOf(few, many, 'engines needed')).toMatchObject({ a: 2, b: 3 });
    const { output, code } = await apemu(['report', few, many, '--html', path('sweeps.html')]);
    expect(code).toBe(0);
    expect(output).toMatch(/^engines needed +2 +3 +\+50\.0 %$/m);
  });

  it('takes one of them from standard input', async () => {
    const io = new FakeIo((await apemu(['run', config, '--stepped', '--json'])).output);
    const { output, code } = await apemu(['report', slow, '-'], io);
    expect(code).toBe(0);
    expect(output).toContain('B <stdin>');
  });

  it.each<readonly [string, () => readonly [string, string], number, string]>([
    ['a run and a sweep', () => [slow, few], 3, 'is a run and'],
    ['another file', () => [slow, config], 3, 'load.yaml:1: the line has no name'],
    [
      'a line that is none',
      () => {
        writeFileSync(path('torn.json'), '{"record":"run"}\n{"rec');
        return [slow, path('torn.json')];
      },
      3,
      'torn.json:2: the line is no JSON',
    ],
    ['a file that is not there', () => [slow, path('nowhere')], 3, 'cannot read run'],
    ['standard input twice', () => ['-', '-'], 2, 'only one of the two'],
  ])('refuses %s', async (_what, files, code, message) => {
    const result = await apemu(['report', ...files()]);
    expect([result.code, result.output]).toEqual([code, '']);
    expect(result.errors).toContain(message);
  });

  it.each([
    [{ a: 100, b: 112.34 }, '+12.3 %'],
    [{ a: 100, b: 50 }, '-50.0 %'],
    [{ a: 2, b: 31_000 }, '15,500 times'],
    [{ a: 0, b: 5 }, '-'],
    [{ a: 5, b: 5 }, '='],
    [{ a: undefined, b: 5 }, '-'],
    [{ a: 0.1, b: 0.25, share: true as const }, '+15.0 points'],
  ])('%j is shown as %s', (values, text) => {
    expect(changeText({ label: '', text: String, ...values })).toBe(text);
  });
});

describe.skipIf(!hasChromium('the page of a load'))('the pages of a load', () => {
  let browser: WatchedBrowser;
  beforeAll(async () => {
    browser = await WatchedBrowser.launch();
  }, 60_000);
  afterAll(() => browser.close());

  it.each<readonly [string, () => readonly string[], readonly string[]]>([
    [
      'a run',
      () => ['run', config, '--stepped'],
      ['Latency by percentile', 'Throughput', 'Latency over time', 'Utilisation of the adapters'],
    ],
    [
      'a sweep over engines',
      () => ['run', config, '--sweep', 'engines=1..3', '--messages', '300'],
      ['Throughput', 'Latency', 'Utilisation and full queues'],
    ],
    [
      'two runs',
      () => ['report', slow, fast],
      [
        'Latency by percentile',
        'Throughput',
        'Latency over time: p99',
        'Utilisation of the adapters',
      ],
    ],
    [
      'two sweeps',
      () => ['report', few, many],
      ['Throughput', 'Latency: p50 and p99', 'Utilisation of the busiest adapter'],
    ],
  ])(
    'of %s has its plots, at 420 pixels too, and asks for nothing',
    async (_what, command, titles) => {
      const html = path('page.html');
      const { output } = await apemu([...command(), '--html', html]);
      for (const width of [1000, 420]) {
        const page = await browser.page({ viewport: { width, height: 900 } });
        await page.goto(pathToFileURL(html).href);
        expect(await page.locator('h2').allTextContents()).toEqual(titles);
        // Something is drawn in each: lines have other colours than axes and grid.
        const drawn = await coloursOf(page);
        expect(drawn).toHaveLength(titles.length);
        expect(Math.min(...drawn)).toBeGreaterThan(0);
        const { width: wide, window } = await layoutOf(page);
        expect(wide).toBeLessThanOrEqual(window);
        expect(await page.locator('pre').textContent()).toBe(output);
        await page.close();
      }
      expect(browser.wrong).toEqual([]);
    },
    60_000,
  );
});
