// SPDX-License-Identifier: Apache-2.0
// Checks a machine after each step of its host operations: the rules about its state, and those about what was written.
// Source: docs/reference/vfio-ap.md sections 3.7, 4.1 and 6.1.
import { CRYCB_BYTES, CRYCB_FORMAT_2, CRYCBD_FORMAT } from '../../../native-like/arch/sie.ts';
import type { MatrixMdev } from '../../vfio-ap/mdev.ts';
import type { Machine } from '../machine/machine.ts';
import { brokenAtRest, brokenNow, HookBeforeMasks, OwnMessages } from './host-state.ts';

/** Nanoseconds, longer than a reset, its verification, and the host's set-up of interruptions take. */
const REST_NS = 500_000_000;

/** Rules about what a machine did since the last look: writes and changes of lists, and the locks they need. */
class Writes {
  readonly #machine: Machine;
  #mdevs: readonly MatrixMdev[];
  #before: Uint8Array | undefined;
  /** Guests that have their hook and no masks yet. Their first write of masks is allowed to change nothing. */
  readonly #fresh = new Set<string>();

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#mdevs = [...machine.host.matrix.mdevs];
  }

  /** What is wrong at this point, if anything. Points are those of `Machine.reportSteps`, and taking and releasing locks. */
  point(what: string): string | undefined {
    return this.#locked(what) ?? this.#useful(what) ?? this.#listed(what);
  }

  /** O-2, O-5: hook and masks are written with the update locks held. */
  #locked(what: string): string | undefined {
    const { guestsLock, mdevsLock, bus } = this.#machine.host.matrix;
    // With the profile that has R-30 as a defect, the hook is written without locks.
    const guarded = bus.switches.hookBeforeCheck ? /CRYCB/ : /hook|CRYCB/;
    const held = guestsLock.held && mdevsLock.held;
    return guarded.test(what) && !held ? `O-5: ${what} without the locks` : undefined;
  }

  /** O-5: a write that changes nothing is skipped. */
  #useful(what: string): string | undefined {
    const [name, event] = what.split(': ');
    const guest = this.#machine.guests.find((one) => one.name === name);
    if (guest === undefined || name === undefined) return undefined;
    if (event === 'after hook write') this.#fresh.add(name);
    if (event === 'before CRYCB write') this.#before = this.#crycb(guest.number).slice();
    if (event !== 'after CRYCB write' || this.#before === undefined) return undefined;
    const before = this.#before;
    const now = this.#crycb(guest.number);
    const full = (guest.vm.crycbd & CRYCBD_FORMAT) === CRYCB_FORMAT_2;
    const same = full && now.every((byte, n) => byte === before[n]);
    return !this.#fresh.delete(name) && same
      ? `O-5: a CRYCB write for ${name} that changes nothing`
      : undefined;
  }

  #crycb(guest: number): Uint8Array {
    const at = this.#machine.image.crycb(guest);
    return this.#machine.image.u8.subarray(at, at + CRYCB_BYTES);
  }

  /** O-2: the list of mdevs changes only under its lock. When this is called, the lock may just have been released. */
  #listed(what: string): string | undefined {
    const { mdevs, mdevsLock } = this.#machine.host.matrix;
    const same = mdevs.length === this.#mdevs.length && mdevs.every((m, n) => m === this.#mdevs[n]);
    if (same) return undefined;
    this.#mdevs = [...mdevs];
    return mdevsLock.held || what === `${mdevsLock.name} released`
      ? undefined
      : 'O-2: the list of mdevs changed without the lock';
  }
}

/** Checks a machine after each step, and remembers the first rule that did not hold. */
export class HostRules {
  readonly #machine: Machine;
  readonly #hooks = new HookBeforeMasks();
  readonly #own = new OwnMessages();
  readonly #writes: Writes;
  #broken: string | undefined;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#writes = new Writes(machine);
    this.look();
  }

  /** The first violation so far. */
  get broken(): string | undefined {
    return this.#broken;
  }

  /** Checks at a point inside a step. */
  point(what: string): void {
    this.#broken ??= this.#writes.point(what);
  }

  /** Checks the state after a step or an instruction. */
  look(): void {
    const machine = this.#machine;
    this.#broken ??= this.#hooks.check(machine) ?? brokenNow(machine) ?? this.#own.check(machine);
  }

  /** Checks when all operations have ended. Before that, time passes until what goes on in the background has ended too. */
  atRest(): void {
    this.#machine.advance(REST_NS);
    this.look();
    this.#broken ??= brokenAtRest(this.#machine);
  }
}
