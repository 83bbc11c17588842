// SPDX-License-Identifier: Apache-2.0
// The time of a machine whose programs run under QEMU: the computer's, from the first look on.
// Source: docs/design.md section 4, row qemu.
import type { PartitionMachine } from '../host/machine/partition-machine.ts';

/** Trace records are handed over so often, so that who reads the file sees the guest work. */
const FLUSH_NS = 200_000_000;

/** So far an operation that waits may lead the machine's time: the longest sleep of vfio_ap's hook is much shorter. */
const LEAD_NS = 500_000_000;

/** Lets time go on. */
export interface HostClock {
  /** @returns when something is due next, in the host's time */
  advance(nowNs: number): number;
  /** The time has been set: it goes on from there. */
  restart(): void;
}

/** Moves the machine's time with the host's. It never goes back: an operation that waits may have led it ahead. */
export class WallClock implements HostClock {
  readonly #machine: PartitionMachine;
  #offsetNs: number | undefined;
  #flushedNs = 0;

  constructor(machine: PartitionMachine) {
    this.#machine = machine;
  }

  restart(): void {
    this.#offsetNs = undefined;
  }

  advance(nowNs: number): number {
    const { stepper, service, trace } = this.#machine;
    if (trace !== undefined && (trace.isFilling(0) || nowNs - this.#flushedNs > FLUSH_NS)) {
      this.#flushedNs = nowNs;
      this.#machine.flushTrace();
    }
    this.#offsetNs ??= stepper.nowNs() - nowNs;
    const behind = nowNs + this.#offsetNs - stepper.nowNs();
    if (behind > 0) stepper.advance(behind, false);
    // Somebody let time pass, at the administrator's shell: it goes on from there.
    else if (behind < -LEAD_NS) this.#offsetNs -= behind;
    return service.serve() - this.#offsetNs;
  }
}

/** The time of several machines: a look at one is a look at all. */
export class WallClocks implements HostClock {
  readonly #clocks: readonly WallClock[];

  constructor(machines: readonly PartitionMachine[]) {
    this.#clocks = machines.map((machine) => new WallClock(machine));
  }

  restart(): void {
    for (const clock of this.#clocks) clock.restart();
  }

  advance(nowNs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const clock of this.#clocks) next = Math.min(next, clock.advance(nowNs));
    return next;
  }
}
