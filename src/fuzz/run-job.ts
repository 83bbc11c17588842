// SPDX-License-Identifier: Apache-2.0
// Does jobs on one target: the cases of a batch one after the other, each from the kept moment; or the search for the shortest scenario
// of a finding.
import { Random } from '../lpar/random.ts';
import { judge, type OracleName, type Violation } from '../oracle/oracles.ts';
import type { EventStatement } from '../program/ast.ts';
import { parseScenarioLines, scenarioLines } from '../scenario/text.ts';
import type { Outcome } from '../target/outcome.ts';
import type { ScenarioSpace, Target } from '../target/target.ts';
import { FeatureTally } from './feature-tally.ts';
import type {
  BatchJob,
  BatchResult,
  BrokenInput,
  CaseSpec,
  Job,
  JobResult,
  KeptInput,
  MinimiseJob,
  MinimiseResult,
} from './job.ts';
import { minimise } from './minimise.ts';
import { mutate } from './mutate.ts';
import { shapesOf } from './shapes.ts';

/** Rules broken with the same key count as the same finding, as long as they are not made short. */
export const keyOf = ({ oracle, way }: Violation): string => `${oracle}: ${way}`;

/** One of this many scenarios that reach something new is repeated, if the target can tell what grows and has no number of its own. */
const REPEATED_EVERY = 32;

/** What is looked for. */
interface Search {
  /** The rule, if an outcome breaks it. */
  readonly broken: (outcome: Outcome) => Violation | undefined;
  readonly repeated: boolean;
}

/** Where the driver's code was when a rule was broken: at its last instruction before that. */
const placeOf = ({ places }: Outcome, violation: Violation | undefined): string | undefined => {
  const { atNs = Number.POSITIVE_INFINITY } = violation ?? {};
  return places.findLast((one) => one.atNs <= atNs)?.place;
};

/** Number of scenarios that are kept in parsed form, since those of a corpus are parents again and again. */
const PARSED_MAX = 20_000;
const parsed = new Map<string, readonly EventStatement[]>();

const parse = (lines: string): readonly EventStatement[] => {
  const known = parsed.get(lines);
  if (known !== undefined) return known;
  const events = parseScenarioLines(lines);
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(lines, events);
  return events;
};

/** The scenario of a case. */
export const eventsOfCase = (
  { lines, other, seen, seed }: CaseSpec,
  space: ScenarioSpace,
  wanted: readonly number[],
): readonly EventStatement[] => {
  const parent = parse(lines);
  if (other === undefined) return parent;
  return mutate(new Random(seed), parent, parse(other), { space, seen, wanted });
};

/** Functions for watching a runner's cases from outside. */
export interface CaseWatch {
  /** Called before each case of a batch with its index, so that somebody can watch that it ends. */
  begins?(index: number): void;
  /** The promises that were rejected in this thread since the last call. Resolves when everything that was under way is over. */
  rejected?(): Promise<Outcome['thrown']>;
}

export class JobRunner {
  readonly #target: Target;
  readonly #without: ReadonlySet<OracleName>;
  readonly #tally: FeatureTally;
  readonly #watch: CaseWatch;
  /** Whether the driver has rejected promises, so that it has to be looked after each case whether one was that case's. */
  #rejects = false;

  constructor(target: Target, without: ReadonlySet<OracleName>, watch: CaseWatch = {}) {
    this.#target = target;
    this.#tally = new FeatureTally(target.featureCount);
    this.#without = without;
    this.#watch = watch;
  }

