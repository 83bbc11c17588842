// SPDX-License-Identifier: Apache-2.0
// Small inputs that ask for much: each is refused with its place, or done without the memory and the time it seems to ask for.

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apemu, FakeIo } from './fake-io.ts';

let dir = '';
const file = (name: string): string => join(dir, name);
const CONFIG = new URL('../../examples/playground.yaml', import.meta.url).pathname;
const HEADER = 'apemu-program 1\n';

const write = (name: string, content: string | Uint8Array): string => {
  writeFileSync(file(name), content);
  return file(name);
};
const program = (body: string): string => write('program.ap', HEADER + body);
const exec = (body: string) => apemu(['exec', '--config', CONFIG, program(body)]);

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'apemu-bounds-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('a text that is longer than anybody writes', () => {
  it('is refused as a recording: 100 million lines in 97 kilobytes of gzip', async () => {
    const path = write('lines.jsonl.gz', gzipSync('\n'.repeat(100_000_000)));
    const { code, errors } = await apemu(['golden', path]);
    expect(code).toBe(3);
    expect(errors).toBe(
      `${path}:1000001: the recording is too long (expected at most 1000000 lines) [APEMU_ERR_GOLDEN_READ]\n`,
    );
  });

  it('is refused as a recording: gigabytes in a megabyte of gzip', async () => {
    const path = write('bytes.jsonl.gz', gzipSync(Buffer.alloc(200 * 1024 * 1024)));
    const { code, errors } = await apemu(['golden', path]);
    expect(code).toBe(3);
    expect(errors).toBe(
      `${path}: the recording is too long (expected at most 128 MiB) [APEMU_ERR_GOLDEN_READ]\n`,
    );
  });

  it('is refused as an AP program: 100 million empty lines', async () => {
    const { code, errors } = await exec('\n'.repeat(100_000_000));
    expect(code).toBe(3);
    expect(errors).toBe(
      `${file('program.ap')}:2000001: the program is too long (expected at most 2000000 lines) [APEMU_ERR_PROGRAM_READ]\n`,
    );
  });

  it('is refused as a configuration', async () => {
    const path = write('lines.yaml', '\n'.repeat(1_000_001));
    const { code, errors } = await apemu(['run', path]);
    expect(code).toBe(3);
    expect(errors).toMatch(
      /:1000001: the configuration is too long \(expected at most 1000000 lines\)/,
    );
  });
});

describe('a file without end', () => {
  const fuzzing = new URL('../../examples/fuzzing/machine.yaml', import.meta.url).pathname;
  it.each([
    ['a program', ['exec', '--config', CONFIG, '/dev/zero'], 'program'],
    ['a scenario', ['fuzz', fuzzing, '--replay', '/dev/zero'], 'program'],
    ['a run', ['report', '/dev/zero', '/dev/zero'], 'run'],
    ['a kernel', ['qemu', CONFIG, '--guest', 'Alice', '--kernel', '/dev/zero'], 'kernel'],
    [
      'a test kernel',
      ['qemu', CONFIG, '--guest', 'Alice', '--kernel', '/dev/zero', '--hook', 'bare'],
      'kernel',
    ],
  ])('is refused as %s', async (_what, args, name) => {
    const { code, errors } = await apemu(args);
    expect(code).toBe(3);
    expect(errors).toContain(`the ${name} is too long`);
  });

  it('is looked for among the scenarios to begin with, with --driver too', async () => {
    const out = file('campaign');
    const { code, errors } = await apemu([
      ...['fuzz', fuzzing, '--driver', 'ap-bus', '--out', out, '--from', file('nowhere')],
    ]);
    expect([code, errors]).toEqual([2, expect.stringContaining('holds no scenarios')]);
  });
});

describe('a run of more adapters than there are', () => {
  it('is compared, and drawn as far as anybody could read it', async () => {
    const lines = Array.from({ length: 9_000 }, (_, n) =>
      JSON.stringify({
        record: n % 2 ? 'adapter' : 'sample',
        apid: n,
        serviceNs: n,
        timeNs: n,
        utilisation: { [n]: 1 },
      }),
    );
    const path = write('run.json', `${lines.join('\n')}\n{"record":"run"}\n`);
    const { code } = await apemu(['report', path, path, '--html', file('run.html')]);
    expect(code).toBe(0);
    // A line for each of them with a place for each of the others is ten times that.
    expect(statSync(file('run.html')).size).toBeLessThan(20_000_000);
  });
});

describe('a short line that asks for much', () => {
  it('is expanded when it runs: 10,000 lines that write 256 KiB each', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const { code, output } = await exec('Alice.0: mem 0x0 = 00ff*131072\n'.repeat(10_000));
    expect(code).toBe(0);
    expect(output).toMatch(/: 10,000 lines, 0 instructions: ok\n$/);
    // Expanded at once, they are 2.4 GiB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 28);
  });

  it('writes what it says, whatever the length of its unit', async () => {
    const lines = [
      'Alice.0: mem 0x100 = 010203*5',
      'Alice.0: mem 0x100 16 => 01020301020301020301020301020300',
      'Alice.0: mem 0x100 = aa*1',
      'Alice.0: mem 0x100 3 => aa0203',
      'Alice.0: mem 0x1000 = 00112233*1024',
      'Alice.0: mem 0x1000 4096 => 00112233*1024',
    ];
    const { code, output } = await exec(`${lines.join('\n')}\n`);
    expect([code, output]).toEqual([0, expect.stringContaining('6 lines, 0 instructions: ok')]);
  });

  it('may read no more than a line may write', async () => {
    const { code, errors } = await exec('Alice.0: mem 0x0 16777217\n');
    expect(code).toBe(3);
    expect(errors).toContain('the length is 16777217 (expected a number up to 0x1000000');
  });

  it('ends with its thread: 2,000 lines of 10,000 steps of an operation that has ended', async () => {
    const body = `step: A sysfs: cat /sys/bus/ap/ap_domain\n${'step: A 10000\n'.repeat(2000)}`;
    const { code, output } = await exec(body);
    expect(code).toBe(0);
    expect(output).toContain('2,001 lines');
  });

  it('of more steps than any operation has is refused', async () => {
    const { code, errors } = await exec(
      'step: A sysfs: cat /sys/bus/ap/ap_domain\nstep: A 1000000\n',
    );
    expect(code).toBe(3);
    expect(errors).toContain('step got 1000000');
  });
});

describe('Ctrl-C', () => {
  it('comes between any two lines of a program, however long they take', async () => {
    const io = new FakeIo();
    const path = program('Alice.0: mem 0x0 = 00*262144\n'.repeat(100_000));
    const running = apemu(['exec', '--config', CONFIG, path], io);
    setTimeout(() => io.interrupt(), 0);
    const { code, output } = await running;
    expect(code).toBe(130);
    expect(output).toMatch(/: \d{1,5} lines, 0 instructions, interrupted: ok\n$/);
  });
});
