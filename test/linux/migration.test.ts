// SPDX-License-Identifier: Apache-2.0
// A stock kernel under QEMU migrates between two machines while it sends RSA requests (issue 18, 3).
// Source: docs/migration.md (a stock kernel). APEMU_QEMU_MIGRATIONS=100 makes a hundred moves instead of a few.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { shared } from './support/guest.ts';
import { imageOrReason } from './support/requirements.ts';
import { bootMoving, type MovingLinux } from './support/two-machines.ts';

const MOVES = Number(process.env['APEMU_QEMU_MIGRATIONS'] ?? 20);
/** Of one move with its load, on a computer that has other things to do. */
const MOVE_MS = 60_000;
/** Requests run all the time, in so many processes; so many in a row. */
const PROCESSES = 3;
const REQUESTS = 20;
/** Without a reply for so long the guest hangs. */
const HANG_MS = 180_000;

const image = await imageOrReason('6.12');

const nap = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The guest gets replies. */
const untilReplies = async (linux: MovingLinux, count: number): Promise<void> => {
  const wanted = linux.books().delivered + count;
  const end = performance.now() + HANG_MS;
  while (linux.books().delivered < wanted) {
    const moves = linux.guest.downtimesMs.length;
    if (performance.now() > end) throw new Error(`the guest hangs after ${moves} moves`);
    await nap(5);
  }
};

const ONE_PROCESS = `while [ ! -e /tmp/stop ]; do rsa-test ${REQUESTS} 1 mex-1024; done`;
const ALL_RIGHT = `rsa-test: process=1 right=${REQUESTS} wrong=0 `;

/** Sends requests all the time while `act` is done, and expects all results right. */
const underLoad = async <T>(linux: MovingLinux, act: () => Promise<T>): Promise<T> => {
  const processes = Array.from(
    { length: PROCESSES },
    (_, n) => `{ ${ONE_PROCESS}; } > /tmp/load.${n} &`,
  );
  await linux.sh(`rm -f /tmp/stop; ${processes.join(' ')}`, HANG_MS);
  await untilReplies(linux, 20);
  const done = await act();
  await untilReplies(linux, 20);
  const output = await linux.sh('touch /tmp/stop; wait; cat /tmp/load.*', HANG_MS);
  const lines = output.split('\n').filter((line) => line.startsWith('rsa-test'));
  expect(new Set(lines)).toEqual(new Set([ALL_RIGHT]));
  return done;
};

/** Ends the QEMU that waits for the guest. */
const killDestination = (): void => {
  const waiting = readdirSync('/proc').filter((name) => {
    try {
      const parent = /\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'latin1'))?.[1];
      const words = readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0');
      return Number(parent) === process.pid && words.includes('-incoming');
    } catch {
      return false;
    }
  });
  const [last] = waiting.map(Number).sort((a, b) => b - a);
  process.kill(last, 'SIGKILL');
};