  async run(job: Job): Promise<JobResult> {
    if (job.kind === 'minimise') {
      // The promise may have been rejected in another thread; this one has to look too.
      this.#rejects ||= job.violation.oracle === 'throws';
      return await this.#minimise(job);
    }
    const result = await this.#batch(job);
    if (this.#rejects || (await this.#watch.rejected?.()) === undefined) return result;
    // All cases have to run again to show which one it was.
    this.#rejects = true;
    return await this.#batch(job);
  }

  async #outcome(events: readonly EventStatement[], trace = false): Promise<Outcome> {
    await this.#target.reset();
    const outcome = await this.#target.run(events, trace);
    if (!this.#rejects) return outcome;
    return { ...outcome, thrown: outcome.thrown ?? (await this.#watch.rejected?.()) };
  }

  /** The rule that a scenario breaks when it is repeated, though it breaks none the first time. */
  async #overRepeats(events: readonly EventStatement[]): Promise<Violation | undefined> {
    const outcome = await this.#target.repeat?.(events);
    if (outcome?.grown === undefined) return undefined;
    const found = judge(outcome, this.#without);
    return found && { ...found, repeated: true };
  }

  async #batch({ cases, known, wanted, skip }: BatchJob): Promise<BatchResult> {
    const tally = this.#tally;
    const { repeatsEvery = REPEATED_EVERY } = this.#target;
    tally.begin(known);
    const firsts: [feature: number, lines: string][] = [];
    const broken = new Map<string, BrokenInput & { count: number }>();
    const advice = new Map<string, number>();
    const kept: KeptInput[] = [];
    let executed = 0;
    let ns = 0;
    for (const [index, one] of cases.entries()) {
      if (skip.includes(index)) continue;
      this.#watch.begins?.(index);
      const events = eventsOfCase(one, this.#target.space, wanted);
      const outcome = await this.#outcome(events);
      executed += outcome.executed;
      ns += outcome.ns;
      const fresh = tally.meet(outcome.features);
      let violation = judge(outcome, this.#without);
      for (const { rule, text: words } of outcome.instructions)
        if (rule === 'advice') advice.set(words, (advice.get(words) ?? 0) + 1);
      if (fresh.length === 0 && violation === undefined) continue;
      const lines = scenarioLines(events);
      if (fresh.length > 0) {
        kept.push({ lines, fresh, seen: this.#target.seen(), cost: outcome.cost });
      }
      // This depends on the case alone, and not on the worker that runs it.
      const isRepeated = fresh.length > 0 && (one.seed + index) % repeatsEvery === 0;
      if (violation === undefined && isRepeated) violation = await this.#overRepeats(events);
      for (const feature of fresh) firsts.push([feature, lines]);
      if (violation === undefined) continue;
      const kind = this.#kindOf(violation, events);
      const first = broken.get(kind);
      if (first === undefined) broken.set(kind, { lines, violation, count: 1 });
      else first.count++;
    }
    return {
      kind: 'batch',
      cases: cases.length - skip.length,
      executed,
      ns,
      kept,
      features: Uint32Array.from(tally.features),
      hits: tally.hits,
      firsts,
      broken: [...broken.values()],
      advice: [...advice],
      places: this.#target.places(),
    };
  }

  /** Cases of the same kind are told once. A kernel has bugs nobody may mend meanwhile, behind which others would hide. */
  #kindOf(violation: Violation, events: readonly EventStatement[]): string {
    if (this.#target.space.files === undefined) return keyOf(violation);
    return JSON.stringify([keyOf(violation), shapesOf(events)]);
  }

  async #minimise({ lines, violation }: MinimiseJob): Promise<MinimiseResult> {
    const key = keyOf(violation);
    const { repeated = false } = violation;
    const search: Search = {
      repeated,
      broken: (outcome) => {
        const found = judge(outcome, this.#without);
        return found !== undefined && keyOf(found) === key ? found : undefined;
      },
    };
    const breaks = async (events: readonly EventStatement[]): Promise<Violation | undefined> =>
      search.broken(await this.#again(events, search));
    const whole = parseScenarioLines(lines);
    const found = await minimise(
      whole,
      async (events) => (await breaks(events)) !== undefined,
      this.#target.shortening?.(),
    );
    // In a shorter scenario, something rare may have happened by chance.
    const shorter = await this.#sure(found.events, search);
    const events = shorter ? found.events : whole;
    const confirmed = shorter || (found.events !== whole && (await this.#sure(whole, search)));
    const first = await breaks(events);
    const outcome = await this.#again(events, { ...search, repeated: false }, true);
    const second = repeated ? await breaks(events) : judge(outcome, this.#without);
    return {
      kind: 'minimise',
      lines: scenarioLines(events),
      violation: first ?? violation,
      stable: JSON.stringify(first) === JSON.stringify(second),
      confirmed,
      trace: outcome.trace,
      place: placeOf(outcome, second),
      runs: found.runs + 2,
    };
  }

  /** Runs a scenario until the rule is broken, but not more often than the target is to be tried. Returns the last outcome. */
  async #again(
    events: readonly EventStatement[],
    { broken, repeated }: Search,
    trace = false,
  ): Promise<Outcome> {
    if (repeated && this.#target.repeat !== undefined) return await this.#target.repeat(events);
    let outcome = await this.#outcome(events, trace);
    for (let n = 1; n < (this.#target.tries ?? 1) && broken(outcome) === undefined; n++)
      outcome = await this.#outcome(events, trace);
    return outcome;
  }

  /** Whether it happens in fresh surroundings too, if the target has others. */
  async #sure(events: readonly EventStatement[], { broken, repeated }: Search): Promise<boolean> {
    const is = (outcome: Outcome): boolean => broken(outcome) !== undefined;
    return (await this.#target.confirm?.(events, is, { repeated })) ?? true;
  }
}
