// SPDX-License-Identifier: Apache-2.0
// The file of counters is closed once: its number may be another file's by the time somebody closes it again.
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CoverageFile } from '../../src/kernel-fuzz/coverage.ts';

it('a file of counters that is closed again leaves the file alone that has its number now', () => {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-coverage-'));
  const counters = new CoverageFile(join(folder, 'counters'));
  counters.close();
  const other = openSync(join(folder, 'other'), 'w');
  expect(other).toBe(counters.fd);
  counters.close();
  expect(fstatSync(other).size).toBe(0);
  closeSync(other);
  rmSync(folder, { recursive: true });
});
