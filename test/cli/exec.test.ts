// SPDX-License-Identifier: Apache-2.0
// `apemu exec` on a scripted machine: results, records, exit codes, Ctrl-C. What the real machine answers is test/examples'
// business.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { MachineConfig } from '../../src/config/types.ts';
import { FakeMachine } from '../program/fake-machine.ts';
import { apemu, FakeIo } from './fake-io.ts';

const opened: { config: MachineConfig; seed?: number }[] = [];
let closed = 0;

vi.mock('../../src/program/adapter.ts', async (original) => ({
  ...(await original<object>()),
  openProgramMachine: async (config: MachineConfig, options: { seed?: number }) => {
    opened.push({ config, ...(options.seed === undefined ? {} : { seed: options.seed }) });
    const guests = Object.fromEntries(config.guests.map((guest) => [guest.name, guest.vcpus]));
    const machine = new FakeMachine((cpu) => {
      cpu.setGr(1, 0, 0x00010000);
      return { cc: 3 };
    }, guests);
    return Object.assign(machine, { close: () => void closed++ });
  },
}));

let dir = '';
const file = (name: string) => join(dir, name);
const BAD_PROGRAMS = new URL('../program/bad/', import.meta.url).pathname;
const BAD_CONFIGS = new URL('../config/bad/', import.meta.url).pathname;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'apemu-exec-'));
  const header = 'apemu-program 1\nconfig c.yaml\n';
  writeFileSync(file('c.yaml'), 'apemu: 1\nguests: { G: {} }\n');
  writeFileSync(file('w.yaml'), 'apemu: 1\nguests: { G: { mdev: { adapters: [7] } } }\n');
  writeFileSync(file('good.ap'), `${header}G.0: tapq 05.0004 => cc=3 rc=01\n`);
  writeFileSync(
    file('wrong.ap'),
    `${header}G.0: tapq 05.0004 => cc=0\nG.0: tapq 05.0004 => cc=3\n`,
  );
  writeFileSync(file('bare.ap'), 'apemu-program 1\nG.0: tapq 05.0004\n');
  writeFileSync(file('long.ap'), `${header}${'G.0: tapq 05.0004\n'.repeat(25_000)}`);
  writeFileSync(file('guest.ap'), `${header}H.0: tapq 05.0004\n`);
});
afterAll(() => rmSync(dir, { recursive: true }));

describe('apemu exec', () => {
  it('runs programs, each on a machine of its own, and exits with 0 when all is as expected', async () => {
    opened.length = closed = 0;
    const { code, output, errors } = await apemu(['exec', file('good.ap'), file('good.ap')]);
    expect([code, errors]).toEqual([0, '']);
    expect(output).toBe(`${file('good.ap')}: 1 line, 1 instruction: ok\n`.repeat(2));
    expect([opened.length, closed]).toEqual([2, 2]);
  });

  it('prints both values and the command that replays it, and exits with 1', async () => {
    const { code, output } = await apemu(['exec', '--seed', '0x10', file('wrong.ap')]);
    expect(code).toBe(1);
    expect(output).toBe(
      `${file('wrong.ap')}:3: G.0: tapq 05.0004\n  cc  expected 0  got 3\n  replay: apemu exec ${file('wrong.ap')} --seed 16\n` +
        `${file('wrong.ap')}: 2 lines, 2 instructions: 1 line differs\n`,
    );
    expect(opened.at(-1)?.seed).toBe(16);
  });

  it('--json prints one record a line and nothing else', async () => {
    const { code, output } = await apemu(['exec', '--json', file('wrong.ap')]);
    expect(code).toBe(1);
    const records = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records.map(({ line, cc, rc }) => [line, cc, rc])).toEqual([
      [3, 3, '01'],
      [4, 3, '01'],
    ]);
    expect(records[0].mismatch).toEqual([{ field: 'cc', expected: '0', got: '3' }]);
  });

  it('--quiet says nothing about what is as expected', async () => {
    expect(await apemu(['exec', '-q', file('good.ap')])).toMatchObject({ code: 0, output: '' });
  });

  it('--config overrides the configuration of the program', async () => {
    await apemu(['exec', '--config', file('w.yaml'), file('good.ap')]);
    expect(opened.at(-1)?.config.file).toBe(file('w.yaml'));
  });

  it('reads a program from standard input', async () => {
    const io = new FakeIo('apemu-program 1\nG.0: tapq 05.0004 => cc=3\n');
    const { code, output } = await apemu(['exec', '-', '--config', file('c.yaml')], io);
    expect([code, output]).toEqual([0, '<stdin>: 1 line, 1 instruction: ok\n']);
  });

  it('shows warnings of the configuration on standard error', async () => {
    const { errors } = await apemu(['exec', '--config', file('w.yaml'), file('bare.ap')]);
    expect(errors).toBe(
      `${file('w.yaml')}:2:34: warning: the machine has no adapter 0x07: the guest will not see it [APEMU_WARN_CONFIG_OVERPROVISIONED]\n`,
    );
  });

  it.each([
    ['bare.ap', 'bare.ap:1:1: the program names no configuration', 'APEMU_ERR_PROGRAM_CONFIG'],
    ['guest.ap', 'guest.ap:3:1: the machine has no guest H', 'APEMU_ERR_PROGRAM_UNKNOWN_GUEST'],
    ['none.ap', 'none.ap: cannot read program', 'APEMU_ERR_PROGRAM_READ'],
  ])('%s cannot be run: exit 3', async (name, message, errorCode) => {
    const { code, output, errors } = await apemu(['exec', file(name)]);
    expect([code, output]).toEqual([3, '']);
    expect(errors).toContain(message);
    expect(errors).toContain(`[${errorCode}]`);
  });

  it('a file that cannot be run does not keep the others from running', async () => {
    const { code, output } = await apemu([
      'exec',
      file('none.ap'),
      file('wrong.ap'),
      file('good.ap'),
    ]);
    expect(code).toBe(3);
    expect(output).toContain('good.ap: 1 line');
  });

  it('Ctrl-C ends it with 130 and what was done so far', async () => {
    const io = new FakeIo();
    const running = apemu(['exec', file('long.ap')], io);
    setImmediate(() => io.interrupt());
    const { code, output } = await running;
    expect(code).toBe(130);
    expect(output).toMatch(/: (\d+) lines, \1 instructions, interrupted: ok\n$/);
  });
});

describe('every bad file ends with exit 3, its place, what was expected and no stack trace', () => {
  const programs = readdirSync(BAD_PROGRAMS).filter((name) => name.endsWith('.ap'));
  const configs = readdirSync(BAD_CONFIGS).filter((name) => name.endsWith('.yaml'));

  it.each([
    ...programs.map((name) => [name, ['exec', join(BAD_PROGRAMS, name)]] as const),
    ...configs.map(
      (name) => [name, ['exec', '--config', join(BAD_CONFIGS, name), 'GOOD']] as const,
    ),
  ])('%s', async (name, args) => {
    const { code, output, errors } = await apemu(
      args.map((arg) => (arg === 'GOOD' ? file('good.ap') : arg)),
    );
    expect([code, output]).toEqual([3, '']);
    expect(errors).toMatch(
      new RegExp(`${name.replaceAll('.', '\\.')}:\\d+:\\d+: .* \\[APEMU_ERR_[A-Z_]+\\]\\n`),
    );
    expect(errors).not.toMatch(/^\s+at /m);
  });
});
