// SPDX-License-Identifier: Apache-2.0
// Explores the order of host operations, guest instructions and interruptions in stepped mode: every choice of a small case, seeded
// random ones beyond, and a schedule as an AP program when an invariant breaks.
// Source: docs/reference/vfio-ap.md section 6.3.
import type { Lock, Operation } from '../ap-bus/operation.ts';
import { nextRandom, seedRandom } from '../lpar/random.ts';
import type { Machine } from './machine.ts';

/** Something a guest does, with its line in an AP program. */
export interface GuestAction {
  readonly line: string;
  run(machine: Machine): void;
}

/** A host operation, with its line. */
export interface HostAction {
  readonly line: string;
  start(machine: Machine): Operation<unknown>;
}

/** What runs at the same time: each guest list in its own order, host operations each on their own. */
export interface Concurrent {
  readonly host: readonly HostAction[];
  readonly guests: readonly (readonly GuestAction[])[];
}

/** One case: a machine that reports its steps, what was done before (lines), what is concurrent, what must hold. */
export interface ExploreCase {
  /** Makes the machine; `onStep` goes into its options. */
  create(onStep: (what: string) => void): Promise<Machine>;
  /** Lines of an AP program that lead to the start, and the same for real. */
  readonly before: readonly string[];
  prepare(machine: Machine): void;
  concurrent(machine: Machine): Concurrent;
  /** Text of a violation after any step; undefined when all is well. */
  check(machine: Machine): string | undefined;
  /** Text of a violation when all have ended. */
  atEnd?(machine: Machine): string | undefined;
}

export interface ExploreOptions {
  /** Interleavings explored one by one; what is left after them is drawn. */
  readonly exhaustive: number;
  readonly random: number;
  readonly seed: number;
}

export interface Exploration {
  readonly explored: number;
  /** All interleavings there are were explored. */
  readonly complete: boolean;
  readonly violation: { readonly text: string; readonly program: string } | undefined;
}

/** Steps of one interleaving after which it counts as one that never ends. */
const PATIENCE = 5_000;

/** Makes choices and remembers how many there were. */
class Chooser {
  readonly widths: number[] = [];
  readonly taken: number[] = [];
  readonly #given: readonly number[];
  #random: number | undefined;

  constructor(given: readonly number[], random?: number) {
    this.#given = given;
    this.#random = random;
  }

  choose(width: number): number {
    if (width <= 1) return 0;
    let pick = this.#given[this.taken.length] ?? 0;
    if (this.#random !== undefined) {
      this.#random = nextRandom(this.#random);
      pick = (this.#random >>> 0) % width;
    }
    this.widths.push(width);
    this.taken.push(pick);
    return pick;
  }

  /** The choices after these in depth-first order; undefined when there are none. */
  next(): number[] | undefined {
    for (let at = this.taken.length - 1; at >= 0; at--) {
      if ((this.taken[at] as number) + 1 < (this.widths[at] as number))
        return [...this.taken.slice(0, at), (this.taken[at] as number) + 1];
    }
    return undefined;
  }
}

interface RunningOperation {
  readonly action: HostAction;
  operation: Operation<unknown> | undefined;
  wakeNs: number;
  lock: Lock | undefined;
  /** It waits for somebody else. */
  pending: boolean;
  done: boolean;
}

/** One interleaving. */
class Run {
  readonly lines: string[];
  violation: string | undefined;
  readonly #case: ExploreCase;
  readonly #chooser: Chooser;
  #machine: Machine | undefined;
  #operations: RunningOperation[] = [];
  #guests: { readonly actions: readonly GuestAction[]; at: number }[] = [];
  #armed = false;

  constructor(exploreCase: ExploreCase, chooser: Chooser) {
    this.#case = exploreCase;
    this.#chooser = chooser;
    this.lines = ['apemu-program 1', ...exploreCase.before];
  }

