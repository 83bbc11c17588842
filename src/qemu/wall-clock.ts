// SPDX-License-Identifier: Apache-2.0
// The time of a machine whose programs run under QEMU: it is the computer's, from the first look on.
// Source: docs/design.md section 4, row qemu.
import type { PartitionMachine } from '../host/machine/partition-machine.ts';

/** Nanoseconds after which trace records are handed over, so that a reader of the file sees the guest at work. */
const FLUSH_NS = 200_000_000;

/** Nanoseconds by which an operation that waits may put the machine's time ahead. The longest sleep of vfio_ap's hook is much shorter. */
const LEAD_NS = 500_000_000;

/** Lets the machine's time pass. */
export interface HostClock {
  /** @returns when the next thing is due, in the host's time */
  advance(nowNs: number): number;
  /** Makes the time go on from where it was set. */
  restart(): void;
}

/** Moves the machine's time along with the host's. It never goes back, since an operation that waits may have put it ahead. */
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
    // Somebody has let time pass at the administrator's shell, so it goes on from there.
    else if (behind < -LEAD_NS) this.#offsetNs -= behind;
    return service.serve() - this.#offsetNs;
  }
}

/** The time of several machines: it is the same for all of them. */
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
