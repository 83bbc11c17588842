// SPDX-License-Identifier: Apache-2.0
// What is under test: it starts from a kept moment, gets a scenario, runs to its end, and reports what has happened.
// Source: docs/design.md section 10. Implementations: src/target/program (a guest program in virtual time); a kernel under QEMU.
import type { EventStatement } from '../program/ast.ts';
import type { Outcome } from './outcome.ts';
import type { Seen } from './seen.ts';

/** What the scenarios of a target can be made of: all that a generator of scenarios has to know of it. */
export interface ScenarioSpace {
  /** Name of the guest whose driver is under test. */
  readonly guest: string;
  /** Queues that the guest has at the kept moment. */
  readonly queues: readonly number[];
  /** Depth of the deepest of them. */
  readonly depth: number;
  /** Whether the driver takes requests of a user. */
  readonly hasUser: boolean;
  /** Whether it is a kernel that is a host itself: mediated devices and what belongs to them are then its user's, too. */
  readonly isHost?: boolean;
  /** Files that the user of a kernel writes or reads. */
  readonly files?: readonly KernelFile[];
}

/** A file of a kernel under test. */
export interface KernelFile {
  readonly file: string;
  /** Texts that are written to it; if there are none, it is read. Of two texts, the second takes back what the first does. */
  readonly texts: readonly string[];
  /** Adapter that it is about, and queue; undefined for all of them. */
  readonly adapter?: number;
  readonly apqn?: number;
  /** What takes a text back, if that is done with another file. */
  readonly back?: { readonly file: string; readonly text: string };
}

export interface Target {
  readonly space: ScenarioSpace;
  /** Number of features. The numbers in `Outcome.features` are below it. */
  readonly featureCount: number;
  /** Goes back to the kept moment. */
  reset(): void | Promise<void>;
  /** Runs a scenario from the kept moment to its end. With `trace`, it is written down what happens. */
  run(events: readonly EventStatement[], trace?: boolean): Outcome | Promise<Outcome>;
  /**
   * Runs a scenario from the kept moment, then again and again without going back, and reports the storage of which there is ever more.
   * Absent if nothing is known of the driver's storage.
   */
  repeat?(events: readonly EventStatement[]): Outcome | Promise<Outcome>;
  /** One of this many scenarios that reach something new is repeated. */
  readonly repeatsEvery?: number;
  /** What the driver executed in the last run while events could happen. */
  seen(): Seen;
  /**
   * How often a scenario is run before it is said not to do something; default once. The processes of a kernel do not run in the same
   * order each time.
   */
  readonly tries?: number;
  /**
   * Called when the search for a shorter scenario begins. Returns a function that tells when it has taken long enough. Absent if it may
   * take any time.
   */
  shortening?(): () => boolean;
  /**
   * Whether a scenario does what `is` tests, in surroundings in which nothing has happened before, such as a guest that was just booted.
   * Absent if surroundings are always like that.
   */
  confirm?(
    events: readonly EventStatement[],
    is: (outcome: Outcome) => boolean,
    how?: { readonly repeated: boolean },
  ): Promise<boolean>;
  /** Numbers of the places in the driver's code that any run has reached. */
  places(): readonly number[];
  close(): void | Promise<void>;
}
