// SPDX-License-Identifier: Apache-2.0
// 13.A7: guest modules whose step never ends, in virtual time: the command says so, and hears signals all the while.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { AbleTime } from '../../scripts/attack/frame/able-time.js';
import { apemu, FakeIo } from './fake-io.ts';

const MAIN = new URL('../../dist/src/cli/main.js', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'apemu-endless-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
/** A configuration with a guest whose program has this step, and a good one. */
const configOf = (step: string): string => {
  const module = join(folder, `guest-${++count}.mjs`);
  const config = join(folder, `config-${count}.yaml`);
  writeFileSync(
    module,
    `export default { name: 'mine', init: () => ({ left: 3 }), step(cpu, state) { ${step} } };\n`,
  );
  writeFileSync(
    config,
    `apemu: 1
machine: { adapters: { 5: { mode: loopback } }, usageDomains: [4, 5] }
guests:
  Good: { memory: 1MiB, mdev: { adapters: [5], domains: [5] }, program: ap-bus }
  Mine: { memory: 1MiB, mdev: { adapters: [5], domains: [4] }, program: ${module} }
`,
  );
  return config;
};

/** Code that leaves a file. */
const noting = (file: string): string =>
  `process.getBuiltinModule('node:fs').writeFileSync('${file}', '');`;
const LOOP = 'for (;;);';
const ENDLESS =
  'guest Mine: a step of its program was not over 2 s after it began (expected a step that executes some instructions and returns) [APEMU_ERR_GUEST_ENDLESS]';

describe('13.A7: a module whose step never ends', () => {
  it.each([
    ['run --stepped', ['run', '--stepped', '--duration', '1s']],
    ['run --sweep', ['run', '--sweep', 'rate=1000..2000']],
  ])('ends %s with a message and exit code 1', async (_what, args) => {
    const [command = '', ...options] = args;
    const { code, errors, output } = await apemu([command, configOf(LOOP), ...options]);
    expect(errors).toContain(ENDLESS);
    expect([code, output]).toEqual([1, '']);
  });

  it('may be one that executes instructions', async () => {
    const { code, errors } = await apemu([
      'run',
      configOf('for (;;) { cpu.setGr(0, 0, 0x0504); cpu.execute(0xb2af0000 | 0); }'),
      '--stepped',
    ]);
    expect(errors).toContain(ENDLESS);
    expect(code).toBe(1);
  });

  it('is left at Ctrl-C, and named', async () => {
    const io = new FakeIo();
    const started = join(folder, 'started');
    const running = apemu(['run', configOf(`${noting(started)} ${LOOP}`), '--stepped'], io);
    while (!existsSync(started)) await sleep(20);
    io.interrupt();
    const { code, errors } = await running;
    expect(code).toBe(130);
    expect(errors).toMatch(/guest Mine: a step of its program was not over 0\.6 s after it was/);
  });

  it.each([
    ['run', 'SIGINT', ['--stepped']],
    ['run', 'SIGTERM', ['--stepped']],
    ['shell', 'SIGINT', ['-c', 'guest start Mine; sleep 5']],
    ['shell', 'SIGHUP', ['-c', 'guest start Mine; sleep 5']],
  ] as const)(
    'does not keep %s from ending within a second of %s',
    async (command, signal, options) => {
      const started = join(folder, `started-${signal}-${count}`);
      const step = `${noting(started)} ${LOOP}`;
      const child = spawn('node', [MAIN, command, configOf(step), ...options], {
        stdio: 'ignore',
      });
      const ended = new Promise((resolve) => child.once('exit', () => resolve(true)));
      while (!existsSync(started)) await sleep(20);
      const able = new AbleTime(child.pid as number);
      child.kill(signal);
      while (!(await Promise.race([ended, sleep(20, false)]))) able.look();
      expect(able.ms).toBeLessThan(1000);
    },
  );
});

describe('a guest module in a thread of its own', () => {
  it('gives the same results each time, and traces', async () => {
    const config = configOf(
      'cpu.setGr(0, 0, 0x0504); cpu.execute(0xb2af0000 | 0); return --state.left > 0 ? 0 : -2;',
    );
    const trace = join(folder, 'trace.txt');
    const args = ['run', config, '--stepped', '--messages', '5', '--json', '--trace', trace];
    const [first, second] = [await apemu(args), await apemu(args)];
    expect([first.code, first.output]).toEqual([0, second.output]);
    expect(first.errors).toMatch(/^trace: [1-9]\d* instructions in .*trace\.txt\n$/m);
    expect(first.output).toContain('"Mine"');
  });

  it.each([
    ['that cannot be loaded', 'return )', 3, /cannot be loaded: /],
    ['that throws', "throw new Error('not today')", 1, /failed: not today/],
    ['that ends its thread', 'process.exit(7)', 1, /its program ended the thread with code 7/],
  ])('is told of one %s', async (_what, step, code, message) => {
    const ended = await apemu(['run', configOf(step), '--stepped', '--duration', '10ms']);
    expect(ended.errors + ended.output).toMatch(message);
    expect(ended.code).toBe(code);
  });
});
