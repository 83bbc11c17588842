// SPDX-License-Identifier: Apache-2.0
// A guest is stopped to be moved at a moment at which nothing is pending in its CPUs.
import { describe, expect, it } from 'vitest';
import { GuestPause } from '../../src/qemu/pause.ts';
import type { Monitor } from '../../src/qemu/qmp.ts';
import { standStill } from '../../src/qemu/stand-still.ts';

const ENABLED = '0304c001';
const NO_EXTERNAL = '0204c001';
const NO_IO = '0104c001';
const IN_HOOK = '00000001';

/** A guest whose CPUs have these PSW masks at one stop after the other; the last ones stay. */
class FakeGuest {
  readonly asked: string[] = [];
  readonly held: boolean[] = [];
  readonly #masks: string[][];
  readonly #states: readonly string[];
  underWay = false;
  /** So often it is told that a channel report is on its way. */
  reports = 0;

  constructor(masks: string[][], states: readonly string[] = []) {
    this.#masks = masks;
    this.#states = states;
  }

  readonly qmp = {
    execute: async (command: string) => {
      this.asked.push(command);
      const [now] = this.#masks;
      if (command === 'cont' && this.#masks.length > 1) this.#masks.shift();
      if (command === 'query-cpus-fast')
        return now.map((_, n) => ({ 'cpu-index': n, 'cpu-state': this.#states[n] ?? 'operating' }));
      const cr = 'C06=0000000010000000';
      return now.map((mask, n) => `CPU#${n}\nPSW=mask ${mask}80000000 addr 0\n${cr}\n`).join('');
    },
  } as Monitor;

  async stop(state: 'attached' | 'waiting' = 'attached'): Promise<void> {
    const { qmp } = this;
    const guest = this;
    const interruptions = {
      hold: () => void this.held.push(true),
      release: () => void this.held.push(false),
      get underWay() {
        const value = guest.underWay;
        guest.underWay = false;
        return value;
      },
    };
    const standing = {
      state,
      interruptions,
      pause: new GuestPause(qmp),
      get reporting() {
        return guest.reports-- > 0;
      },
    };
    await standStill(standing, qmp);
  }

  get stops(): number {
    return this.asked.filter((command) => command === 'stop').length;
  }
}

describe('a guest that is to be moved', () => {
  it.each<[string, string[][], readonly string[], number]>([
    ['with all CPUs enabled stays stopped', [[ENABLED, ENABLED]], [], 1],
    [
      'runs on while a CPU is in the hook',
      [
        [ENABLED, IN_HOOK],
        [ENABLED, ENABLED],
      ],
      [],
      2,
    ],
    ['runs on while a CPU has external interruptions off', [[NO_EXTERNAL], [ENABLED]], [], 2],
    ['runs on while a CPU has I/O interruptions off', [[NO_IO], [ENABLED]], [], 2],
    ['may have a stopped CPU that is disabled', [[ENABLED, IN_HOOK]], ['operating', 'stopped'], 1],
  ])('%s', async (_, masks, states, stops) => {
    const guest = new FakeGuest(masks, states);
    await guest.stop();
    expect(guest.stops).toBe(stops);
    expect(guest.asked.filter((command) => command === 'cont').length).toBe(stops - 1);
    expect(guest.held).toEqual([true]);
  });

  it('is not stopped while an interruption of ours is on its way', async () => {
    const guest = new FakeGuest([[ENABLED]]);
    guest.underWay = true;
    const done = guest.stop();
    expect(guest.asked).toEqual([]);
    await done;
    expect(guest.stops).toBe(1);
  });

  it('is not stopped while a channel report is on its way', async () => {
    const guest = new FakeGuest([[ENABLED]]);
    guest.reports = 3;
    await guest.stop();
    expect([guest.stops, guest.reports]).toEqual([1, -1]);
  });

  it('is refused before its kernel is served', async () => {
    await expect(new FakeGuest([[ENABLED]]).stop('waiting')).rejects.toThrow(
      'the guest cannot be stopped to be moved: its kernel is not up yet',
    );
  });

  it('that is never enabled runs on, and gets its interruptions', async () => {
    const guest = new FakeGuest([[IN_HOOK]]);
    await expect(guest.stop()).rejects.toThrow('it is never enabled for interruptions');
    expect(guest.asked.at(-1)).toBe('cont');
    expect(guest.held).toEqual([true, false]);
  });
});
