// SPDX-License-Identifier: Apache-2.0
// What a user is told whose computer has no compiler, no plugins, or another QEMU: programs of a folder that comes first in PATH.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { buildPlugin, type PluginName } from '../../src/qemu/plugin/build.ts';
import { apemu } from '../cli/fake-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'apemu-words-'));
const PATH = process.env['PATH'] ?? '';
afterEach(() => {
  process.env['PATH'] = PATH;
});
afterAll(() => rmSync(folder, { recursive: true }));

const program = (name: string, lines: string): string => {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
  return path;
};

/** A QEMU of this version; it ends when it is to boot. */
const qemu = (version: string, { plugins = true } = {}): void => {
  program(
    'qemu-system-s390x',
    [
      'case "$1" in',
      `--version) echo "QEMU emulator version ${version} (Debian)" ;;`,
      `-help) echo "${plugins ? '-plugin [file=]<file>' : '-name string'}" ;;`,
      '*) echo "qemu-system-s390x: it does not boot" >&2; exit 1 ;;',
      'esac',
    ].join('\n'),
  );
  process.env['PATH'] = `${folder}:${PATH}`;
};

/** Plugins of each test go into a folder of its own. */
let folders = 0;
const build = (name: PluginName, compiler = 'cc') =>
  buildPlugin(name, { compiler, folder: join(folder, `plugins-${++folders}`) });

describe('a plugin', () => {
  it.each([
    ['cover', '7.2.22', 'no-such-compiler', /^there is no C compiler no-such-compiler \(Debian: /],
    ['moment', '6.2.0', 'cc', /^it is known for QEMU 7\.2 only, this is 6\.2\.0$/],
    ['moment', '10.0.2', 'cc', /^it is known for QEMU 7\.2 only, this is 10\.0\.2$/],
    ['moment', 'unknown', 'cc', /^it is known for QEMU 7\.2 only, this is an unknown version$/],
  ] as const)('%s with QEMU %s and %s is not there, with words', async (name, version, cc, why) => {
    qemu(version);
    expect((await build(name, cc)).why).toMatch(why);
  });

  it('is not there with a QEMU that loads none', async () => {
    qemu('7.2.22', { plugins: false });
    for (const name of ['cover', 'moment'] as const)
      expect(await build(name)).toEqual({ why: 'this QEMU was built without plugins' });
  });

  it('is not there without QEMU', async () => {
    process.env['PATH'] = join(folder, 'nothing');
    expect(await build('cover')).toEqual({ why: 'qemu-system-s390x is not installed' });
  });

  it('is not there with a compiler that has no headers: its first words are told', async () => {
    qemu('7.2.22');
    const cc = program('cc-bare', 'echo "fatal error: stdbool.h: No such file" >&2; exit 1');
    expect((await build('cover', cc)).why).toBe(
      `${cc} cannot build it: fatal error: stdbool.h: No such file`,
    );
  });

  it('is not there where its folder cannot be made', async () => {
    qemu('7.2.22');
    const file = program('file', '');
    const built = await buildPlugin('cover', { folder: join(file, 'below') });
    expect(built.why).toBe(`cannot write ${join(file, 'below')}: ENOTDIR`);
  });

  it.each([
    ['7.2.22', '-DINTERFACE=1'],
    ['10.0.2', '-DINTERFACE=2'],
  ])('of QEMU %s is built with %s, once', async (version, interfaceOption) => {
    qemu(version);
    const log = join(folder, `log-${version}`);
    const copy = 'while [ "$1" != -o ]; do shift; done; touch "$2"';
    const cc = program(`cc-${version}`, `echo "$*" >> ${log}; ${copy}`);
    const plugins = join(folder, `once-${version}`);
    const first = await buildPlugin('cover', { compiler: cc, folder: plugins });
    const second = await buildPlugin('cover', { compiler: cc, folder: plugins });
    expect(first.path).toBeDefined();
    expect(second).toEqual(first);
    const calls = readFileSync(log, 'utf8').trim().split('\n');
    expect(calls).toHaveLength(1);
    expect(calls[0]).toContain(interfaceOption);
  });
});

describe('apemu fuzz --kernel', () => {
  const files = (): string[] => {
    const kernel = program('bzImage', '# facilities=');
    return ['fuzz', 'examples/fuzzing/kernel.yaml', '--kernel', kernel, '--initrd', kernel];
  };

  it('says what it does without before it boots, and how QEMU ended', async () => {
    qemu('6.2.0', { plugins: false });
    const { code, errors } = await apemu([...files(), '--out', join(folder, 'out')]);
    expect(errors).toContain(
      "no coverage of the kernel's code, only of codes and states: this QEMU was built without plugins\n",
    );
    expect(errors).toContain(
      'each return to the moment is a new QEMU: this QEMU was built without plugins\n',
    );
    expect(errors).toContain('it does not boot');
    expect(code).toBe(3);
  });

  it('refuses another kernel to compare with where nothing is replayed', async () => {
    const { code, errors } = await apemu([...files(), '--against', '6.1']);
    expect(errors).toContain('--against goes with --replay and --kernel');
    expect(code).toBe(2);
  });

  it.each([
    ['that is not there', 'no-such-vmlinux', 'there is no file no-such-vmlinux'],
    ['that is none', 'README.md', 'README.md is no ELF file'],
  ])('refuses a --vmlinux %s', async (_what, file, words) => {
    const { code, errors } = await apemu([...files(), '--vmlinux', file]);
    expect(errors).toContain(words);
    expect(code).toBe(2);
  });
});
