// SPDX-License-Identifier: Apache-2.0
// A guest that is held for a moment goes on afterwards, whoever set it going and whenever; one that its user stopped, or that has ended,
// does not.

import { describe, expect, it } from 'vitest';
import { GuestPause } from '../../src/qemu/pause.ts';
import type { Monitor } from '../../src/qemu/qmp.ts';
import type { Command, Returned } from '../../src/qemu/qmp-schema.ts';

/** A QEMU as far as its run state goes. `meanwhile` happens to it before our command of that number, counted from 0. */
class FakeQemu implements Monitor {
  status: string;
  readonly #meanwhile: Readonly<Record<number, string>>;
  #commands = 0;

  constructor(status: string, meanwhile: Readonly<Record<number, string>> = {}) {
    this.status = status;
    this.#meanwhile = meanwhile;
  }

  execute<C extends Command>(command: C): Promise<Returned<C>> {
    this.status = this.#meanwhile[this.#commands++] ?? this.status;
    const running = this.status === 'running';
    if (command === 'stop' && running) this.status = 'paused';
    if (command === 'cont') this.status = 'running';
    const answer = command === 'query-status' ? { running, status: this.status } : {};
    return Promise.resolve(answer as Returned<C>);
  }
}

const ENDED = 'guest-panicked';

describe('a guest that is held', () => {
  it.each<[string, string, Readonly<Record<number, string>>, string, boolean]>([
    ['while it runs goes on', 'running', {}, 'running', true],
    // The debug stub has a socket of its own: what it is told may be done before or between what the monitor is told.
    ['while its owner starts it goes on', 'prelaunch', { 1: 'running' }, 'running', true],
    ['while the debug stub sets it going goes on', 'debug', { 1: 'running' }, 'running', true],
    ['before its owner starts it waits for its owner', 'prelaunch', {}, 'prelaunch', false],
    ['at a watchpoint waits for the debug stub', 'debug', {}, 'debug', false],
    ['that comes to a watchpoint in that moment', 'running', { 1: 'debug' }, 'debug', false],
    ['that its user has stopped stays stopped', 'paused', {}, 'paused', false],
    ['that arrives at a moment in between', 'inmigrate', { 1: 'paused' }, 'paused', false],
    ['that ends in that moment has ended', 'running', { 1: ENDED }, ENDED, false],
  ])('%s', async (_what, status, meanwhile, left, held) => {
    const qemu = new FakeQemu(status, meanwhile);
    const running = await new GuestPause(qemu).hold((was) => {
      if (was) expect(qemu.status).toBe('paused');
      return was;
    });
    expect(running).toBe(held);
    expect(qemu.status).toBe(left);
  });
});
