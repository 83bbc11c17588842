// SPDX-License-Identifier: Apache-2.0
// `apemu test`: what is found, how results are told, and what the process ends with.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { junitXml } from '../../src/cli/test/junit.ts';
import type { TestResult } from '../../src/cli/test/result.ts';
import { tapLine } from '../../src/cli/test/tap.ts';
import { loadGuestRun } from '../../src/config/guest-run.ts';
import { FakeIo, apemu as run } from './fake-io.ts';

const MACHINE = join(import.meta.dirname, '../../examples/two-guests.yaml');
const GOOD = 'Guest1.0: tapq 05.0004 => cc=0 rc=00\n';
const WRONG = 'Guest1.0: tapq 05.0004 => cc=0 rc=01\n';
/** A guest program whose step never returns. */
const ENDLESS =
  "export default { name: 'endless', init: () => ({}), step: () => { for (;;); } };\n";

/** Without the times of tests, which a busy computer prints. */
const apemu = async (...line: Parameters<typeof run>) => {
  const { code, output, errors } = await run(...line);
  return { code, errors, output: output.replace(/ {2}\(\d+\.\d s\)$/gm, '') };
};

let folder = '';
const write = (name: string, text: string): void => {
  mkdirSync(join(folder, name, '..'), { recursive: true });
  writeFileSync(join(folder, name), text);
};
const program = (lines: string): string => `apemu-program 1\nconfig ${MACHINE}\n${lines}`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'apemu-test-'));
  write('a/good.ap', program(GOOD));
  write('a/wrong.ap', program(WRONG));
  write('a/node_modules/x/not-looked-at.ap', 'no program\n');
  write('a/.hidden/not-looked-at.ap', 'no program\n');
  write('b/broken.ap', program('Guest1.0: tapqq 05.0004\n'));
  write('b/later.ap', program(GOOD));
  write('c/machine.yaml', readFileSync(MACHINE, 'utf8'));
  write('c/boot.guest.yaml', 'apemu: 1\nconfig: machine.yaml\nrun: lszcrypt\n');
  write('c/good.ap', program(GOOD));
  write('empty/readme.txt', '');
  write('endless.mjs', ENDLESS);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('apemu test', () => {
  it('passes when every line is as expected', async () => {
    const { code, output } = await apemu(['test', join(folder, 'a/good.ap')]);
    expect(output).toMatch(/^ok {7}\S+good\.ap\n1 test: 1 passed \(/);
    expect(code).toBe(0);
  });

  it('shows what differs and ends with code 1', async () => {
    const { code, output } = await apemu(['test', join(folder, 'a'), '--jobs', '2']);
    expect(output).toMatch(/^ok {7}\S+good\.ap\nFAILED {3}\S+wrong\.ap\n/);
    expect(output).toContain('rc  expected 01  got 00');
    expect(output).toMatch(/2 tests: 1 passed, 1 failed \(/);
    expect(output).not.toContain('not-looked-at');
    expect(code).toBe(1);
  });

  it('ends with code 3 when a test cannot be run, and runs the others', async () => {
    const { code, output } = await apemu(['test', join(folder, 'b')]);
    expect(output).toMatch(/^ERROR {4}\S+broken\.ap\n {4}\S+broken\.ap:3:11: /);
    expect(output).toMatch(/ok {7}\S+later\.ap\n2 tests: 1 passed, 1 could not be run/);
    expect(code).toBe(3);
  });

  it('speaks TAP and JUnit XML', async () => {
    const junit = join(folder, 'results.xml');
    const paths = ['a', 'c'].map((name) => join(folder, name));
    const { code, output } = await apemu([
      'test',
      ...paths,
      '--no-guests',
      '--tap',
      '--junit',
      junit,
    ]);
    expect(output.split('\n').slice(0, 3)).toEqual([
      'TAP version 14',
      '1..4',
      expect.stringMatching(/^ok 1 - \S+a\/good\.ap$/),
    ]);
    expect(output).toMatch(/^not ok 2 - \S+wrong\.ap\n {2}---\n {2}duration_ms: [\d.]+\n/m);
    expect(output).toMatch(/^ok 3 - \S+boot\.guest\.yaml # SKIP left out by --no-guests$/m);
    expect(output).toMatch(/# tests 4\n# pass 2\n# fail 1\n# skip 1\n$/);
    const xml = readFileSync(junit, 'utf8');
    expect(xml).toMatch(
      /<testsuite name="apemu test" tests="4" failures="1" errors="0" skipped="1" time="[\d.]+">/,
    );
    expect(xml.match(/<testcase /g)).toHaveLength(4);
    expect(code).toBe(1);
  });

  it('--filter chooses, --list names, --bail ends early', async () => {
    const all = ['test', join(folder, 'a'), join(folder, 'c/good.ap')];
    const listed = await apemu([...all, '--filter', 'good', '--list']);
    expect(listed.output.match(/good\.ap\n/g)).toHaveLength(2);
    const none = await apemu([...all, '--filter', 'nothing-of-this']);
    expect([none.code, none.errors]).toEqual([2, expect.stringMatching(/leaves none of 3 tests/)]);
    const wrong = join(folder, 'a/wrong.ap');
    const bailed = await apemu(['test', wrong, ...all.slice(1), '--bail', '--jobs', '1']);
    expect(bailed.output).toMatch(/1 test: 0 passed, 1 failed, 2 not run/);
  });

  it.each([
    ['nothing-there', /there is no .*nothing-there/],
    ['empty', /holds no test \(expected files \*\.ap or \*\.guest\.yaml\)/],
  ])('refuses %s', async (name, message) => {
    const { code, errors } = await apemu(['test', join(folder, name)]);
    expect([code, errors]).toEqual([2, expect.stringMatching(message)]);
  });

  it('ends a driver that never returns', async () => {
    const machine = readFileSync(MACHINE, 'utf8').replace(
      'program: ap-bus',
      'program: ./endless.mjs',
    );
    write('endless.yaml', machine);
    write('endless.ap', 'apemu-program 1\nconfig endless.yaml\nidle: user: request 05.0004\n');
    const { code, output } = await apemu(['test', join(folder, 'endless.ap'), '--timeout', '9s']);
    expect(output).toMatch(/FAILED {3}\S+endless\.ap\n.*not ended within 9 s/);
    expect(code).toBe(1);
  });

  it('ends within the test that runs when interrupted, and still writes its results', async () => {
    const io = new FakeIo();
    io.onOut = () => io.interrupt();
    const line = ['test', join(folder, 'a'), join(folder, 'c/good.ap'), '--jobs', '1'];
    const { code, output } = await apemu(line, io);
    expect(output).toMatch(/1 test: 1 passed, 2 not run/);
    expect(code).toBe(130);
  });
});

describe('a guest run', () => {
  it('is a command line of apemu qemu, its paths relative to the file', () => {
    write(
      'g/all.guest.yaml',
      [
        'apemu: 1',
        'config: ../c/machine.yaml',
        'guest: [Guest1, Guest2]',
        'kernel: /boot/kernel',
        'scenario: plan.scenario',
        'run: { Guest1: lszcrypt, Guest2: "true" }',
        'fail: Oops',
        'timeout: 5s',
      ].join('\n'),
    );
    expect(loadGuestRun(join(folder, 'g/all.guest.yaml'))).toEqual([
      ...['qemu', join(folder, 'c/machine.yaml'), '--kernel', '/boot/kernel'],
      ...['--scenario', join(folder, 'g/plan.scenario'), '--fail', 'Oops'],
      ...['--guest', 'Guest1', '--guest', 'Guest2'],
      ...['--run', 'Guest1=lszcrypt', '--run', 'Guest2=true', '--timeout', '5s'],
    ]);
  });

  it.each([
    ['config: m.yaml\nrun: a', /has no key apemu/],
    ['apemu: 1\nrun: a', /has no key config/],
    ['apemu: 1\nconfig: m.yaml', /nothing decides the test \(expected run, expect, fail/],
    ['apemu: 1\nconfig: m.yaml\nrnu: a', /:3:1: unknown key rnu, did you mean run\?/],
    ['apemu: 1\nconfig: m.yaml\nrun: [a]', /run is a list \(expected a command, or a mapping/],
    ['apemu: 1\nconfig: [', /\[APEMU_ERR_CONFIG_SYNTAX\]/],
  ])('%j is refused in words', (text, message) => {
    write('wrong.guest.yaml', text);
    expect(() => loadGuestRun(join(folder, 'wrong.guest.yaml'))).toThrow(message);
  });
});

describe('results', () => {
  const result: TestResult = {
    name: 'a #1 <"x">\\.ap',
    seconds: 0.5,
    outcome: 'failed',
    why: 'first & <b>\u0001\nsecond ]]>\n',
  };

  it('hostile texts stay texts in JUnit XML', () => {
    const xml = junitXml('s', [result]);
    expect(xml).toContain('name="a #1 &lt;&quot;x&quot;&gt;\\.ap"');
    expect(xml).toContain(
      '<failure message="first &amp; &lt;b&gt;?">first &amp; &lt;b&gt;?\nsecond ]]&gt;</failure>',
    );
  });

  it('hostile names stay names in TAP', () => {
    expect(tapLine(1, result).split('\n')[0]).toBe('not ok 1 - a \\#1 <"x">\\\\.ap');
    expect(tapLine(1, result)).toContain('  message: |-\n    first & <b>');
  });
});
