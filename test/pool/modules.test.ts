// SPDX-License-Identifier: Apache-2.0
// Guest modules that do not keep the contract, and threads that die: everything else goes on, and it is said what went wrong.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { A_LOCK, G_CRASHED, T_IN_SIE, T_TASK } from '../../native-like/machine/layout.ts';
import { configFromObject } from '../../src/config/load.ts';
import type { guestProgram as GuestProgramOf } from '../../src/host/machine/guest-program.ts';
import { takeCheckpoint } from '../../src/host/state/checkpoint.ts';
import { SteppedLoad } from '../../src/load/stepped.ts';
import { taskLives } from '../../src/vcpu-pool/liveness.ts';
import { PooledMachine } from '../../src/vcpu-pool/pooled-machine.ts';
import { Exclusion } from '../../src/vcpu-pool/sie.ts';

const folder = mkdtempSync(join(tmpdir(), 'apemu-modules-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As built: here Node itself loads modules. */
const { guestProgram } = (await import(
  new URL('../../dist/src/host/machine/guest-program.js', import.meta.url).href
)) as { guestProgram: typeof GuestProgramOf };

let count = 0;
/** A module with this step and this state. */
const moduleOf = (step: string, state = '{}'): string => {
  const path = join(folder, `guest-${++count}.mjs`);
  writeFileSync(
    path,
    `export default { name: 'mine', init: () => (${state}), step(cpu, state) { ${step} } };\n`,
  );
  return path;
};

const configOf = (program: string) =>
  configFromObject({
    apemu: 1,
    machine: { adapters: { 5: { mode: 'loopback' } }, usageDomains: [4, 5] },
    guests: {
      Bad: { memory: '1MiB', mdev: { adapters: [5], domains: [4] }, program },
      Good: { memory: '1MiB', mdev: { adapters: [5], domains: [5] }, program: 'hammer' },
    },
  }).config;

const pooledReports = async (program: string) => {
  const pool = await PooledMachine.start(configOf(program), { workers: 2 });
  try {
    // The good guest never ends; the bad one has, or is ended.
    while (pool.tasksEnded < 1 && pool.crashes.length === 0) {
      await sleep(20);
    }
    pool.stop();
    const reports = await pool.finished();
    return { crashes: pool.crashes, vcpus: reports.flatMap((report) => report.vcpus) };
  } finally {
    await pool.close();
  }
};

const ANSWERS: readonly [string, string, string][] = [
  ['nothing', '', 'undefined'],
  ['NaN', 'return NaN;', 'NaN'],
  ['text', "return 'soon';", 'soon'],
  ['an object', 'return { at: 5 };', '{ at: 5 }'],
  ['a promise', 'return Promise.resolve(0);', 'Promise'],
  ['a number that is no time', 'return -3;', '-3'],
];

describe('13.7: a guest module', () => {
  it.each(ANSWERS)('whose step answers %s has failed, when stepped', async (_what, step, text) => {
    const load = await SteppedLoad.start(configOf(moduleOf(step)));
    load.runTo(load.nowNs + 1_000_000);
    const failures = load.reports().map((report) => report.failure);
    expect(failures[0]).toContain(`its step answered ${text}`);
    expect(failures[1]).toBeUndefined();
    load.machine.close();
  });

  it.each(ANSWERS)(
    'whose step answers %s has failed, when pooled, and the other guest has not',
    async (_what, step, text) => {
      const { vcpus } = await pooledReports(moduleOf(step));
      const [bad, good] = ['Bad', 'Good'].map((name) =>
        vcpus.find((vcpu) => vcpu.guestName === name),
      );
      expect(bad?.failure).toContain(`its step answered ${text}`);
      expect(good?.failure).toBeUndefined();
    },
  );

  it('whose step never ends is ended when the run is, as a crash that says so', async () => {
    const pool = await PooledMachine.start(configOf(moduleOf('for (;;);')), { workers: 2 });
    const { image } = pool.machine;
    while (Atomics.load(image.i32, image.thread(1) + T_IN_SIE) !== image.vcpu(1)) await sleep(5);
    pool.stop();
    await pool.finished();
    await pool.close();
    expect(pool.crashes).toEqual([
      { guest: 'Bad', reason: 'a step of its program was not over 2 s after it was told to stop' },
    ]);
  });

  it.each([
    ['a function', '{ queues: [{ handler: () => 1 }] }', 'state.queues[0].handler'],
    ['a promise', 'Promise.resolve({})', 'state'],
  ])('with %s in its state has failed with the place of it', async (_what, state, where) => {
    const { vcpus } = await pooledReports(moduleOf('return -2;', state));
    expect(vcpus.find((vcpu) => vcpu.guestName === 'Bad')?.failure).toContain(
      `its ${where} is no plain data`,
    );
    const load = await SteppedLoad.start(configOf(moduleOf('return -1;', state)));
    expect(() => takeCheckpoint(load.machine)).toThrow(`its ${where} is no plain data`);
    load.machine.close();
  });
});

describe('19.A7: a guest module', () => {
  it.each([
    ['that is not there', 'absent.mjs', undefined, /^no guest program .*absent\.mjs \(built in: /],
    [
      'with a mistake in it',
      'broken.mjs',
      'export default {\n  name: = 5 };\n',
      /broken\.mjs cannot be loaded: Unexpected token/,
    ],
    [
      'that throws when it is loaded',
      'throws.mjs',
      "\nthrow new Error('not today');\n",
      /not today \(.*throws\.mjs:2:7\)/,
    ],
    [
      'that is no JavaScript',
      'typo.mjs',
      "export default {\n  name: 'x' init: 5,\n};\n",
      /Unexpected identifier.* \(.*typo\.mjs:2:13\)/,
    ],
    ['that is an AP program', 'program.ap', 'apemu-program 1\n', /apemu exec runs it/],
    ['of another kind of file', 'program.txt', 'hello', /does not know the extension/],
    [
      'that exports something else',
      'other.mjs',
      'export default 5;\n',
      /does not export a guest program/,
    ],
  ])('%s is refused with what is wrong with it', async (_what, name, text, message) => {
    const path = join(folder, name);
    if (text !== undefined) writeFileSync(path, text);
    await expect(guestProgram(path)).rejects.toThrow(message);
  });

  it('as docs/load.md shows it runs', async () => {
    const page = readFileSync(new URL('../../docs/load.md', import.meta.url), 'utf8');
    const path = join(folder, 'ping.mjs');
    writeFileSync(path, /```js\n(.*?)```/s.exec(page)?.[1] ?? '');
    const load = await SteppedLoad.start(configOf(path));
    load.runTo(load.nowNs + 200_000_000);
    const [ping] = load.reports();
    expect(ping).toMatchObject({ done: true, failure: undefined, executed: 100 });
    expect(ping?.state).toMatchObject({ codes: { length: 100 } });
    load.machine.close();
  });
});

/** The number of no thread. */
const noTask = (): number => {
  let task = 0x3ffffe;
  while (taskLives(task)) task--;
  return task;
};

describe('13.7: a thread that has died', () => {
  it.runIf(process.platform === 'linux')(
    'inside interpretive execution is found at once: masks can be changed',
    async () => {
      const pool = await PooledMachine.start(configOf('hammer'), { workers: 2 });
      pool.stop();
      await pool.finished();
      const { image } = pool.machine;
      const thread = image.thread(1);
      image.i32[thread + T_TASK] = noTask();
      image.i32[thread + T_IN_SIE] = image.vcpu(1);
      let changed = false;
      // Nobody's clock would tell in a day.
      new Exclusion(image, 2, 86_400_000).run(1, () => {
        changed = true;
      });
      expect(changed).toBe(true);
      expect(image.word(image.guest(1) + G_CRASHED)).toBe(1);
      await pool.close();
    },
  );

  it.runIf(process.platform === 'linux')(
    'that has ended with a lock for which the thread that is waited for waits lets go of it',
    async () => {
      const pool = await PooledMachine.start(configOf('idle'), { workers: 2 });
      pool.stop();
      await pool.finished();
      const { image } = pool.machine;
      // Thread 1 lives, in interpretive execution, and waits for a lock of thread 2, which was in none.
      image.i32[image.thread(1) + T_TASK] = 0;
      image.i32[image.thread(1) + T_IN_SIE] = image.vcpu(1);
      image.i32[image.thread(2) + T_TASK] = noTask();
      const lock = image.adapter(5) + A_LOCK;
      image.i32[lock] = 2 + 1;
      const leaves = new Worker(
        `const { workerData: [i32, lock, inSie] } = require('node:worker_threads');
         while (Atomics.load(i32, lock) !== 0);
         Atomics.store(i32, inSie, 0);`,
        { eval: true, workerData: [image.i32, lock, image.thread(1) + T_IN_SIE] },
      );
      await new Promise((resolve) => leaves.once('online', resolve));
      new Exclusion(image, 2, 86_400_000).run(1, () => {});
      expect([image.word(lock), image.word(image.guest(1) + G_CRASHED)]).toEqual([0, 0]);
      await pool.close();
    },
  );

  it.each([
    ['one that was killed', true],
    ['one that was not', false],
  ])('leaves nothing of the machine: %s', async (_what, killed) => {
    setFlagsFromString('--expose_gc');
    const collect = runInNewContext('gc') as () => void;
    const run = async (): Promise<WeakRef<object>> => {
      const pool = await PooledMachine.start(configOf('hammer'), { workers: 2 });
      if (killed) await pool.kill(1);
      pool.stop();
      await pool.finished();
      await pool.close();
      return new WeakRef(pool.machine);
    };
    const machine = await run();
    for (let n = 0; n < 50 && machine.deref() !== undefined; n++) {
      await sleep(10);
      collect();
    }
    expect(machine.deref()).toBeUndefined();
  });
});
