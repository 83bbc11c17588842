// SPDX-License-Identifier: Apache-2.0
// `apemu golden` on the real machine: recordings that agree, one that does not, files that are none.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apemu } from './fake-io.ts';

const GOLDEN = new URL('../golden/', import.meta.url).pathname;
let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'apemu-golden-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('apemu golden', () => {
  it.each([
    ['linux-6.12', 'vfio-ap-linux-6.12/sequence-101.jsonl.gz'],
    ['linux-6.12', 'vfio-ap-linux-6.12-partition-changes/sequence-201.jsonl.gz'],
    ['linux-6.1', 'vfio-ap-linux-6.1-partition-changes/sequence-301.jsonl.gz'],
  ])('--kernel %s agrees with %s', async (kernel, name) => {
    const { code, output, errors } = await apemu(['golden', '--kernel', kernel, GOLDEN + name]);
    expect(errors).toBe('');
    expect(output).toMatch(/: [\d,]+ writes, [\d,]+ reads, \d+ changes of the partition: ok\n$/);
    expect(code).toBe(0);
  });

  it('shows the first difference with file and line, and exits with 1', async () => {
    const file = join(dir, 'changed.jsonl');
    const text = gunzipSync(
      readFileSync(`${GOLDEN}vfio-ap-linux-6.12/sequence-101.jsonl.gz`),
    ).toString();
    const lines = text.split('\n');
    const at = lines.findIndex((line) => line.startsWith('["read"') && line.includes('"ok"'));
    lines[at] = lines[at].replace(/"ok",".*"\]$/, '"EINVAL"]');
    writeFileSync(file, lines.join('\n'));
    const { code, output } = await apemu(['golden', file]);
    expect(code).toBe(1);
    expect(output).toContain(`${file}:${at + 1}: 1x ["read"`);
    expect(output).toContain('  expected ["EINVAL"]\n  got      ["ok"');
    expect(output).toContain(': 1 difference of 1 kind');
  });

  it('--json prints one object a file', async () => {
    const file = `${GOLDEN}vfio-ap-linux-6.12/sequence-102.jsonl.gz`;
    const { output } = await apemu(['golden', '--json', file]);
    expect(JSON.parse(output)).toMatchObject({ file, differences: 0 });
  });

  it.each([
    ['none.jsonl', undefined, 'APEMU_ERR_GOLDEN_READ'],
    ['text.jsonl', 'hello\n', 'APEMU_ERR_GOLDEN_LINE'],
    ['cut.jsonl.gz', '\u001f\u008b', 'APEMU_ERR_GOLDEN_READ'],
  ])('%s is no recording: exit 3', async (name, text, errorCode) => {
    const file = join(dir, name);
    if (text !== undefined) writeFileSync(file, text, 'latin1');
    const { code, output, errors } = await apemu(['golden', file]);
    expect([code, output]).toEqual([3, '']);
    expect(errors).toContain(`[${errorCode}]`);
  });
});
