// SPDX-License-Identifier: Apache-2.0
// The loop that looks at shared guest RAM: often while there is traffic, rarely while there is none, and never for so long that other
// work of this process has to wait. Source: docs/reference/qemu-attach.md section 9, polling rule.

/** Something that is looked at again and again, such as one attached guest. */
export interface Polled {
  /**
   * Looks once.
   *
   * @returns true if there was something to do, so that it is worth looking again soon
   */
  poll(nowMs: number): boolean;
  /** Called when a look has thrown. This one is not looked at any more; the others are. */
  failed(error: Error): void;
  /** Whether what it waits for comes through a socket, so that looking all the time would keep it from coming. */
  readonly waitsForMonitor: boolean;
}

/**
 * Milliseconds of sleep between two looks while traffic is recent. Without sleeping, each exchange would cost a time slice of the
 * scheduler if both share a core.
 */
const NAP_MS = 0.02;

/**
 * Milliseconds of looking without sleep after an answer, since the next instruction often follows at once. Looking longer would starve a
 * vCPU on the same core.
 */
const SPIN_MS = 0.03;

/** Milliseconds for which traffic counts as recent. */
const RECENT_MS = 3;

/** Milliseconds of one turn, after which timers, sockets and the shell have theirs. */
const TURN_MS = 2;

/** Milliseconds of sleep while idle: short at first, long when nothing has come for a while. */
const IDLE_MS = { short: 1, long: 4, afterMs: 2_000 } as const;

/** Looks at its guests until there are none. */
export class Poller {
  readonly #polled = new Set<Polled>();
  readonly #nap = new Int32Array(new SharedArrayBuffer(4));
  #lastTraffic = 0;
  #timer: NodeJS.Timeout | undefined;
  #running = false;

  add(polled: Polled): void {
    this.#polled.add(polled);
    this.#lastTraffic = performance.now();
    if (this.#running) return;
    this.#running = true;
    this.#soon();
  }

  remove(polled: Polled): void {
    this.#polled.delete(polled);
  }

  /** Looks at once instead of at the next timer, because something has changed outside. */
  wake(): void {
    this.#lastTraffic = performance.now();
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#soon();
  }

  #soon(): void {
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    const end = performance.now() + TURN_MS;
    for (;;) {
      let now = performance.now();
      if (this.#look(now)) this.#lastTraffic = performance.now();
      if (this.#polled.size === 0) {
        this.#running = false;
        return;
      }
      now = performance.now();
      const quiet = now - this.#lastTraffic;
      if (quiet > RECENT_MS) {
        const sleep = quiet > IDLE_MS.afterMs ? IDLE_MS.long : IDLE_MS.short;
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#turn();
        }, sleep);
        return;
      }
      if (now >= end || this.#listens()) {
        this.#soon();
        return;
      }
      if (quiet > SPIN_MS) Atomics.wait(this.#nap, 0, 0, NAP_MS);
    }
  }

  #listens(): boolean {
    for (const polled of this.#polled) if (polled.waitsForMonitor) return true;
    return false;
  }

  #look(now: number): boolean {
    let busy = false;
    for (const polled of this.#polled) {
      try {
        if (polled.poll(now)) busy = true;
      } catch (error) {
        this.#polled.delete(polled);
        polled.failed(error as Error);
      }
    }
    return busy;
  }
}
