// SPDX-License-Identifier: Apache-2.0
// `apemu run` from the command line: options, determinism, output, the page, workloads on workers.

import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { INSTRUCTION_NS } from '../../src/host/machine/stepper.ts';
import { apemu } from '../cli/fake-io.ts';
import { records, type Shape, shapeFile } from './support.ts';

const OPEN: Shape = {
  guests: 2,
  domains: [0, 1],
  service: { time: '100us', engines: 4 },
  workload: {
    name: 'loopback',
    messages: 200,
    length: [16, 4096],
    rate: 5000,
    arrivals: 'poisson',
  },
};

describe('apemu run --stepped', () => {
  it('prints the same bytes for the same seed and others for another', async () => {
    const file = shapeFile(OPEN);
    const run = async (seed: string): Promise<string> =>
      (await apemu(['run', file, '--stepped', '--json', '--seed', seed])).output;
    const first = await run('11');
    expect(await run('11')).toBe(first);
    expect(await run('12')).not.toBe(first);
  });

  it('--json has samples, guests, adapters, the latency distribution and the run', async () => {
    const { output, code } = await apemu(['run', shapeFile(OPEN), '--stepped', '--json']);
    expect(code).toBe(0);
    const all = records(output);
    expect(new Set(all.map(({ record }) => record))).toEqual(
      new Set(['sample', 'guest', 'adapter', 'latency', 'run']),
    );
    const run = all.find(({ record }) => record === 'run');
    expect(run).toMatchObject({ answered: 800, mishaps: {}, unanswered: 0, overrun: 0 });
    expect(run?.['p50Ns']).toBeGreaterThanOrEqual(100_000);
    expect(run?.['limitPerSecond']).toBeCloseTo(40_000, 0);
  });

  it('utilisation is the load by what the engines can do', async () => {
    const { output } = await apemu([
      ...['run', shapeFile(OPEN), '--stepped', '--json'],
      ...['--arrivals', 'fixed', '--messages', '2000'],
    ]);
    const adapter = records(output).find(({ record }) => record === 'adapter');
    expect(adapter?.['utilisation']).toBeCloseTo(10_000 / 40_000, 2);
  });

  it.each([
    [['--workload', 'loopback', '--messages', '7'], { answered: 28 }],
    [['--rate', '0'], { answered: 800, offered: undefined }],
    [['--messages', 'endless', '--duration', '200ms'], { mishaps: {} }],
    [['--outstanding', '1', '--length', '64'], { answered: 800 }],
  ])('takes %j', async (options, expected) => {
    const { output, code, errors } = await apemu([
      ...['run', shapeFile(OPEN), '--stepped', '--json'],
      ...options,
    ]);
    expect([code, errors]).toEqual([0, '']);
    const run = records(output).find(({ record }) => record === 'run') ?? {};
    for (const [name, value] of Object.entries(expected)) expect(run[name]).toEqual(value);
  });

  it('an instruction takes its time, also where an interruption waits for its end', async () => {
    const instant: Shape = { workload: { name: 'loopback', messages: 5000 } };
    const { output } = await apemu(['run', shapeFile(instant), '--stepped', '--json']);
    const all = records(output);
    const { seconds } = all.find(({ record }) => record === 'run') as { seconds: number };
    const { executed } = all.find(({ record }) => record === 'guest') as { executed: number };
    expect(executed).toBeGreaterThan(10_000);
    // The run ends when its last step begins.
    expect(seconds * 1e9).toBeGreaterThan(0.9 * executed * INSTRUCTION_NS);
  });

  it('--rate of one guest changes that guest alone', async () => {
    const file = shapeFile(OPEN);
    const { output } = await apemu(['run', file, '--stepped', '--json', '--rate', 'Guest2=2500']);
    const offered = records(output)
      .filter(({ record }) => record === 'guest')
      .map(({ load }) => (load as { offered: number }).offered);
    expect(offered[0]).toBeGreaterThan(4500);
    expect(offered[1]).toBeLessThan(2900);
  });

  it('is at most 80 columns wide', async () => {
    const text = await apemu(['run', shapeFile(OPEN), '--stepped', '--rate', '30000']);
    const sweep = await apemu(['run', shapeFile(OPEN), '--sweep', '--messages', '500']);
    for (const line of `${text.output}${sweep.output}`.split('\n'))
      expect(line.length, line).toBeLessThanOrEqual(80);
    expect(text.output).toContain('engines by 100.0 us');
    expect(sweep.output).toContain('knee at');
  });
});

