// SPDX-License-Identifier: Apache-2.0
// Scripts that want to hang, to use all memory, or to reach the computer: issue 13, A4, A5 and C14. What has no end would hang this
// test: each of them ends because the shell ends it, by a limit or at the next look for Ctrl-C.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are words of the shell.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hostDisk } from '../../src/cli/host-disk.ts';
import { sharedMachine, TestShell, withShell } from './support.ts';

const { sh } = sharedMachine();
const nested = (open: string, inside: string, close: string, depth: number): string =>
  open.repeat(depth) + inside + close.repeat(depth);

describe('13 A5: a text that would take for ever ends', () => {
  it.each<[string, string, string]>([
    ['nested $( )', nested('$(echo ', 'a', ')', 90).replace('$(', 'echo $('), 'a\n'],
    ['nested "$( )"', `echo ${nested('"$(echo ', 'a', ')"', 90)}`, 'a\n'],
    ['nested $(( ))', `echo ${nested('$((1+', '1', '))', 90)}`, '91\n'],
    ['nested $((…) )', `echo ${nested('$( (echo ', 'b', ') )', 40)}`, 'b\n'],
    ['nested ${x:-…}', `echo ${nested('${x:-', 'c', '}', 90)}`, 'c\n'],
    ['grep with nested repetition', `echo ${'a'.repeat(40)}X | grep -E '(a+)+$'; echo $?`, '1\n'],
    [
      'sed with nested repetition',
      `echo ${'a'.repeat(40)}X | sed -E 's/(a*)*$/y/'`,
      `${'a'.repeat(40)}Xy\n`,
    ],
    ['[[ =~ ]] with nested repetition', `[[ ${'a'.repeat(40)}X =~ ^(a+)+$ ]]; echo $?`, '1\n'],
    [
      'a pattern with many stars',
      `x=${'a'.repeat(2000)}; [[ $x == ${'*a'.repeat(40)}b ]]; echo $?`,
      '1\n',
    ],
    [
      'replacement of what is nowhere',
      `x=${'a'.repeat(20000)}; y=\${x//a*b/z}; echo \${#y}`,
      '20000\n',
    ],
    [
      'find with many stars',
      `find /sys/bus -name '${'*a'.repeat(40)}b' | wc -l | tr -d ' '`,
      '0\n',
    ],
  ])('%s', async (_name, script, out) => {
    expect(await sh(script)).toEqual({ out, err: '', status: 0 });
  });

  it.each<[string, string, string]>([
    ['a text doubled for ever', 'x=aaaaaaaa; while :; do x=$x$x; done', 'is longer than 1 MiB'],
    [
      'a text doubled by a replacement',
      'x=aa; while :; do x=${x//a/aa}; done',
      'is longer than 1 MiB',
    ],
    [
      'output kept for ever',
      'x=$(while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done)',
      'is longer than 1 MiB',
    ],
    [
      'variables without end',
      'x=$(printf "%1000s" a); for i in {1..10}; do x=$x$x; done; i=0; while :; do i=$((i+1)); a[i]=$x; done',
      'variables take more than 32 MiB',
    ],
    ['braces without end', `echo ${'{a,b}'.repeat(20)}`, 'more than 10000 words'],
    ['a function that calls itself', 'f() { f; }; f', 'maximum function nesting level exceeded'],
    ['eval of itself', 'x="eval \\"\\$x\\""; eval "$x"', 'maximum function nesting level exceeded'],
    ['arithmetic that names itself', 'x=x; echo $((x))', 'expression recursion level exceeded'],
    [
      'a number of many parentheses',
      `echo $((${nested('(', '1', ')', 5000)}))`,
      'recursion level exceeded',
    ],
    ['commands too deep', nested('{ ', ':; ', '}; ', 5000), 'nested too deeply'],
    ['conditions too deep', `[[ ${nested('( ', 'a', ' )', 5000)} ]]`, 'nested too deeply'],
    ['reading without end', 'cat /dev/zero', 'Invalid argument'],
  ])('%s', async (_name, script, message) => {
    const { err, status } = await sh(script);
    expect(err).toContain(message);
    expect(status).toBeGreaterThan(0);
  });

  it.each([
    'while :; do :; done',
    'for a in {1..9999}; do for b in {1..9999}; do x=$a; done; done',
    'for ((;;)); do for ((;;)); do :; done; done',
    'f() { while :; do false || true; done; }; f',
    'x=$(while :; do :; done)',
    'while :; do echo a; done | while read -r l; do :; done',
    'until false; do (while :; do :; done); done',
    'sleep 90d',
    'clock advance 90d',
  ])('%s ends soon after Ctrl-C, with status 130', async (script) => {
    let looks = 0;
    const { status } = await sh(`${script}; echo never`, { interrupted: () => ++looks > 500 });
    expect(status).toBe(130);
  });
});

