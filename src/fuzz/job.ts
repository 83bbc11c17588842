// SPDX-License-Identifier: Apache-2.0
// The unit of work as data: what a worker is told once, what it is asked, and what it answers. Nothing in it depends on which worker does
// it, or on what that worker did before.
// Source: docs/design.md section 10.
import type { OracleName, Violation } from '../oracle/oracles.ts';
import type { DriverBundle } from '../target/program/driver-bundle.ts';
import { NOTHING_SEEN, type Seen } from '../target/seen.ts';
import type { ScenarioSpace } from '../target/target.ts';

/** What a worker makes its target from. It is plain data. */
export interface TargetSpec {
  /** Text of the configuration, and the file that contains it. */
  readonly config: string;
  readonly file: string;
  readonly bundle: DriverBundle;
  readonly guest: string | undefined;
  readonly seed: number;
  readonly recoverNs: number | undefined;
  readonly perSecond: number | undefined;
  readonly without: readonly OracleName[];
}

/** What a campaign has to know of a target before it begins. */
export interface TargetFacts {
  readonly space: ScenarioSpace;
  readonly featureCount: number;
  /** Number of features of the code. Their numbers come first, then those of cells, then those of pairs. */
  readonly codeFeatures: number;
}

/** One case: a scenario as it is, or a change of one. */
export interface CaseSpec {
  /** The scenario's lines. */
  readonly lines: string;
  /** Lines that may be spliced in; undefined if the scenario is to run as it is. */
  readonly other: string | undefined;
  /** What the driver executes in the scenario. */
  readonly seen: Seen;
  readonly seed: number;
}

/** A case in which a scenario runs as it is. */
export const asItIs = (lines: string): CaseSpec => ({
  lines,
  other: undefined,
  seen: NOTHING_SEEN,
  seed: 0,
});

export interface BatchJob {
  readonly kind: 'batch';
  readonly cases: readonly CaseSpec[];
  /** Features that are known already. */
  readonly known: Uint32Array;
  /** Legal cells that were met least often: endings worth trying. */
  readonly wanted: readonly number[];
  /** Indices of cases that are not run, because they never end. */
  readonly skip: readonly number[];
}

/** A scenario that has reached something new. */
export interface KeptInput {
  readonly lines: string;
  /** Those of its features that nobody had reached before. */
  readonly fresh: readonly number[];
  readonly seen: Seen;
  /** What it takes to run it, in the target's unit. */
  readonly cost: number;
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
  /** Features that were met, and in how many cases each. */
  readonly features: Uint32Array;
  readonly hits: Uint32Array;
  /** For each cell (by its feature) the first scenario of this batch that met it. */
  readonly firsts: readonly (readonly [feature: number, lines: string])[];
  /** The first case that broke each oracle in each way (of a kernel, with other events), and how many such cases there were. */
  readonly broken: readonly (BrokenInput & { readonly count: number })[];
  /** Advice in words, and how often it was given. */
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
  /** Whether both runs of the shortest scenario gave the same result. */
  readonly stable: boolean;
  /** Whether it happened in fresh surroundings too. Always true for a target that has no others. */
  readonly confirmed: boolean;
  /** What the driver did: an instruction or event in each line. */
  readonly trace: readonly string[];
  /** Where in the driver's code the last instruction before it was, if the driver tells. */
  readonly place?: string | undefined;
  readonly runs: number;
  /** With several machines: which one found it, and which one saw it again. */
  readonly by?: string | undefined;
}

export type Job = BatchJob | MinimiseJob;
export type JobResult = BatchResult | MinimiseResult;

/** Has jobs done, by this thread, other threads or other machines. Results come in the order of the jobs. */
export interface Carrier {
  readonly facts: TargetFacts;
  run(jobs: readonly Job[]): Promise<readonly JobResult[]>;
  /** Called when the answers so far are saved, so that nobody will ask for them again. */
  saved?(): void;
  /** Called when the campaign has come to its end, so that its workers may go. */
  ended?(): void;
  /** The workers, if they are on other machines. */
  machines?(): readonly MachineFigures[];
  close(): Promise<void>;
}

/** A worker on some machine, as the page and `/metrics` show it. It is plain data. */
export interface MachineFigures {
  readonly name: string;
  readonly threads: number;
  readonly jobs: number;
  readonly cases: number;
  /** Average over the last ten seconds. */
  readonly casesPerSecond: number;
  /** Whether it was heard of in the last ten seconds. */
  readonly alive: boolean;
}