describe('a wrong option of apemu run', () => {
  it.each([
    [['--workload', 'aes'], '--workload is aes (expected one of loopback, rsa-2048-crt'],
    [['--workload', 'rng'], 'no guest has an adapter that can run rng (modes: loopback)'],
    [['--messages', '0'], '--messages is 0 (expected a number a queue'],
    [['--rate', 'fast'], '--rate is fast (expected messages a second'],
    [['--rate', 'Nobody=5'], '--rate names the guest Nobody (expected one of Guest1, Guest2)'],
    [['--arrivals', 'bursty'], '--arrivals is bursty (expected fixed, poisson, or a file of times'],
    [['--outstanding', '17'], '--outstanding is 17 (expected a number, 1 to 16)'],
    [['--length', '9..1'], '--length is 9..1 (expected the shorter length first)'],
    [['--length', '0'], '--length is 0 (expected bytes'],
    [['--duration', '5'], '--duration is 5 (expected a time'],
    [['--workers', '48'], '--workers is 48 (expected a number, 1 to 47)'],
    [['--sweep', 'speed'], '--sweep is speed (expected rate=FROM..TO'],
    [['--sweep', 'queues=9'], '9 queues are wanted, guest Guest1 has 2 for loopback'],
    [['--sweep', 'queues', '--sweep', 'queues'], '--sweep queues is there 2 times'],
    [['--wall'], '--wall is for --sweep'],
    [['--target', '1ms'], '--target is for --sweep'],
    [['--sweep', '--stepped', '--wall'], 'choose one'],
    [['--hot-plug', 'often'], '--hot-plug is often (expected a time'],
    [['--hot-plug', '--stepped'], '--hot-plug is for guests on workers'],
    [['--hot-plug', '--sweep'], '--hot-plug is for guests on workers'],
    [['--sweep', '--messages', 'endless'], '--messages endless is not for --sweep'],
    [['--sweep', '--trace', 'trace.txt'], '--trace is not for --sweep'],
    [['--stepped', '--html', '/nowhere/at/all.html'], 'cannot write /nowhere/at/all.html: ENOENT'],
    [['--stepped', '--trace', '/nowhere/trace'], 'cannot write the trace /nowhere/trace: ENOENT'],
  ])('%j ends with exit code 2 and says what was expected', async (options, message) => {
    const { code, output, errors } = await apemu(['run', shapeFile(OPEN), ...options]);
    expect(errors).toContain(message);
    expect([code, output]).toEqual([2, '']);
  });

  it('and a configuration that is not there with 3', async () => {
    const { code, errors } = await apemu(['run', '/nowhere/load.yaml', '--sweep']);
    expect([code, errors.includes('cannot read configuration')]).toEqual([3, true]);
  });
});

describe('the file of --trace', () => {
  it.each([
    ['trace.txt', / Guest1\.0 NQAP 05\.0000 cc=0 rc=00 /],
    ['trace.jsonl', /"guest":"Guest1","vcpu":0,"instruction":"NQAP","apqn":"05\.0000","cc":0,/],
  ])('%s has a line for each instruction, and the command says how many', async (name, line) => {
    const file = join(mkdtempSync(join(tmpdir(), 'apemu-trace-')), name);
    const { code, errors } = await apemu(['run', shapeFile(OPEN), '--stepped', '--trace', file]);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(code).toBe(0);
    expect(errors).toContain(`trace: ${lines.length} instructions in ${file}\n`);
    expect(lines.filter((one) => line.test(one)).length).toBeGreaterThan(0);
  });
});

