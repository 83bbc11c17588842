// SPDX-License-Identifier: Apache-2.0
// `apemu golden --record` and `--compare`, with the model in a kernel's place.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apemu, FakeIo } from './fake-io.ts';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'apemu-recorder-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

const record = (...more: string[]) =>
  apemu(['golden', '--record', '--kernel', 'linux-6.12', '--operations', '40', ...more]);

describe('apemu golden --record', () => {
  it.each(['a.jsonl', 'a.jsonl.gz', 'a.jsonl.br'])('makes %s, which replays', async (name) => {
    const file = join(dir, name);
    const { code, output } = await record('--seed', '3', file);
    expect(output).toMatch(/^kernel linux-6\.12: \d+ operations, [\d,]+ observations\n$/);
    expect(code).toBe(0);
    const replayed = await apemu(['golden', '--no-search', file]);
    expect(replayed.output).toMatch(/ events?: ok\n$/);
    expect(replayed.code).toBe(0);
  });

  it('makes the same of the same seed, other operations of other kinds', async () => {
    const files = ['1', '2', '3'].map((name) => join(dir, `${name}.jsonl`));
    await record('--seed', '5', files[0]);
    await record('--seed', '5', files[1]);
    await record('--seed', '5', '--kind', 'masks,bind', files[2]);
    const [first, second, third] = files.map((file) => readFileSync(file, 'utf8'));
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    expect(third).not.toContain('assign_adapter",');
  });

  it('--from performs what a recording has', async () => {
    const from = join(dir, 'from.jsonl');
    const out = join(dir, 'out.jsonl');
    writeFileSync(
      from,
      '["write","/sys/bus/ap/apmask","-5\\n","EIO"]\n["read","/sys/bus/ap/apmask","EIO"]\n',
    );
    expect((await record('--from', from, out)).code).toBe(0);
    const text = readFileSync(out, 'utf8');
    expect(text).toContain('["write","/sys/bus/ap/apmask","-5\\n","ok"]');
    expect(text).toMatch(/\["read","\/sys\/bus\/ap\/apmask","ok","0xfb/);
  });

  it('an end by Ctrl-C writes nothing', async () => {
    const io = new FakeIo();
    io.interrupt();
    const file = join(dir, 'interrupted.jsonl');
    const { code } = await apemu(['golden', '--record', '--kernel', 'linux-6.12', file], io);
    expect(code).toBe(130);
    expect(existsSync(file)).toBe(false);
  });
});

describe('apemu golden --compare', () => {
  const compare = (...more: string[]) =>
    apemu(['golden', '--compare', '--operations', '30', '--time', '1ms', ...more]);

  it('ends with a table of what was compared', async () => {
    const { code, output } = await compare('--kernel', 'linux-7.2');
    expect(output).toMatch(
      /^kernel linux-7\.2 and the model of linux-7\.2: 1 sequence\nOPERATIONS /,
    );
    expect(output).toMatch(/^assignment +\d+$/m);
    expect(output).toMatch(/^texts of files +[\d,]+$/m);
    expect(output).toMatch(/^DIFFERENCES +0$/m);
    expect(code).toBe(0);
  });

  it('shows the fewest operations after which two profiles differ, and keeps their recording', async () => {
    const out = join(dir, 'found');
    const { code, output } = await compare(
      '--kernel',
      'linux-7.2',
      '--profile',
      'linux-6.12',
      '--out',
      out,
    );
    expect(code).toBe(1);
    const [, fewest, found] =
      /^difference, after (\d+) operations? \(found after ([\d,]+) of seed 1,/.exec(output) ?? [];
    expect(Number(fewest)).toBeLessThanOrEqual(5);
    expect(Number(found)).toBeGreaterThan(Number(fewest));
    expect(output).toContain('    the kernel ');
    const recording = join(out, 'finding-1.jsonl');
    const again = await apemu(['golden', '--no-search', '--kernel', 'linux-6.12', recording]);
    expect(again.code).toBe(1);
    expect((await apemu(['golden', '--no-search', '--kernel', 'linux-7.2', recording])).code).toBe(
      0,
    );
  });

  it('--json is one object', async () => {
    const { output } = await compare('--kernel', 'linux-6.1', '--json');
    expect(JSON.parse(output)).toMatchObject({
      release: 'linux-6.1',
      differences: 0,
      sequences: 1,
    });
  });
});

describe('a command line that cannot be', () => {
  it.each([
    [['--record', '--compare', 'x'], 'exclude each other'],
    [['--record'], 'one file'],
    [['--record', 'a', 'b'], 'one file'],
    [['--compare', 'a'], 'takes no file'],
    [[], 'needs a recording'],
    [['--kernel', 'vmlinuz', 'x.jsonl'], 'expected one of current'],
    [['--record', '--kind', 'mask', 'x'], 'no kind mask; there are assignment'],
    [['--record', '--operations', '0', 'x'], '--operations is 0 (expected a number'],
    [['--compare', '--time', 'soon'], '--time is soon (expected a time such as'],
  ])('golden %j', async (args, why) => {
    const { code, errors } = await apemu(['golden', ...args]);
    expect(code).toBe(2);
    expect(errors).toContain(why);
  });

  it('names a kernel that is not there', async () => {
    const { code, errors } = await apemu(['golden', '--record', '--kernel', join(dir, 'no'), 'x']);
    expect(code).toBe(3);
    expect(errors).toContain('linux-7.2');
  });
});
