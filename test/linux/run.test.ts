// SPDX-License-Identifier: Apache-2.0
// `apemu qemu` for a script (issue 19, 9; issue 14, 14; issue 13, B11): commands in guests, texts on consoles, time-outs, and the exit
// code each ends with.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { type Ending, endingKernel } from '../../scripts/attack/frame/ending-kernel.js';
import { assembledKernel } from './support/assembled-kernel.ts';
import { haveAssembler, haveQemu, imageOrReason } from './support/requirements.ts';

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const main = path('dist/src/cli/main.js');
const built = existsSync(main);
if (!built) console.info('skipped: apemu qemu as a command, dist is missing (npm run build)');

/** Runs `apemu qemu` on the documentation's guests. */
function qemu(args: readonly string[], input = '') {
  const command = [main, 'qemu', path('examples/two-guests.yaml'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    encoding: 'utf8',
    timeout: 200_000,
    input,
  });
  return { status, stdout, stderr };
}

const guest1 = (...args: string[]) => qemu(['--guest', 'Guest1', ...args]);

describe.skipIf(!(haveQemu() && built))('a kernel of a few instructions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-run-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const kernelOf = (ending: Ending) => {
    const file = join(folder, ending);
    writeFileSync(file, endingKernel(ending));
    return ['--kernel', file, '--hook', 'bare'];
  };

  it.each([
    ['shutdown', 0, ''],
    ['panic', 1, 'Guest1: the guest has panicked'],
    ['reset', 0, ''],
  ] as const)('that ends by %s gives exit code %i', (ending, code, text) => {
    const { status, stderr } = guest1(...kernelOf(ending));
    expect([status, stderr]).toEqual([code, expect.stringContaining(text)]);
  });

  it('that does nothing is ended by --timeout with code 42', () => {
    const { status, stderr } = guest1(...kernelOf('endless'), '--timeout', '500ms');
    expect([status, stderr]).toEqual([42, expect.stringContaining('nothing decided within 500')]);
  });

  it('that is interrupted is not told as one that has ended early', async () => {
    const options = [...kernelOf('endless'), '--expect', 'something'];
    const command = [main, 'qemu', path('examples/two-guests.yaml'), '--guest', 'Guest1'];
    const child = spawn(process.execPath, [...command, ...options]);
    let told = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      told += text;
      if (text.includes('attached')) child.kill('SIGINT');
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect([code, told]).toEqual([130, expect.not.stringContaining('has ended without')]);
  });

  it.each([
    ['--expect', 'the guest has ended without "something"'],
    ['--exit-status', 'no EXIT: STATUS= on the console'],
  ])('that prints nothing fails %s', (option, message) => {
    const value = option === '--expect' ? 'something' : 'kvm-unit-tests';
    const { status, stderr } = guest1(...kernelOf('shutdown'), option, value);
    expect([status, stderr]).toEqual([1, expect.stringContaining(message)]);
  });
});

describe.skipIf(!(haveQemu() && haveAssembler() && built))(
  'a kernel of kvm-unit-tests’ kind',
  () => {
    const { kernel, remove } = assembledKernel('status-kernel.S');
    afterAll(remove);
    const bare = ['--kernel', kernel, '--hook', 'bare'];

    it.each([
      ['its exit code with --exit-status', ['--exit-status', 'kvm-unit-tests'], 3],
      ['0 without', [], 0],
      ['0 when --expect is seen', ['--expect', 'PASS: some'], 0],
      ['1 when --fail is seen', ['--fail', 'PASS: some'], 1],
      ['1 when --fail is seen, --expect or not', ['--fail', 'PASS', '--expect', 'PASS'], 1],
    ])('gives %s, and what it prints', (_what, options, code) => {
      const { status, stdout } = guest1(...bare, ...options);
      expect(status).toBe(code);
      expect(stdout.replaceAll('\r', '')).toBe('PASS: something\nEXIT: STATUS=7\n');
    });
  },
);

const image = await imageOrReason('6.12');

describe.skipIf(image === undefined || !built)('--run', () => {
  it('gives the output and the exit code of a command, and nothing else', () => {
    const command = 'for n in 1 2; do\n  echo "it\'s \\$n $n ü"\ndone\nprintf end >&2\nexit 7';
    const { status, stdout } = guest1('--run', command, '--expect', 'never');
    expect([status, stdout]).toEqual([7, "it's $n 1 ü\nit's $n 2 ü\nend"]);
  });

  it('a text is looked for in what a command prints, not in what is typed, and what was printed until then is shown', () => {
    const command = 'echo first; sleep 1; echo "the grün end"; sleep 300';
    const expected = guest1('--run', command, '--expect', 'the grün', '--timeout', '60s');
    expect([expected.status, expected.stdout]).toEqual([
      0,
      expect.stringMatching(/^first\nthe grün/),
    ]);
    const quiet = guest1('--run', 'false && echo "not seen"; exit 4', '--fail', 'not seen');
    expect([quiet.status, quiet.stdout]).toEqual([4, '']);
  });

  it('runs one in each of several guests, each line with its name', () => {
    const { status, stdout } = qemu([
      ...['--run', 'Guest1=lszcrypt -V | grep -c online', '--run', 'Guest2=echo two; false'],
    ]);
    expect(stdout.split('\n').sort()).toEqual(['', 'Guest1: 6', 'Guest2: two']);
    expect(status).toBe(1);
  });

  it('meets what a scenario does at a text of its console', () => {
    const folder = mkdtempSync(join(tmpdir(), 'apemu-scenario-'));
    const file = join(folder, 'scenario');
    writeFileSync(file, 'on "begun": lpar deconfigure 6\non "never": false\n');
    const command =
      'echo begun; sleep 2; echo 1 > /sys/bus/ap/scans; sleep 1; lszcrypt | grep "^06 "';
    const { status, stdout, stderr } = guest1('--run', command, '--scenario', file);
    rmSync(folder, { recursive: true });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^begun\n06 .*deconfig/)]);
    expect(stderr).toContain('scenario line 1: lpar deconfigure 6');
    expect(stderr).toContain('scenario line 2 did not happen');
  });

  it('types it at the prompt of a kernel of one’s own', () => {
    const own = ['--kernel', image!.kernel, '--initrd', image!.initrd];
    const { status, stdout } = guest1(...own, '--ready', '/ # ', '--run', 'echo own; exit 5');
    expect([status, stdout]).toEqual([5, 'own\n']);
  });

  it('commands from a pipe wait for the prompt of a kernel of one’s own', () => {
    const own = ['--kernel', image!.kernel, '--initrd', image!.initrd];
    const { status, stdout } = qemu(
      ['--guest', 'Guest1', ...own],
      'echo a-$((1+1))\npoweroff -f\n',
    );
    expect(status).toBe(0);
    expect(stdout).toMatch(/^a-2$/m);
  });

  it.each([
    [['--run', 'Guest1=true', '--run', 'false'], 'Guest1 has a command already'],
    [['--run', ''], 'there is no command'],
    [['--timeout', 'soon'], '--timeout is soon (expected such as 60s)'],
    [['--exit-status', 'tap'], '--exit-status is tap (expected kvm-unit-tests)'],
    [['--run', 'true', '--attach', '/nope'], 'says nothing with --attach'],
  ])('%j is refused', (args, message) => {
    const { status, stderr } = qemu(args);
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it.each([
    ['of 4,000 letters', 'x'.repeat(4000)],
    ['of 1,000 quotes', "'".repeat(1000)],
  ])('a command %s is too long for a console', (_what, command) => {
    const { status, stderr } = qemu(['--run', command]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('is too long for a console')]);
  });
});