describe('the page of --html', () => {
  const pageOf = async (...options: string[]): Promise<string> => {
    const html = join(mkdtempSync(join(tmpdir(), 'apemu-html-')), 'page.html');
    const { code } = await apemu(['run', shapeFile(OPEN), ...options, '--html', html]);
    expect(code).toBe(0);
    return readFileSync(html, 'utf8');
  };
  const scriptsOf = (page: string): string[] =>
    [...page.matchAll(/<script>(.*?)<\/script>/gs)].map((match) => match[1]);

  it.each([
    [['--stepped'], ['Latency by percentile', 'Throughput', 'Utilisation of the adapters']],
    [
      ['--sweep', '--messages', '300'],
      ['Throughput', 'Latency', 'Utilisation and full queues'],
    ],
  ])('of %j refers to nothing outside itself and holds its plots', async (options, titles) => {
    const page = await pageOf(...options);
    expect(page).not.toMatch(/https?:/i);
    expect(page).not.toMatch(/\b(?:src|href)\s*=/i);
    expect(page).not.toMatch(/@import|url\(/i);
    const data = /id="charts">(.*?)<\/script>/s.exec(page)?.[1] ?? '';
    const charts: { title: string; x: { values: number[] } }[] = JSON.parse(data);
    expect(charts.map(({ title }) => title)).toEqual(expect.arrayContaining(titles));
    for (const { x } of charts)
      expect(x.values).toEqual(x.values.toSorted((a: number, b: number) => a - b));
  });

  it('says how to make it again, marks percentiles people know, and goes in steps', async () => {
    const page = await pageOf('--stepped');
    for (const name of ['command', 'seed', 'machine', 'apemu', 'computer', 'date'])
      expect(page).toContain(`<dt>${name}</dt><dd>`);
    const data = /id="charts">(.*?)<\/script>/s.exec(page)?.[1] ?? '';
    const [latency] = JSON.parse(data);
    expect(latency).toMatchObject({ title: 'Latency by percentile', steps: true });
    const shares = latency.x.marks.map((place: number) => 100 * (1 - 10 ** -place));
    [50, 90, 99].forEach((share, n) => void expect(shares[n]).toBeCloseTo(share, 6));
    const sweep = JSON.parse(
      /id="charts">(.*?)<\/script>/s.exec(
        await pageOf('--sweep', 'queues=1..2', '--rate', '2000', '--messages', '200'),
      )?.[1] ?? '',
    );
    expect(sweep[0].x).toMatchObject({ kind: 'whole', values: [1, 2], marks: [1, 2] });
  });

  it('draws one plot for each chart with the uPlot inside', async () => {
    const page = await pageOf('--stepped');
    const [plot = '', script = ''] = scriptsOf(page);
    expect(() => new Script(plot)).not.toThrow();
    const data = /id="charts">(.*?)<\/script>/s.exec(page)?.[1] ?? '';
    const drawn: unknown[][] = [];
    const document = {
      getElementById: () => ({ textContent: data }),
      createElement: () => ({}),
      body: { append: () => {}, clientWidth: 800 },
    };
    const uPlot = function (this: unknown, options: PlotOptions, values: unknown[][]): void {
      expect(options.series).toHaveLength(values.length);
      for (const axis of options.axes) expect(axis.values(null, [0, 1, null])[2]).toBe('');
      drawn.push(values);
    };
    const paths = { stepped: () => () => null };
    const context = {
      document,
      uPlot: Object.assign(uPlot, { paths }),
      addEventListener: () => {},
    };
    new Script(script).runInNewContext(context);
    expect(drawn).toHaveLength(JSON.parse(data).length);
  });
});

interface PlotOptions {
  readonly series: unknown[];
  readonly axes: { values: (plot: null, values: (number | null)[]) => string[] }[];
}

describe('apemu run on workers', () => {
  it.each([
    ['rsa-2048-crt', 'accelerator'],
    ['rsa-2048-crt', 'cca'],
    ['rng', 'cca'],
    ['mixed', 'accelerator'],
    ['mixed', 'cca'],
    ['mixed', 'ep11'],
    ['loopback', 'loopback'],
  ])(
    '%s on a %s adapter: every message is answered rightly, with a rate for each guest',
    async (name, mode) => {
      const file = shapeFile({
        mode,
        guests: 2,
        domains: [0, 1],
        service: { model: 'rated' },
        workload: { name, messages: 25 },
      });
      const rates = ['--rate', 'Guest1=2000', '--rate', 'Guest2=1000', '--arrivals', 'poisson'];
      const { output, code } = await apemu([
        'run',
        file,
        '--json',
        '--interval',
        '100ms',
        ...rates,
      ]);
      expect(code).toBe(0);
      const all = records(output);
      expect(all.find(({ record }) => record === 'run')).toMatchObject({
        answered: 100,
        mishaps: {},
      });
      for (const { load } of all.filter(({ record }) => record === 'guest')) {
        const figures = load as Record<string, number>;
        expect(figures['offered']).toBeGreaterThan(0);
        expect(figures['p99.9Ns']).toBeGreaterThanOrEqual(figures['p50Ns']);
      }
    },
  );

  it('--sweep --wall measures in real time', async () => {
    const { output, code } = await apemu([
      ...['run', shapeFile({ service: { time: '1ms', engines: 2 } }), '--json'],
      ...['--sweep', 'rate=100,200', '--wall', '--duration', '300ms'],
    ]);
    expect(code).toBe(0);
    const points = records(output).filter(({ record }) => record === 'point');
    // A busy computer may not carry a load; then the search for the knee adds points between the two.
    expect(points.length).toBeGreaterThanOrEqual(2);
    for (const point of points) expect(point['achieved']).toBeGreaterThan(0);
  });
});
