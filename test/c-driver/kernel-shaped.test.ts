// SPDX-License-Identifier: Apache-2.0
// A state machine with a kernel's names is built as docs/c-drivers.md says, and campaigns find in it what they found in Linux's.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apemu } from '../cli/fake-io.ts';
import { canCompile } from './clang.ts';

const FOLDER = 'examples/c-driver';
const SOURCES = ['kernel-shaped/queue.c', 'kernel-shaped/bus.c', 'reply.c'];
const folder = mkdtempSync(join(tmpdir(), 'apemu-kernel-shaped-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(!canCompile())('a driver that is shaped as a kernel’s', () => {
  const findings: string[] = [];
  beforeAll(async () => {
    const module = join(folder, 'kernel-shaped.wasm');
    const sources = SOURCES.map((file) => join(FOLDER, file));
    expect(await apemu(['cc', ...sources, '-o', module])).toMatchObject({ code: 0 });
    const out = join(folder, 'out');
    const fuzz = ['fuzz', `${FOLDER}/machine.yaml`, '--driver', module, '--out', out];
    expect(await apemu([...fuzz, '--cases', '1500', '--workers', '1'])).toMatchObject({ code: 1 });
    const found = join(out, 'findings');
    for (const name of readdirSync(found))
      for (const file of readdirSync(join(found, name)))
        if (/\.(ap|txt|md)$/.test(file))
          findings.push(`${name}\n${readFileSync(join(found, name, file), 'utf8')}`);
  });

  it.each([
    [
      'an asynchronous error at DQAP keeps a request for ever',
      /^ends-once-[\s\S]*on dqap #1: rc=3[56]/,
    ],
    ['replies under other PSMIDs make it send without end', /^progress-[\s\S]*reply psmid=/],
    ['with the place in its source', /kernel-shaped\/queue\.c:\d+/],
  ])('%s', (_what, pattern) => {
    expect(findings.filter((text) => pattern.test(text))).not.toEqual([]);
  });
});
