// SPDX-License-Identifier: Apache-2.0
// Holds a guest still for a moment, so that what is seen of its CPUs is still true when something is done about it. One holder at a
// time; a guest that stood still before (its user's `stop`, a watchpoint, its end) is not set going.
// Source: QEMU's QMP reference, stop, cont and RunState.

import type { Monitor } from './qmp.ts';

/**
 * Run states in which somebody may set a guest going while it is asked about: its owner at its start, the debug stub after a stop. They
 * speak to QEMU through other sockets, so that the order is open. A guest that stands as `paused` afterwards has been stopped by us then.
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
   * @param action `running`: it ran until now, and goes on afterwards
   * @throws what `action` throws, after the guest has been continued; ApemuError APEMU_ERR_QEMU_QMP when QEMU has gone
   */
  hold<T>(action: (running: boolean) => Promise<T> | T): Promise<T> {
    const held = this.#last.then(() => this.#hold(action));
    this.#last = held.catch(() => {});
    return held;
  }

  /** Does something with a guest that stands still already, while nobody holds it or lets it go on. */
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
      // Refused when the guest has ended meanwhile: it must not go on then.
      if (running) await this.#qmp.execute('cont').catch(() => {});
    }
  }
}
