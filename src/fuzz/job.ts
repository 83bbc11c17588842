// SPDX-License-Identifier: Apache-2.0
// The unit of work as data: what a worker is told once, what it is asked, and what it answers. Nothing in it depends on which worker
// does it, or on what that worker did before.
// Source: docs/design.md section 10.
import type { OracleName, Violation } from '../oracle/oracles.ts';
import type { DriverBundle } from '../target/program/bundle.ts';
import { NOTHING_SEEN, type Seen } from '../target/seen.ts';
import type { TargetTerrain } from '../target/target.ts';

/** What a worker builds its target from. Plain data. */
export interface TargetSpec {
  /** Text of the configuration, and the file it stands in. */
  readonly config: string;
  readonly file: string;
  readonly bundle: DriverBundle;
  readonly guest: string | undefined;
  readonly seed: number;
  readonly recoverNs: number | undefined;
  readonly perSecond: number | undefined;
  readonly without: readonly OracleName[];
}

/** What a campaign needs to know of a target before it begins. */
export interface TargetFacts {
  readonly terrain: TargetTerrain;
  readonly featureCount: number;
  /** Features of the code: those below; then cells, then pairs. */
  readonly codeFeatures: number;
}

/** One case: a scenario as it is, or a change of one. */
export interface CaseSpec {
  /** Lines of the scenario. */
  readonly lines: string;
  /** Lines to splice in; undefined: the scenario runs as it is. */
  readonly other: string | undefined;
  /** What the driver executes in the scenario. */
  readonly seen: Seen;
  readonly seed: number;
}

/** A scenario that runs as it is. */
export const asItIs = (lines: string): CaseSpec => ({
  lines,
  other: undefined,
  seen: NOTHING_SEEN,
  seed: 0,
});

export interface BatchJob {
  readonly kind: 'batch';
  readonly cases: readonly CaseSpec[];
  /** Features that are known. */
  readonly known: Uint32Array;
  /** Legal cells that were met least: endings worth trying. */
  readonly wanted: readonly number[];
  /** Indices of cases that are not run: they never end. */
  readonly skip: readonly number[];
}

/** A scenario that reached something new. */
export interface KeptInput {
  readonly lines: string;
  /** What of it nobody had reached before. */
  readonly fresh: readonly number[];
  readonly seen: Seen;
  /** AP instructions it cost. */
  readonly executed: number;
}

export interface BrokenInput {
  readonly lines: string;
  readonly violation: Violation;
}

export interface BatchResult {
  readonly kind: 'batch';
  readonly cases: number;
  readonly executed: number;
  readonly ns: number;
  readonly kept: readonly KeptInput[];
  /** Features, and in how many cases each was met. */
  readonly features: Uint32Array;
  readonly hits: Uint32Array;
  /** First scenario of this batch that met each cell, by the cell's feature. */
  readonly firsts: readonly (readonly [feature: number, lines: string])[];
  /** The first of each oracle and way, and how many there were. */
  readonly broken: readonly (BrokenInput & { readonly count: number })[];
  /** Advice in words, and how often. */
  readonly advice: readonly (readonly [text: string, count: number])[];
  /** Places of the code that this worker has reached so far. */
  readonly places: readonly number[];
}

export interface MinimiseJob {
  readonly kind: 'minimise';
  readonly lines: string;
  readonly violation: Violation;
}

export interface MinimiseResult {
  readonly kind: 'minimise';
  readonly lines: string;
  readonly violation: Violation;
  /** Both runs of the shortest scenario gave the same. */
  readonly stable: boolean;
  /** It came in fresh surroundings too; always, where a target has no others. */
  readonly confirmed: boolean;
  /** What the driver did, an instruction or event a line. */
  readonly trace: readonly string[];
  /** Where in the driver's code the last instruction before it was, if the driver tells. */
  readonly place?: string | undefined;
  readonly runs: number;
  /** Of several machines: which one found it, and which one saw it again. */
  readonly by?: string | undefined;
}

export type Job = BatchJob | MinimiseJob;
export type JobResult = BatchResult | MinimiseResult;

/** Who has jobs done: this thread, other threads, other machines. Results come in the order of the jobs. */
export interface Carrier {
  readonly facts: TargetFacts;
  run(jobs: readonly Job[]): Promise<readonly JobResult[]>;
  /** What was answered so far is saved: nobody will ask for it again. */
  saved?(): void;
  /** The campaign has come to its end: workers of its own may go. */
  ended?(): void;
  /** Of other machines: who works. */
  machines?(): readonly MachineFigures[];
  close(): Promise<void>;
}

/** A worker on some machine, as the page and `/metrics` show it. Plain data. */
export interface MachineFigures {
  readonly name: string;
  readonly threads: number;
  readonly jobs: number;
  readonly cases: number;
  /** Of the last ten seconds. */
  readonly casesPerSecond: number;
  /** It has been heard of within the last ten seconds. */
  readonly alive: boolean;
}
