// SPDX-License-Identifier: Apache-2.0
// The loop that looks at shared guest RAM: often while there is traffic, rarely when there is none, and never so long that this
// process's other work waits. Source: docs/reference/qemu-attach.md section 9, polling rule.

/** Something that is looked at again and again: one attached guest. */
export interface Polled {
  /** Looks once. @returns true when there was something to do, so that looking again soon is worth it */
  poll(nowMs: number): boolean;
  /** A look has failed. It is not looked at any more; the others are. */
  failed(error: Error): void;
  /** What it waits for comes through a socket: looking again and again would keep it from coming. */
  readonly waitsForMonitor: boolean;
}

/** Naps between looks while traffic is recent. Busy polling costs a scheduler slice an exchange when both share a core. */
const NAP_MS = 0.02;

/** Looks without a nap after an answer: the next instruction often follows at once. Longer would starve a vCPU on our core. */
const SPIN_MS = 0.03;

/** Traffic counts as recent for this long. */
const RECENT_MS = 3;

/** Longest stay in one turn before timers, sockets and the shell get theirs. */
const TURN_MS = 2;

/** Sleeps when idle: short at first, long when nothing has come for a while. */
const IDLE_MS = { short: 1, long: 4, afterMs: 2_000 } as const;

/** Looks at its guests until it has none. */
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

  /** Looks at once instead of at the next timer: something outside has changed. */
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
