// SPDX-License-Identifier: Apache-2.0
// Secrets: no message body reaches a log, an error or a result unless the user asks for storage. Source: issue 5.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { WORKLOAD_KEYS } from '../../src/cex/messages/workload-keys.ts';
import { apemu } from '../cli/fake-io.ts';

const SRC = resolve(import.meta.dirname, '../../src');
const folder = mkdtempSync(join(tmpdir(), 'apemu-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Pieces of the private keys the workloads send: 8 bytes from the middle of each part. */
const SECRETS: readonly Uint8Array[] = WORKLOAD_KEYS.flatMap((key) =>
  [key.p, key.q, key.dp, key.dq, key.u].map((part) => part.subarray(40, 49)),
);

/** Ways in which bytes get into a text. */
const spellings = (bytes: Uint8Array): readonly string[] => {
  const buffer = Buffer.from(bytes);
  const hex = buffer.toString('hex');
  return [
    hex,
    hex.match(/../g)?.join(' ') ?? '',
    [...bytes].join(','),
    buffer.toString('latin1'),
    // Base64 of the 9 bytes at each place within a group of three.
    ...[0, 1, 2].map((skip) => buffer.subarray(skip, skip + 6).toString('base64')),
  ];
};

const found = (text: string): readonly string[] => {
  const flat = text.replace(/[\s"]*,[\s"]*/g, ',').toLowerCase();
  return SECRETS.flatMap(spellings).filter(
    (spelling) => text.includes(spelling) || flat.includes(spelling),
  );
};

const CONFIG = join(folder, 'secrets.yaml');
writeFileSync(
  CONFIG,
  `apemu: 1
machine:
  adapters: { 5: { mode: cca }, 6: { mode: accelerator } }
  usageDomains: [4]
guests:
  G: { mdev: { adapters: [5, 6], domains: [4] }, program: ap-bus, workload: { name: rsa-2048-crt, messages: 40 } }
faults:
  - { apqn: 05.0004, reply: 82/10, count: 3 }
  - { apqn: 05.0004, reply: shape/short-result, count: 3 }
  - { apqn: 06.0004, on: dqap, rc: 5, count: 1 }
  - { apqn: 06.0004, on: nqap, drop: true, count: 1 }
`,
);

describe('the detector', () => {
  it.each<readonly [string, (key: Uint8Array) => string]>([
    ['hexadecimal', (key) => `x ${Buffer.from(key).toString('hex')} y`],
    ['a JSON of bytes', (key) => JSON.stringify({ p: key })],
    ['a JSON of a Buffer', (key) => JSON.stringify(Buffer.from(key), null, 2)],
    ['base64', (key) => Buffer.from(key).toString('base64')],
    ['a hex dump', (key) => Buffer.from(key).toString('hex').replace(/../g, '$& ')],
    ['raw bytes', (key) => Buffer.from(key).toString('latin1')],
  ])('finds a key in %s', (what, write) => {
    const text = write(WORKLOAD_KEYS[0].p);
    const spelled = what === 'a JSON of bytes' ? text.replace(/"\d+":/g, '') : text;
    expect(found(spelled).length).toBeGreaterThan(0);
  });
});

describe('a run with everything logged', () => {
  it.each([
    ['stepped', ['--stepped']],
    ['stepped, as records', ['--stepped', '--json']],
    // A lost reply is waited for half a minute, of real time.
    ['on a worker', ['--workers', '1', '--duration', '3s']],
  ])('%s, with replies that are wrong, lost or late, shows no key', async (_what, options) => {
    const { code, output, errors } = await apemu([
      '--log-level',
      'trace',
      'run',
      ...options,
      CONFIG,
    ]);
    // Lost and wrong replies are the run's verdict.
    expect([code, output.length > 100]).toEqual([1, true]);
    expect(found(output + errors)).toEqual([]);
  });

  it('of a program shows storage only where a line asks for it', async () => {
    const secret = Buffer.from(WORKLOAD_KEYS[0].p).toString('hex');
    const file = join(folder, 'secret.ap');
    writeFileSync(
      file,
      `apemu-program 1\nconfig secrets.yaml\nG.0: mem 0x4000 = ${secret}\nG.0: nqap 06.0004 psmid=1 addr=0x4000 len=128 => rc=99\nclock: run\nG.0: dqap 06.0004 addr=0x5000 len=0x3000 => rc=99\n`,
    );
    const { code, output, errors } = await apemu(['--log-level', 'trace', 'exec', file]);
    expect([code, errors]).toEqual([1, '']);
    expect(output).toContain('rc  expected 99');
    expect(found(output)).toEqual([]);
    const records = await apemu(['exec', '--json', file]);
    const ofMessages = records.output.split('\n').filter((line) => !line.includes('"line":3,'));
    expect(ofMessages.length).toBeGreaterThan(3);
    expect(found(ofMessages.join('\n'))).toEqual([]);
  });
});

describe('log calls', () => {
  const CALL = /\blog(?:ger)?\.(?:trace|debug|info|warn|error|fatal)\(([^)]*)\)/g;
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const calls = files.flatMap((file) =>
    [...readFileSync(join(SRC, file), 'utf8').matchAll(CALL)].map((match) => ({
      file,
      what: match[1],
    })),
  );

  it('are few, in the command line and the parts that talk to QEMU, and log errors and names', () => {
    expect(files.length).toBeGreaterThan(200);
    expect(calls.length).toBeGreaterThan(2);
    const wrong = calls.filter(
      ({ file, what }) =>
        !/^(cli|qemu|vcpu-pool)\//.test(file) ||
        /\b(storage|message|request|reply|bytes|payload|buffer|key)\b/i.test(what),
    );
    expect(wrong).toEqual([]);
  });
});
