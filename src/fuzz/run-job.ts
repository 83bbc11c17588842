// SPDX-License-Identifier: Apache-2.0
// Does jobs on one target: cases of a batch one after the other, each from the kept moment; or the shortest scenario of a finding.
import { Random } from '../lpar/random.ts';
import { judge, type OracleName, type Violation } from '../oracle/oracles.ts';
import type { EventStatement } from '../program/ast.ts';
import { parseScenarioLines, scenarioLines } from '../scenario/text.ts';
import type { Outcome } from '../target/outcome.ts';
import type { Target, TargetTerrain } from '../target/target.ts';
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

/** Which broken rules count as the same before they are made short. */
export const keyOf = ({ oracle, way }: Violation): string => `${oracle}: ${way}`;

/** Where the driver's code was when a rule was broken: at its last instruction by then. */
const placeOf = ({ places }: Outcome, violation: Violation | undefined): string | undefined => {
  const { atNs = Number.POSITIVE_INFINITY } = violation ?? {};
  return places.findLast((one) => one.atNs <= atNs)?.place;
};

/** The scenario of a case. */
export const eventsOfCase = (
  { lines, other, seen, seed }: CaseSpec,
  terrain: TargetTerrain,
  wanted: readonly number[],
): readonly EventStatement[] => {
  const parent = parseScenarioLines(lines);
  if (other === undefined) return parent;
  const context = { terrain, seen, wanted };
  return mutate(new Random(seed), parent, parseScenarioLines(other), context);
};

export class JobRunner {
  readonly #target: Target;
  readonly #without: ReadonlySet<OracleName>;
  readonly #tally: FeatureTally;
  /** Called before each case with its index: somebody watches that it ends. */
  readonly #begins: (index: number) => void;

  constructor(
    target: Target,
    without: ReadonlySet<OracleName>,
    begins: (index: number) => void = () => {},
  ) {
    this.#target = target;
    this.#tally = new FeatureTally(target.featureCount);
    this.#without = without;
    this.#begins = begins;
  }

  async run(job: Job): Promise<JobResult> {
    return job.kind === 'batch' ? await this.#batch(job) : await this.#minimise(job);
  }

  async #outcome(events: readonly EventStatement[], trace = false): Promise<Outcome> {
    await this.#target.reset();
    return await this.#target.run(events, trace);
  }

  async #batch({ cases, known, wanted, skip }: BatchJob): Promise<BatchResult> {
    const tally = this.#tally;
    tally.begin(known);
    const firsts: [feature: number, lines: string][] = [];
    const broken = new Map<string, BrokenInput & { count: number }>();
    const advice = new Map<string, number>();
    const kept: KeptInput[] = [];
    let executed = 0;
    let ns = 0;
    for (const [index, one] of cases.entries()) {
      if (skip.includes(index)) continue;
      this.#begins(index);
      const events = eventsOfCase(one, this.#target.terrain, wanted);
      const outcome = await this.#outcome(events);
      executed += outcome.executed;
      ns += outcome.ns;
      const fresh = tally.meet(outcome.features);
      const violation = judge(outcome, this.#without);
      for (const { rule, text: words } of outcome.instructions)
        if (rule === 'advice') advice.set(words, (advice.get(words) ?? 0) + 1);
      if (fresh.length === 0 && violation === undefined) continue;
      const lines = scenarioLines(events);
      if (fresh.length > 0) kept.push({ lines, fresh, seen: this.#target.seen() });
      for (const feature of fresh) firsts.push([feature, lines]);
      if (violation === undefined) continue;
      const first = broken.get(keyOf(violation));
      if (first === undefined) broken.set(keyOf(violation), { lines, violation, count: 1 });
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

  async #minimise({ lines, violation }: MinimiseJob): Promise<MinimiseResult> {
    const key = keyOf(violation);
    const broken = (outcome: Outcome): Violation | undefined => {
      const found = judge(outcome, this.#without);
      return found !== undefined && keyOf(found) === key ? found : undefined;
    };
    const breaks = async (events: readonly EventStatement[]): Promise<Violation | undefined> => {
      for (let n = 0; n < (this.#target.tries ?? 1); n++) {
        const found = broken(await this.#outcome(events));
        if (found !== undefined) return found;
      }
      return undefined;
    };
    const short = await minimise(
      parseScenarioLines(lines),
      async (events) => (await breaks(events)) !== undefined,
    );
    const first = await breaks(short.events);
    const outcome = await this.#outcome(short.events, true);
    const second = judge(outcome, this.#without);
    const confirmed = await this.#target.confirm?.(
      short.events,
      (one) => broken(one) !== undefined,
    );
    return {
      kind: 'minimise',
      lines: scenarioLines(short.events),
      violation: first ?? violation,
      stable: JSON.stringify(first) === JSON.stringify(second),
      confirmed: confirmed ?? true,
      trace: outcome.trace,
      place: placeOf(outcome, second),
      runs: short.runs + 2,
    };
  }
}
