// SPDX-License-Identifier: Apache-2.0
// The architecture's tables rule: a kernel built from a changed row does what the row now says.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createBench, kernelFactory } from '../exec/kernel-under-test.ts';
import { aqic, F, pqap } from '../vectors/build.ts';
import { STANDARD } from '../vectors/presets.ts';
import { runVector } from '../vectors/run.ts';
import type { Step } from '../vectors/vector.ts';
import { buildKernel } from './kernel-build.ts';
import { applyEdit, copySources, type Edit } from './source-copy.ts';

const folder = mkdtempSync(join(tmpdir(), 'apemu-tables-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface ChangedRow extends Omit<Edit, 'files'> {
  /** What a kernel with the row does, and one without it does not. */
  readonly steps: readonly Step[];
}

const Q = 0x0504;
const DECONFIGURE: Step = { op: 'deconfigure', apid: 5 };

const FUNCTION_ROWS: readonly ChangedRow[] = [
  {
    name: "bit41: the host's AQIC with GR0 bit 41",
    find: /(needs: FACILITY_AQIC,\n\s+bit41:) 0/g,
    put: '$1 FACILITY_AQIC',
    steps: [[aqic(Q | 0x00400000, 0x0000800000000006n, 0x2000n), { rc: 0, cc: 0 }]],
  },
  {
    name: 'bit41: RAPQ without F',
    find: 'bit41: FACILITY_APSB',
    put: 'bit41: 0',
    steps: [[pqap('rapq', Q, { guest: 0, bits: F }), { pgm: 6 }]],
  },
  {
    name: 'reserved: GR0 bit 47',
    find: 'reserved: GR0_RESERVED_ALWAYS',
    put: 'reserved: 0x003e0000',
    steps: [[pqap('zapq', Q, { guest: 0, bits: 0x00010000n }), { rc: 0, cc: 0 }]],
  },
  {
    name: 'reserved: GR0 bits of QCI',
    find: 'reserved: 0,',
    put: 'reserved: 1,',
    steps: [[pqap('qci', 1), { pgm: 6 }]],
  },
  {
    name: 'namesQueue: QCI has the APQN of a queue that is not available',
    find: 'namesQueue: false',
    put: 'namesQueue: true',
    steps: [[pqap('qci', 0x9999), { rc: 1, cc: 3 }]],
  },
];

const RESPONSE_ROWS: readonly ChangedRow[] = [
  {
    name: 'cc: 0 with response code 03',
    find: 'cc: code === AP_RESPONSE_NORMAL ? CC_NORMAL : CC_RESPONSE',
    put: 'cc: code === AP_RESPONSE_DECONFIGURED ? CC_NORMAL : CC_RESPONSE',
    steps: [DECONFIGURE, [pqap('zapq', Q), { rc: 3, cc: 0 }]],
  },
  {
    name: 'cc: 0 with response code 01, on the fast path',
    find: 'cc: code === AP_RESPONSE_NORMAL ? CC_NORMAL : CC_RESPONSE',
    put: 'cc: code <= AP_RESPONSE_Q_NOT_AVAIL ? CC_NORMAL : CC_RESPONSE',
    steps: [[pqap('tapq', 0x2104), { rc: 1, cc: 0, gr: { 2: 0n } }]],
  },
  {
    name: 'flags: E with response code 03',
    find: "'adapter standby'",
    put: "'adapter standby', 'f'",
    steps: [DECONFIGURE, [pqap('zapq', Q), { cc: 3, gr: { 1: 0x80030000n } }]],
  },
  {
    name: 'async: A with response code 03',
    find: "'adapter standby'",
    put: "'adapter standby', 'A'",
    steps: [DECONFIGURE, [pqap('zapq', Q), { cc: 3, gr: { 1: 0x02030000n } }]],
  },
];

const { image } = await createBench();

/** What a kernel does otherwise than the steps say; of the built kernel without a file. */
const differences = async (row: ChangedRow, file?: string): Promise<string[]> => {
  const bench = await createBench(file, image);
  return runVector(kernelFactory(bench), { name: row.name, preset: STANDARD, steps: row.steps });
};

describe.each([
  ['FUNCTION_CODES', 'arch/function-codes.ts', FUNCTION_ROWS],
  ['RESPONSE_CODES', 'arch/response-codes.ts', RESPONSE_ROWS],
] as const)('a changed row of %s changes execution', (_table, path, rows) => {
  it.each(rows.map((row) => [row.name, row] as const))('%s', async (name, row) => {
    const root = copySources(join(folder, name.replaceAll(/\W+/g, '-')));
    applyEdit(root, { ...row, files: [path] });
    await buildKernel(root, join(root, 'dist'));
    expect(await differences(row)).not.toEqual([]);
    expect(await differences(row, join(root, 'dist/kernel.js'))).toEqual([]);
  });
});
