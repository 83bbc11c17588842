// SPDX-License-Identifier: Apache-2.0
// Holds a guest still for a moment, so that what is seen of its CPUs is still true when something is done about it. Only one caller at a
// time can hold it. A guest that was standing still before (because of its user's `stop`, a watchpoint, or its end) is not started.
// Source: QEMU's QMP reference, stop, cont and RunState.

import type { Monitor } from './qmp.ts';

/**
 * Run states in which somebody may start a guest while its state is asked for: its owner at its start, or the debug stub after a stop.
 * They use other sockets, so that the order is not known. If such a guest is `paused` afterwards, it was this class that stopped it.
 */
const CAN_GO = new Set(['running', 'prelaunch', 'debug']);

/** Stops and continues one guest. */
export class GuestPause {
  readonly #qmp: Monitor;
  #last: Promise<unknown> = Promise.resolve();

  constructor(qmp: Monitor) {
    this.#qmp = qmp;
  }

  /**
   * Does something while the guest stands still.
   *
   * @param action is told whether the guest was running until now, and will go on afterwards
   * @throws what `action` throws, after the guest has been continued; ApemuError APEMU_ERR_QEMU_QMP if QEMU has gone
   */
  hold<T>(action: (running: boolean) => Promise<T> | T): Promise<T> {
    const held = this.#last.then(() => this.#hold(action));
    this.#last = held.catch(() => {});
    return held;
  }

  /** Does something with a guest that stands still already, while nobody can hold it or let it go on. */
  alone<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#last.then(action);
    this.#last = done.catch(() => {});
    return done;
  }

  async #hold<T>(action: (running: boolean) => Promise<T> | T): Promise<T> {
    const [before, , after] = await Promise.all([
      this.#qmp.execute('query-status'),
      this.#qmp.execute('stop'),
      this.#qmp.execute('query-status'),
    ]);
    const running = CAN_GO.has(before.status) && after.status === 'paused';
    try {
      return await action(running);
    } finally {
      // This is refused if the guest has ended meanwhile, and then it must not go on.
      if (running) await this.#qmp.execute('cont').catch(() => {});
    }
  }
}
