// SPDX-License-Identifier: Apache-2.0
// The example driver in C: as the program of a guest, under `apemu fuzz`, and from the library.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { apemu } from '../cli/fake-io.ts';

interface RunRecord {
  readonly record: string;
  readonly answered?: number;
  readonly unanswered?: number;
  readonly oldestNs?: number;
}

const FOLDER = 'examples/c-driver';
const folder = mkdtempSync(join(tmpdir(), 'apemu-c-driver-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the example driver in C', () => {
  it.each([
    ['in virtual time', ['--stepped']],
    ['on a worker thread', []],
  ])(
    'exchanges RSA, random numbers and queries with both kinds of adapters %s',
    async (_how, options) => {
      const { code, output } = await apemu(['run', `${FOLDER}/guests.yaml`, ...options]);
      expect(code).toBe(0);
      const [guest, all] = output.split('== all guests');
      // A request that was wrong or failed would stand in a line of its own.
      for (const part of [guest, all]) {
        expect(part).toMatch(/^messages {3}400 answered, /m);
        expect(part).toMatch(/^latency {4}p50 [1-9].* p99 [1-9]/m);
        expect(part).not.toMatch(/^attention/m);
      }
    },
  );

  it('has the requests that are still open in the figures of all guests', async () => {
    const { code, output } = await apemu([
      'run',
      `${FOLDER}/guests.yaml`,
      ...['--stepped', '--duration', '22ms', '--json'],
    ]);
    const records = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as RunRecord);
    const all = records.find(({ record }) => record === 'run');
    expect([code, all?.answered, all?.unanswered]).toEqual([0, expect.any(Number), 8]);
    expect(all?.oldestNs).toBeGreaterThan(0);
  });

  it('has no finding, and its branches have lines', async () => {
    const { code, output } = await apemu([
      'fuzz',
      `${FOLDER}/machine.yaml`,
      '--driver',
      `${FOLDER}/driver.wasm`,
      '--out',
      join(folder, 'clean'),
      '--cases',
      '300',
      '--workers',
      '1',
      '--json',
    ]);
    expect(code).toBe(0);
    const stats = JSON.parse(output) as { places: number; placesAll: number; findings: unknown[] };
    expect(stats.findings).toEqual([]);
    expect(stats.placesAll).toBeGreaterThan(200);
    expect(stats.places).toBeGreaterThan(100);
  });
});