  async run(): Promise<void> {
    const machine = await this.#case.create((what) => this.#step(what));
    this.#machine = machine;
    try {
      this.#case.prepare(machine);
      const { host, guests } = this.#case.concurrent(machine);
      this.#operations = host.map((action) => ({
        action,
        operation: undefined,
        wakeNs: 0,
        lock: undefined,
        pending: false,
        done: false,
      }));
      this.#guests = guests.map((actions) => ({ actions, at: 0 }));
      this.#armed = true;
      this.#loop();
      this.#armed = false;
      this.violation ??= this.#case.atEnd?.(machine);
    } catch (error) {
      this.violation ??= `an error was thrown: ${error instanceof Error ? error.message : error}`;
    } finally {
      machine.close();
    }
  }

  #loop(): void {
    for (let steps = 0; this.violation === undefined; steps++) {
      const operations = this.#operations.filter((one) => !one.done);
      const free = operations.filter((one) => one.lock === undefined || !one.lock.held);
      // Who waits for the end of another operation looks again when no other can go on.
      const active = free.filter((one) => !one.pending);
      const ready = active.length > 0 ? active : free;
      const guests = this.#readyGuests();
      if (operations.length === 0 && guests.length === 0) return;
      if (ready.length + guests.length === 0 || steps > PATIENCE) {
        this.violation = `these never end: ${operations.map((one) => one.action.line).join('; ')}`;
        return;
      }
      const pick = this.#chooser.choose(ready.length + guests.length);
      if (pick < ready.length) this.#advance(ready[pick] as RunningOperation);
      else this.#act(guests[pick - ready.length] as (typeof guests)[number]);
    }
  }

  #readyGuests() {
    return this.#guests.filter((guest) => guest.at < guest.actions.length);
  }

  #advance(running: RunningOperation): void {
    const machine = this.#machine as Machine;
    if (running.operation === undefined) {
      this.lines.push(running.action.line);
      running.operation = running.action.start(machine);
    }
    if (running.wakeNs > machine.nowNs()) machine.advance(running.wakeNs - machine.nowNs());
    const step = running.operation.next();
    running.done = step.done === true;
    running.lock = step.done === true ? undefined : step.value.lock;
    running.pending = step.done !== true && step.value.pending === true;
    const waitNs = step.done === true || running.lock !== undefined ? 0 : step.value.waitNs;
    running.wakeNs = machine.nowNs() + waitNs;
    const what = step.done === true ? 'ended' : (step.value.step ?? 'sleeps');
    this.lines.push(`# ${running.action.line}: ${what}`);
    this.#check();
  }

  #act(guest: { readonly actions: readonly GuestAction[]; at: number }): void {
    const action = guest.actions[guest.at++] as GuestAction;
    this.lines.push(action.line);
    this.#armed = false;
    action.run(this.#machine as Machine);
    this.#armed = true;
    this.#check();
  }

  /** In the middle of a host operation: none or one of the guests goes on. */
  #step(what: string): void {
    if (!this.#armed || this.violation !== undefined) return;
    this.lines.push(`#   ${what}`);
    this.#check();
    const guests = this.#readyGuests();
    const pick = this.#chooser.choose(guests.length + 1);
    if (pick > 0) this.#act(guests[pick - 1] as (typeof guests)[number]);
  }

  #check(): void {
    this.violation ??= this.#case.check(this.#machine as Machine);
  }
}

/** Explores a case. Ends at the first violation. */
export const explore = async (
  exploreCase: ExploreCase,
  options: ExploreOptions,
): Promise<Exploration> => {
  let explored = 0;
  let complete = false;
  let given: number[] | undefined = [];
  while (given !== undefined && explored < options.exhaustive) {
    const chooser = new Chooser(given);
    const violation = await one(exploreCase, chooser);
    explored++;
    if (violation !== undefined) return { explored, complete, violation };
    given = chooser.next();
    complete = given === undefined;
  }
  for (let n = 0; n < options.random && !complete; n++) {
    const violation = await one(exploreCase, new Chooser([], seedRandom(options.seed, n)));
    explored++;
    if (violation !== undefined) return { explored, complete, violation };
  }
  return { explored, complete, violation: undefined };
};

const one = async (
  exploreCase: ExploreCase,
  chooser: Chooser,
): Promise<{ text: string; program: string } | undefined> => {
  const run = new Run(exploreCase, chooser);
  await run.run();
  if (run.violation === undefined) return undefined;
  const program = `${run.lines.join('\n')}\n# choices ${chooser.taken.join(',')}: ${run.violation}\n`;
  return { text: run.violation, program };
};