describe.skipIf(image === undefined)('a stock kernel', () => {
  const linux = shared(() => bootMoving(image!));

  it(`migrates ${MOVES} times back and forth under load: no request fails, and what was lost at the source is sent again`, {
    timeout: MOVE_MS * (MOVES + 3),
  }, async () => {
    const one = await linux();
    const machines: string[] = [];
    await underLoad(one, async () => {
      for (let move = 0; move < MOVES; move++) {
        const report = await one.migrate({ interruptions: 'told' });
        expect(report.outcome, report.text).toBe('ok');
        machines.push(one.cluster.whereIs('Guest1'));
        await untilReplies(one, 10);
      }
    });
    expect(machines).toEqual(Array.from({ length: MOVES }, (_, n) => (n % 2 === 0 ? 'B' : 'A')));
    expect(one.guest.downtimesMs.length).toBe(MOVES);
    const { accepted, delivered } = one.books();
    expect(accepted - delivered).toBeGreaterThan(0);
    expect(await one.sh('lszcrypt -V | grep -c online')).toMatch(/^6$/m);
  });

  it.each([
    ['destination opened', 'before anything has moved'],
    ['source STOP_COPY', 'while its CPUs stand still'],
    ['destination STOP', 'when its devices are there already'],
  ])(
    'goes on where it was when the migration is cancelled at "%s", %s',
    { timeout: 3 * MOVE_MS },
    async (step) => {
      const one = await linux();
      const before = one.cluster.whereIs('Guest1');
      const onStep = (at: string) => {
        if (at === step) expect(one.cluster.cancel('Guest1')).toBe(true);
      };
      const report = await underLoad(one, () => one.migrate({ onStep, interruptions: 'told' }));
      expect(report.outcome).toBe('ECANCELED');
      expect(one.cluster.whereIs('Guest1')).toBe(before);
    },
  );

  it.each(['vCPUs stopped', 'destination STOP'])(
    'goes on where it was when the destination\'s QEMU is killed at "%s"',
    { timeout: 3 * MOVE_MS },
    async (step) => {
      const one = await linux();
      const before = one.cluster.whereIs('Guest1');
      const onStep = (at: string) => {
        if (at === step) killDestination();
      };
      const report = await underLoad(one, () => one.migrate({ onStep, interruptions: 'told' }));
      expect(report).toMatchObject({ outcome: 'EIO', text: expect.stringContaining('QEMU') });
      expect(one.cluster.whereIs('Guest1')).toBe(before);
    },
  );

  it('goes on where it was when the destination has not its queues', {
    timeout: 3 * MOVE_MS,
  }, async () => {
    const one = await linux();
    const before = one.cluster.whereIs('Guest1');
    const other = one.cluster.machine(before === 'A' ? 'B' : 'A');
    // It may have been there: the numbers are still assigned then.
    const matrix = `/sys/devices/vfio_ap/matrix/${other.guest('Guest1').uuid}`;
    other.write(`${matrix}/unassign_adapter`, '6');
    expect(other.write('/sys/bus/ap/apmask', '+6')).toBe('ok');
    const report = await underLoad(one, () => one.migrate());
    expect(report).toMatchObject({
      outcome: 'ENODEV',
      text: expect.stringContaining('load of migration failed: No such device'),
    });
    expect(other.write('/sys/bus/ap/apmask', '-6')).toBe('ok');
    const { outcome } = await underLoad(one, () => one.migrate({ interruptions: 'told' }));
    expect(outcome).toBe('ok');
  });
});

describe.skipIf(image === undefined)('a stock kernel that polls', () => {
  it('loses nothing with what the posted series moves', { timeout: 6 * MOVE_MS }, async () => {
    const one = await bootMoving(image!, { interrupts: false });
    try {
      for (let move = 0; move < 2; move++) {
        const { outcome } = await underLoad(one, () => one.migrate());
        expect(outcome).toBe('ok');
      }
    } finally {
      await one.close();
    }
  });
});

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const main = path('dist/src/cli/main.js');
const built = existsSync(main);
if (!built) console.info('skipped: apemu qemu as a command, dist is missing (npm run build)');

describe.skipIf(image === undefined || !built)('apemu qemu with several machines', () => {
  const qemu = (...args: string[]) =>
    spawnSync(
      process.execPath,
      [main, 'qemu', path('examples/migration/two-hosts.yaml'), ...args],
      {
        encoding: 'utf8',
        timeout: 3 * MOVE_MS,
      },
    );

  it('moves a guest as the example scenario says', { timeout: 3 * MOVE_MS }, () => {
    const scenario = ['--scenario', path('examples/migration/stock-kernel.scenario')];
    const command = ['to B', 'to A'].map((text) => `echo ${text}; rsa-test 500 4 mex-1024`);
    const { status, stdout, stderr } = qemu(...scenario, '--run', command.join('; '));
    expect(stderr).toMatch(/Guest1: on machine B, its CPUs stood still for \d+ ms/);
    expect(stderr).toMatch(/Guest1: on machine A, its CPUs stood still for \d+ ms/);
    expect(stdout.match(/right=500 wrong=0/g)).toHaveLength(8);
    expect(status).toBe(0);
  });

  it.each(['--lpar', '--attach=/nowhere'])('refuses %s', (option) => {
    const { status, stderr } = qemu(option);
    expect([status, stderr]).toEqual([
      2,
      expect.stringContaining('a configuration of one machine'),
    ]);
  });
});
