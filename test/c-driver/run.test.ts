// SPDX-License-Identifier: Apache-2.0
// The example driver in C: as the program of a guest, under `apemu fuzz`, and from the library.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { apemu } from '../cli/fake-io.ts';

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
      expect(output).toMatch(/^messages {3}400 sent {2}400 answered {2}0 wrong {2}0 failed$/m);
    },
  );

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
