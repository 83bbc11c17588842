// SPDX-License-Identifier: Apache-2.0
// NQAP and DQAP as lines of a kernel's trace: held against lines that a stock 7.3 wrote (docs/reference/ap-architecture.md names the events).

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ftraceText } from '../../src/trace/ftrace.ts';
import type { TraceRecord } from '../../src/trace/record.ts';
import { apemu } from '../cli/fake-io.ts';

const record = (fields: Partial<TraceRecord>): TraceRecord => ({
  timeNs: 40_760_641_999,
  guest: 'rsa-test',
  vcpu: 1,
  instruction: 'NQAP',
  apqn: '06.0004',
  gr0: 0x40000604,
  gr1: 0x01000000,
  cc: 0,
  rc: 0,
  program: undefined,
  psmid: '0000007a00000001',
  ...fields,
});

/** Written by Debian's 7.3; its task number is the process, its flags its scheduler's. */
const OBSERVED = [
  '        rsa-test-122     [001] b..1.    40.760641: s390_ap_nqap: card=6 dom=4 status=0x01000000 psmid=0x0000007a00000001',
  '        rsa-test-122     [001] b..1.    41.104116: s390_ap_dqap: card=6 dom=171 status=0x81000000 psmid=0x0000007a00000002',
];

const withoutTask = (line: string): string =>
  line.replace(/-\d+ +/, '-N ').replace(/[.b1]{5}/, 'F');

describe('a line', () => {
  it('is that of the kernel, but for what only the kernel knows', () => {
    const lines = [
      record({}),
      record({
        timeNs: 41_104_116_000,
        instruction: 'DQAP',
        apqn: '06.00ab',
        gr1: 0x81000000 | 0,
        psmid: '0000007a00000002',
      }),
    ].map(ftraceText);
    expect(lines.map((line) => withoutTask(line.trimEnd()))).toEqual(OBSERVED.map(withoutTask));
    // Every column stands where the kernel has it.
    const columns = (line: string): number[] => [line.indexOf('['), line.indexOf(': s390_')];
    expect(lines.map(columns)).toEqual(OBSERVED.map(columns));
  });

  it.each([
    ['another instruction', { instruction: 'TAPQ', psmid: undefined }],
    ['one without a queue', { instruction: 'QCI', apqn: undefined }],
    ['a program interruption', { program: 6, cc: undefined, rc: undefined }],
  ])('is not there for %s', (_what, fields) => {
    expect(ftraceText(record(fields))).toBe('');
  });

  it('has refusals, too: a full queue is status 0x00100000 and more', () => {
    expect(ftraceText(record({ gr1: 0x20100000, rc: 0x10, cc: 3 }))).toContain('status=0x20100000');
  });
});

describe('apemu run --trace FILE.ftrace', () => {
  it('writes the columns’ heading and one line for each NQAP and DQAP', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'apemu-ftrace-'));
    const [ftrace, plain] = ['t.ftrace', 't.txt'].map((name) => join(folder, name));
    try {
      for (const file of [ftrace, plain])
        await apemu([
          'run',
          'examples/two-guests.yaml',
          '--stepped',
          '--messages',
          '20',
          '--trace',
          file,
        ]);
      const lines = readFileSync(ftrace, 'utf8').trimEnd().split('\n');
      const events = lines.filter((line) => !line.startsWith('#'));
      const of = readFileSync(plain, 'utf8').match(/ (?:NQAP|DQAP) .* cc=/g) ?? [];
      expect(lines[0]).toBe('# tracer: nop');
      expect(events).toHaveLength(of.length);
      expect(events.length).toBeGreaterThan(40);
      expect(events[0]).toMatch(
        /^ +Guest\d-\d +\[\d{3}\] \.{5} +\d+\.\d{6}: s390_ap_[nd]qap: card=/,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
