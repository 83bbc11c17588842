// SPDX-License-Identifier: Apache-2.0
// The command as it is installed: in any folder, with what the computer has or lacks, under an older Node.js.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { NEEDED_NODE, nodeProblem, nodeWillDo } from '../../src/cli/node-version.ts';
import { apemu as run } from './fake-io.ts';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/src/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'apemu-installed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const apemu = (args: readonly string[], env: object = {}, before: readonly string[] = []) =>
  spawnSync(process.execPath, [...before, MAIN, ...args], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ...env },
  });

describe('Node.js', () => {
  it('is wanted as package.json says', () => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(engines.node).toBe(`>=${NEEDED_NODE.join('.')}`);
  });

  it.each([
    ['18.20.8', false],
    ['20.18.3', false],
    ['20.19.0', true],
    ['22.0.0', true],
    ['24.9.0', true],
  ])('%s will do: %s', (version, expected) => {
    expect(nodeWillDo(version)).toBe(expected);
  });

  it('too old is said in words by every command, before anything else is loaded', () => {
    const old =
      "data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'18.20.8'}})";
    for (const args of [['doctor'], ['run', 'nothing.yaml'], ['--help']]) {
      const { status, stdout, stderr } = apemu(args, {}, ['--import', old]);
      expect([status, stdout, stderr]).toEqual([3, '', nodeProblem('18.20.8')]);
    }
  });
});

describe('apemu doctor', () => {
  it('ends with code 1 and names what a command cannot do without', () => {
    const { status, stdout } = apemu(['doctor'], { PATH: folder });
    expect(stdout).toMatch(/^missing {3}QEMU for s390x \(apemu qemu, guest runs of apemu test\)$/m);
    expect(stdout).toMatch(/^missing: QEMU for s390x/m);
    expect(status).toBe(1);
  });
});

describe('apemu qemu without a configuration', () => {
  it('takes the two guests of the examples, wherever it is called', () => {
    const { status, stderr } = apemu(['qemu', '--guest', 'Nobody', '--kernel', MAIN]);
    expect(stderr).toMatch(/no guest Nobody \(it has Guest1, Guest2\)/);
    expect(status).toBe(3);
  });
});

describe('apemu exec', () => {
  it('tells what is probably not meant, once', async () => {
    const program = join(folder, 'warn.ap');
    const config = join(ROOT, 'examples/two-guests.yaml');
    writeFileSync(
      program,
      `apemu-program 1\nconfig ${config}\nfault: 09.0004 on=tapq rc=05 count=1\n`,
    );
    const { errors, code } = await run(['exec', program]);
    expect(errors).toBe(
      `${program}: warning: fault 09.0004 on=tapq rc=05 count=1: there is no queue 09.0004 (it strikes when one comes)\n`,
    );
    expect(code).toBe(0);
  });
});
