// SPDX-License-Identifier: Apache-2.0
// Times that a user names are kept however long they are: a timer of Node.js is over at once beyond 24.8 days.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { hotPlug } from '../../src/vcpu-pool/hot-plug.ts';
import type { PooledMachine } from '../../src/vcpu-pool/pooled-machine.ts';
import { pause, wallTimer } from '../../src/vcpu-pool/wall-timer.ts';

const DAY_MS = 86_400_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each([1, DAY_MS, 24.8 * DAY_MS, 24.9 * DAY_MS, 80 * DAY_MS])(
  'a timer of %d ms is over then, and not before',
  async (ms) => {
    const then = vi.fn();
    wallTimer(ms, then);
    await vi.advanceTimersByTimeAsync(ms - 1);
    expect(then).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(then).toHaveBeenCalledOnce();
  },
);

it('a timer that was taken back is over never, also in its second half', async () => {
  const then = vi.fn();
  const unset = wallTimer(40 * DAY_MS, then);
  await vi.advanceTimersByTimeAsync(30 * DAY_MS);
  unset();
  await vi.advanceTimersByTimeAsync(30 * DAY_MS);
  expect(then).not.toHaveBeenCalled();
});

it('a pause of any length ends when it is told to', async () => {
  let ended = false;
  const over = vi.fn();
  void pause(80 * DAY_MS, () => ended).then(over);
  await vi.advanceTimersByTimeAsync(1000);
  expect(over).not.toHaveBeenCalled();
  ended = true;
  await vi.advanceTimersByTimeAsync(100);
  expect(over).toHaveBeenCalledOnce();
});

it('hot plug with a long time between two changes ends with the guests, and gives back what it took', async () => {
  const written: string[] = [];
  const config = { name: 'Guest1', mdev: { adapters: [5], domains: [] } };
  const pool = {
    machine: { guests: [{ config, uuid: 'u', number: 1 }] },
    write: async (path: string) => {
      written.push(path.split('/').at(-1) ?? '');
      return 'ok';
    },
  } as unknown as PooledMachine;
  let ended = false;
  const outcome = hotPlug(pool, {
    durationMs: 60 * DAY_MS,
    intervalMs: 40 * DAY_MS,
    ended: () => ended,
  });
  await vi.advanceTimersByTimeAsync(1000);
  expect(written).toEqual(['unassign_adapter']);
  ended = true;
  await vi.advanceTimersByTimeAsync(1000);
  expect(await outcome).toEqual({ plugs: 1, unplugs: 1, violations: [] });
  expect(written).toEqual(['unassign_adapter', 'assign_adapter']);
});