describe('13 C14: what is redirected arrives', () => {
  it.each([
    ['cat /nope 2> /tmp/e; cat /tmp/e', 'cat: /nope: No such file or directory\n'],
    ['nosuch_x 2> /tmp/e; cat /tmp/e', 'bash: nosuch_x: command not found\n'],
    ['{ echo out; echo err >&2; } > /tmp/o 2>&1; cat /tmp/o', 'out\nerr\n'],
    ['{ echo out; echo err >&2; } &> /tmp/o; cat /tmp/o', 'out\nerr\n'],
    ['echo a 2> /tmp/e >&2; cat /tmp/e', 'a\n'],
    ['echo one > /tmp/a; echo two >> /tmp/a; cat < /tmp/a', 'one\ntwo\n'],
    [
      'x=1; set -x; x=2 2> /tmp/e; { echo b; } 2> /tmp/e; set +x 2> /dev/null; cat /tmp/e',
      'b\n+ echo b\n',
    ],
    ['exec 3> /tmp/t; echo a >&3; echo b >&3; cat /tmp/t', 'a\nb\n'],
    ['f() { echo e >&2; }; f 2>> /tmp/f; f 2>> /tmp/f; cat /tmp/f', 'e\ne\n'],
    [
      'echo 300 > /sys/devices/vfio_ap/matrix/$Guest2/assign_adapter 2> /tmp/e; cat /tmp/e',
      'bash: echo: write error: No such device\n',
    ],
  ])('%s', async (script, out) => {
    expect(await sh(script)).toMatchObject({ out });
  });
});

describe('13 A4: names are told apart by what they mean', () => {
  it.each([
    '//sys/bus/ap/ap_max_domain_id',
    '/./sys/bus/ap/ap_max_domain_id',
    '/sys//bus/./ap/ap_max_domain_id',
    '/tmp/../sys/bus/ap/ap_max_domain_id',
    '/../sys/bus/ap/ap_max_domain_id',
    './sys/bus/ap/ap_max_domain_id',
    'sys/bus/ap/ap_max_domain_id',
    'tmp/../sys/bus/ap/ap_max_domain_id',
    '/sys/bus/ap/devices/card05/../../ap/../../bus/ap/ap_max_domain_id',
  ])('cd /; cat %s is the emulated one', async (path) => {
    expect(await sh(`cd /; cat ${path}`)).toEqual({ out: '255\n', err: '', status: 0 });
  });

  it.each([
    ['cat /etc/passwd', 'cat: /etc/passwd: No such file or directory\n'],
    ['cat /proc/self/environ', 'cat: /proc/self/environ: No such file or directory\n'],
    ['cat /sys/../etc/hostname', 'cat: /sys/../etc/hostname: No such file or directory\n'],
    [
      'cat /sys/bus/nope/../ap/apmask',
      'cat: /sys/bus/nope/../ap/apmask: No such file or directory\n',
    ],
    ['echo x > /dev/sda', 'bash: /dev/sda: No such file or directory\n'],
    ['echo x > /dev/vfio/vfio', 'bash: /dev/vfio/vfio: Permission denied\n'],
    ['restore /tmp/none', 'restore: /tmp/none: No such file or directory\n'],
  ])('%s says what is emulated', async (script, err) => {
    expect(await sh(script)).toMatchObject({ err, out: '' });
  });

  it('files in memory are bounded, and end with the shell', async () => {
    const fill =
      'x=$(printf "%1000000s" a); i=0; while echo "$x" > /tmp/f$i; do i=$((i+1)); done; echo $i';
    const { out, err } = await sh(fill);
    expect({ out, err }).toEqual({
      out: '9990\n',
      err: 'bash: /tmp/f9990: No space left on device\n',
    });
    expect((await sh('ls /tmp')).out).toBe('');
  });
});

describe('13 A4: with --host-files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-host-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'inner'));
  writeFileSync(join(folder, 'inner', 'text'), 'mine\n');
  symlinkSync('/sys', join(folder, 'to-sys'));
  symlinkSync('/proc/self/environ', join(folder, 'to-proc'));
  symlinkSync('/dev/zero', join(folder, 'to-dev'));
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  const options = { disk: hostDisk, directory: folder };

  it.each([
    ['cat inner/text', 'mine\n', ''],
    ['cd inner; cat ../inner/./text', 'mine\n', ''],
    ['echo new > made; cat made; rm made; ls', 'new\nfifo\ninner\nto-dev\nto-proc\nto-sys\n', ''],
    ['mkdir d && rmdir d; ls -d inner', 'inner\n', ''],
    ['cat //sys/bus/ap/ap_max_domain_id', '255\n', ''],
    [
      'cat to-sys/kernel/mm/transparent_hugepage/enabled',
      '',
      'cat: to-sys/kernel/mm/transparent_hugepage/enabled: Permission denied\n',
    ],
    ['cat to-proc', '', 'cat: to-proc: Permission denied\n'],
    ['cat to-dev', '', 'cat: to-dev: Permission denied\n'],
    ['cat fifo', '', 'cat: fifo: Permission denied\n'],
    ['echo x > fifo', '', 'bash: fifo: Permission denied\n'],
    ['cat /proc/self/environ', '', 'cat: /proc/self/environ: Permission denied\n'],
  ])('%s', async (script, out, err) => {
    expect(await sh(script, options)).toMatchObject({ out, err });
  });

  it('a restored machine is one from the computer’s file', async () => {
    await withShell(async ({ shell: { context } }) => {
      const test = new TestShell(context.machine, options);
      expect(await test.run('save m; ls m; rm m')).toEqual({ out: 'm\n', err: '', status: 0 });
    });
  });
});
