// SPDX-License-Identifier: Apache-2.0
// What is under test: it starts from a kept moment, is given a scenario, runs to its end and reports what happened.
// Source: docs/design.md section 10. Implementations: src/target/program (a guest program in virtual time); a kernel under QEMU.
import type { EventStatement } from '../program/ast.ts';
import type { Outcome } from './outcome.ts';
import type { Seen } from './seen.ts';

/** What of a target a generator of scenarios needs to know. */
export interface TargetTerrain {
  /** Guest whose driver it is. */
  readonly guest: string;
  /** Queues the guest has at the kept moment. */
  readonly queues: readonly number[];
  /** Messages that the deepest of them takes. */
  readonly depth: number;
  /** The driver takes requests of a user. */
  readonly hasUser: boolean;
  /** Files its user writes or reads: of a kernel. */
  readonly files?: readonly KernelFile[];
}

/** A file of a kernel under test. */
export interface KernelFile {
  readonly file: string;
  /** What is written there; none: it is read. Of two texts the second takes the first back. */
  readonly texts: readonly string[];
  /** Adapter it is about, and queue; undefined: all of them. */
  readonly adapter?: number;
  readonly apqn?: number;
  /** What takes a text back where that is another file. */
  readonly back?: { readonly file: string; readonly text: string };
}

export interface Target {
  readonly terrain: TargetTerrain;
  /** Number of features: `Outcome.features` are below it. */
  readonly featureCount: number;
  /** Back to the kept moment. */
  reset(): void | Promise<void>;
  /** Runs a scenario from the kept moment to its end; `trace`: takes down what happened. */
  run(events: readonly EventStatement[], trace?: boolean): Outcome | Promise<Outcome>;
  /**
   * Runs a scenario from the kept moment, and again and again without going back, and says of what storage there is ever more. Absent:
   * nothing is known of the driver's storage.
   */
  repeat?(events: readonly EventStatement[]): Outcome | Promise<Outcome>;
  /** Of so many scenarios that reach something new one is worth repeating. */
  readonly repeatsEvery?: number;
  /** What the driver executed in the last run while events could happen. */
  seen(): Seen;
  /** How often a scenario runs before it is said not to do something again; default once. A kernel's processes are not in step. */
  readonly tries?: number;
  /** A search for a shorter scenario begins: returns what says that it has gone on for long enough. Absent: it may take as long as it does. */
  shortening?(): () => boolean;
  /**
   * Whether a scenario does what `is` says in surroundings that nothing has happened in before: a guest that was just booted. Absent: they
   * are always so.
   */
  confirm?(
    events: readonly EventStatement[],
    is: (outcome: Outcome) => boolean,
    how?: { readonly repeated: boolean },
  ): Promise<boolean>;
  /** Places of the driver's code that any run has reached, by number. */
  places(): readonly number[];
  close(): void | Promise<void>;
}
