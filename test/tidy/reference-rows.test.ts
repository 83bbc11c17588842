// SPDX-License-Identifier: Apache-2.0
// Each row of the tables and steps that migration and configuration changes are built by has a test, and here is which (issue 18).
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

/** Section, how the row begins, test file, part of the test's name. */
type Row = readonly [section: string, row: string, file: string, name: string];

const STATES = 'test/migration/states.test.ts';
const STREAM = 'test/migration/stream.test.ts';
const COMPATIBILITY = 'test/migration/compatibility.test.ts';
const MOVE = 'test/cluster/migration.test.ts';
const HOST = 'test/config-change/host.test.ts';
const GUEST = 'test/config-change/guest.test.ts';

const LAYOUT = 'header, ADM, queues by APID, then APQI';
const EVENT = 'answers twelve bytes: length, code 1, flags 0, reporting source 5, content code 3';

const MIGRATION: readonly Row[] = [
  ['2', 'VFIO_DEVICE_FEATURE_MIGRATION', STATES, 'MIGRATION GET: STOP_COPY only'],
  ['2', 'VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE', STATES, 'DEVICE_STATE GET: RUNNING'],
  ['2', 'VFIO_DEVICE_FEATURE_MIG_DATA_SIZE', STATES, 'DATA_SIZE GET: 48 + 16 n'],
  ['3', 'RUNNING → STOP, STOP → RUNNING', STATES, '%s to %s: a data file is made: %s'],
  ['3', 'STOP → STOP_COPY', STREAM, 'captures at the first read, not at the transition'],
  ['3', 'STOP_COPY → STOP', STREAM, 'one left for STOP stays valid'],
  ['3', 'STOP → RESUMING', STREAM, 'a file of one direction does not do the other: EBADF'],
  ['3', 'RESUMING → STOP', STREAM, 'incomplete data are silently forgotten at STOP'],
  ['4', '0 | 4 | magic', STREAM, LAYOUT],
  ['4', '4 | 4 | version', STREAM, LAYOUT],
  ['4', '8 | 4 | num_queues', STREAM, 'more than 65536 queues is EINVAL'],
  ['4', '12 | 4 | reserved', STREAM, LAYOUT],
  ['4', '16 | 32 | adm', STREAM, LAYOUT],
  ['4', '48 | 16 × n | qinfo', STREAM, 'of a guest without queues is the header'],
  ['4', '0 | 8 | TAPQ GR2', STREAM, LAYOUT],
  ['4', '8 | 2 | APQN', STREAM, LAYOUT],
  ['4', '10 | 6 | reserved', STREAM, LAYOUT],
  ['5', '1. pwrite', STREAM, 'pwrite is ESPIPE'],
  ['5', '2. Header phase', STREAM, 'more than 65536 queues is EINVAL'],
  ['5', '3. A write that would exceed', STREAM, 'more than the total is EIO, nothing taken'],
  ['5', '4. The write that brings', STREAM, 'replaces the whole matrix, in one write of the masks'],
  ['5', 'a. each APQN', STREAM, 'a queue not bound to vfio_ap is ENODEV; all are reported'],
  ['5', 'b. each ADM bit', STREAM, 'a control domain the host does not have is ENODEV'],
  ['5', 'c. each queue compatible', STREAM, 'TAPQ failing has its errno, the last one wins'],
  ['5', 'd. matrix from the data', STREAM, 'a number above the maximum of a fresh QCI is ENODEV'],
  ['5', 'e. locks', STREAM, 'a device closed while the data are taken is ENODEV'],
  ['5', "f. the mdev's matrix", STREAM, 'a queue of another mdev is EADDRINUSE'],
  ['6', 'S M C (bits 0-2)', COMPATIBILITY, 'facility bits 0 to 7 must be equal:'],
  ['6', 'class bit 8', COMPATIBILITY, 'class bit 8: equal, or 0 at the source and 1 at'],
  [
    '6',
    'bs (16-17)',
    COMPATIBILITY,
    'bind states %i and %i: compatible %s, whatever else is equal',
  ],
  ['6', 'at (32-39)', COMPATIBILITY, 'AP type %i to %i: compatible %s'],
  ['6', 'nd, ml, qd', COMPATIBILITY, 'nd, ml and qd are not looked at'],
  ['8', 'mdev missing', MOVE, 'the mdev does not exist there'],
  ['8', 'queue not bound / not there', MOVE, 'a queue belongs to the host there'],
  ['8', 'TAPQ failed', STREAM, 'TAPQ failing has its errno, the last one wins'],
  ['8', 'incompatible', MOVE, 'a card is older there'],
];

