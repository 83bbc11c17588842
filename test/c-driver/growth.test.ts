// SPDX-License-Identifier: Apache-2.0
// A module whose memory may grow, and does so in the middle of a run: it is told in words, other guests and other cases go on.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apemu } from '../cli/fake-io.ts';
import { canCompile } from './clang.ts';

const EXAMPLE = 'examples/c-driver';
const SUBMIT = 'void ap_driver_submit(struct ap_request *request)\n{\n';
/** It answers some requests before. */
const GROWS = '\tstatic u32 asked;\n\n\tif (++asked > 6)\n\t\t__builtin_wasm_memory_grow(0, 1);\n';
/** The memory section that `apemu cc` makes: one memory of 16 pages, which is also the most. */
const [FIXED, GROWABLE] = [16, 32].map((most) => [5, 4, 1, 1, 16, most]);
const WORDS =
  /the driver made its memory grow: it is the storage of the guest, whose size is fixed/;

const folder = mkdtempSync(join(tmpdir(), 'apemu-growth-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.runIf(canCompile())('a driver that makes its memory grow', () => {
  const module = join(folder, 'grows.wasm');

  beforeAll(async () => {
    const text = readFileSync(`${EXAMPLE}/driver.c`, 'utf8');
    expect(text).toContain(SUBMIT);
    const source = join(folder, 'grows.c');
    writeFileSync(source, text.replace(SUBMIT, SUBMIT + GROWS));
    const { code, errors } = await apemu([
      'cc',
      source,
      `${EXAMPLE}/reply.c`,
      '-I',
      EXAMPLE,
      '-o',
      module,
    ]);
    expect([code, errors]).toEqual([0, '']);
    const bytes = readFileSync(module);
    const at = bytes.indexOf(Buffer.from(FIXED));
    expect(at, 'the memory section').toBeGreaterThan(0);
    bytes.set(GROWABLE, at);
    writeFileSync(module, bytes);
  });

  it.each([
    ['in virtual time', ['--stepped']],
    ['on worker threads', []],
  ])('ends, and the other guest of the machine goes on %s', async (_how, options) => {
    const config = join(folder, 'two.yaml');
    writeFileSync(
      config,
      `apemu: 1
machine: { adapters: { 5: { mode: cca } }, usageDomains: [4, 5] }
guests:
  Grows: { program: ./grows.wasm, workload: { name: mixed, messages: 20 }, mdev: { adapters: [5], domains: [4] } }
  Other: { program: ap-bus, workload: { name: mixed, messages: 20 }, mdev: { adapters: [5], domains: [5] } }
`,
    );
    const { code, output } = await apemu(['run', config, ...options]);
    expect(code).toBe(1);
    const [grows, other] = output.split('== Other: ap-bus ==');
    expect(grows).toMatch(WORDS);
    expect(other).toMatch(/^messages {3}20 answered/m);
  });

  it('is a finding, and the campaign goes on from the kept moment', async () => {
    const out = join(folder, 'campaign');
    const { code, output, errors } = await apemu([
      ...['fuzz', `${EXAMPLE}/machine.yaml`, '--driver', module],
      ...['--out', out, '--cases', '100', '--workers', '1'],
    ]);
    expect(code).toBe(1);
    expect(errors).toMatch(WORDS);
    expect(output).toMatch(/^100 cases: \d+ findings? in /m);
    expect(readdirSync(join(out, 'findings')).every((id) => id.startsWith('throws-'))).toBe(true);
  });
});