const CONFIG_CHANGE: readonly Row[] = [
  ['1', 'indices', HOST, 'CFG_CHG, index 1'],
  ['1', 'GET_IRQ_INFO', HOST, 'index 2 is EINVAL'],
  ['1', 'SET_IRQS checks, in order', HOST, 'bad pointer EFAULT, before all others'],
  ['1', 'lifetime', HOST, 'the eventfd stays registered when the guest closes and opens again'],
  ['1', 'signalled', HOST, 'signalled, in the order CRYCB, event, resets:'],
  ['1', 'not signalled', HOST, 'an adapter configured off and on (SCLP): masks unchanged'],
  ['1', 'after unsignalled?', GUEST, 'coalesces changes while the main loop of user space is busy'],
  ['2', 'selection', GUEST, 'cannot be asked not to store NT0'],
  ['2', 'NT0 first', GUEST, 'has nothing for a guest whose CPU model has no ap'],
  ['2', 'have more', GUEST, 'says more until the last of several events'],
  ['2', 'response code', GUEST, 'answers code 5 with the minimum length when nothing is stored'],
  ['2', '0 | 2 | length = 12', GUEST, EVENT],
  ['2', '2 | 2 | code = 1', GUEST, EVENT],
  ['2', '4 | 1 | reserved', GUEST, EVENT],
  ['2', '5 | 2 | reserved', GUEST, EVENT],
  ['2', '7 | 1 | nt = 0', GUEST, EVENT],
  ['2', '8 | 1 | flags', GUEST, EVENT],
  ['2', '9 | 1 | reserved', GUEST, EVENT],
  ['2', '10 | 1 | rs = 5', GUEST, EVENT],
  ['2', '11 | 1 | cc = 3', GUEST, EVENT],
];

/** Rows of tables without their headings, and steps of lists, as `SECTION TEXT`. */
const rowsOf = (text: string, sections: ReadonlySet<string>): string[] => {
  const found: string[] = [];
  let section = '';
  for (const [line, next] of pairs(text.split('\n'))) {
    section = /^## (\d+)\./.exec(line)?.[1] ?? section;
    const isStep = /^\s*(?:[a-g]|\d)\. /.test(line);
    const isCell = line.startsWith('|') && !line.startsWith('|---') && !next.startsWith('|---');
    if (sections.has(section) && (isStep || isCell))
      found.push(`${section} ${line.trim().replace(/^\| /, '')}`);
  }
  return found;
};

function* pairs(lines: readonly string[]): Generator<readonly [string, string]> {
  for (const [n, line] of lines.entries()) yield [line, lines[n + 1] ?? ''];
}

describe.each([
  ['docs/reference/migration.md', MIGRATION],
  ['docs/reference/config-change.md', CONFIG_CHANGE],
])('%s', (page, rows) => {
  const found = rowsOf(read(page), new Set(rows.map(([section]) => section)));

  it('has a test for each row', () => {
    const without = found.filter(
      (row) => !rows.some(([section, begin]) => row.startsWith(`${section} ${begin}`)),
    );
    expect(without).toEqual([]);
    expect(found.length).toBeGreaterThanOrEqual(rows.length);
  });

  it('has each row that is named here', () => {
    const gone = rows.filter(
      ([section, begin]) => !found.some((row) => row.startsWith(`${section} ${begin}`)),
    );
    expect(gone).toEqual([]);
  });

  it('has tests of these names', () => {
    const missing = rows.filter(([, , file, name]) => !read(file).includes(name));
    expect(missing).toEqual([]);
  });
});

it('a row without a test is noticed', () => {
  const page = '## 2. X\n| a | b |\n|---|---|\n| new | row |\n';
  expect(rowsOf(page, new Set(['2']))).toEqual(['2 new | row |']);
});
