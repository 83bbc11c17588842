// SPDX-License-Identifier: Apache-2.0
// A campaign: generation after generation of cases, what they have reached and what they have broken. The same seed gives the same corpus
// and findings, whoever does the jobs, and a campaign that was stopped continues where it was.
// Source: docs/design.md section 10.
import { Random } from '../lpar/random.ts';
import { scenarioLines } from '../scenario/text.ts';
import { nearTo } from './aimed.ts';
import { type Entry, readState, type SavedState } from './campaign-state.ts';
import { type Finding, findingKey } from './finding.ts';
import { seeds } from './generate.ts';
import { leastMet, unmet } from './grid.ts';
import {
  asItIs,
  type BatchJob,
  type BatchResult,
  type BrokenInput,
  type Carrier,
  type CaseSpec,
  type Job,
  type MachineFigures,
  type MinimiseResult,
} from './job.ts';
import { Lottery } from './lottery.ts';
import { keyOf } from './run-job.ts';
import { type ShorteningLimits, shortenedMost } from './shortening-limits.ts';
import { type CampaignStore, nameOf, STATE_FILE } from './store.ts';

/** Highest number of jobs in a generation, and of cases in a job. */
const JOBS = 8;
const JOB_CASES = 64;

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;

export interface CampaignOptions extends ShorteningLimits {
  readonly seed: number;
  /** Highest number of jobs in a generation, and of cases in a job: few if a case takes long, many if many machines do them. */
  readonly jobs?: number;
  readonly jobCases?: number;
  /** Whether there is no feedback: each case is a change of one of the scenarios with which every corpus begins. */
  readonly blind?: boolean;
  /** What two campaigns must have in common to be the same: configuration, guest, seed, oracles. */
  readonly identity: string;
  /** Digest of the driver's code. Default: the code is always the same. */
  readonly code?: string;
}

export class Campaign {
  generation = 0;
  cases = 0;
  executed = 0;
  ns = 0;
  readonly corpus: Entry[] = [];
  readonly hits = new Map<number, number>();
  /** For each architected cell (by its feature) the name of the scenario that met it first. */
  readonly firsts = new Map<number, string>();
  readonly findings: Finding[] = [];
  /** Number of cases that broke each oracle in each way. */
  readonly broken = new Map<string, number>();
  readonly advice = new Map<string, number>();
  /** What this run has broken and what did not happen again in fresh surroundings. */
  readonly unconfirmed: string[] = [];
  readonly places = new Set<number>();
  /** Whether the driver differs from that of the saved state, so that it has to be found out again what its corpus reaches. */
  driverChanged = false;
  /** Generation in which something new was reached last. */
  lastNew = 0;
  /** Whether the last generation has come to its end. */
  #whole = true;
  /** Number of scenarios of the corpus whose files are written. */
  #written = 0;
  readonly #shortened = new Map<string, number>();
  readonly #options: CampaignOptions;
  readonly #carrier: Carrier;
  readonly #store: CampaignStore;
  /** Names of the scenarios of the folder that were executed, whether they have reached something new or not. */
  readonly #tried = new Set<string>();

  /**
   * Begins a campaign, or continues the one whose state is in the folder.
   *
   * @throws ApemuError `APEMU_ERR_USAGE_RESUME` if the folder is another campaign's, `APEMU_ERR_CORPUS_…` for damaged files
   */
  constructor(options: CampaignOptions, carrier: Carrier, store: CampaignStore) {
    this.#options = options;
    this.#carrier = carrier;
    this.#store = store;
    const text = store.read(STATE_FILE);
    if (text !== undefined) this.#load(text);
  }

  get facts(): Carrier['facts'] {
    return this.#carrier.facts;
  }

  /** Does one more generation of at most `cases` cases. Returns the findings that are new. */
  async next(cases: number): Promise<readonly Finding[]> {
    const strangers = this.generation === 0 ? [] : this.#strangers();
    const specs = this.generation === 0 ? this.#first() : strangers;
    const { jobs: most = JOBS, jobCases = JOB_CASES, blind } = this.#options;
    // A generation builds on what the one before has found, so the first generations are small.
    const count = Math.min(cases, Math.min(most, 2 ** (this.generation - 1)) * jobCases);
    if (specs.length === 0) specs.push(...(blind ? this.#blind(count) : this.#mutations(count)));
    const known = Uint32Array.from(this.hits.keys());
    const jobs: BatchJob[] = [];
    const wanted = leastMet(this.hits, this.#carrier.facts.codeFeatures);
    for (let at = 0; at < specs.length; at += jobCases)
      jobs.push({ kind: 'batch', cases: specs.slice(at, at + jobCases), known, wanted, skip: [] });
    const results = (await this.#carrier.run(jobs)) as readonly BatchResult[];
    this.#whole = false;
    this.generation++;
    const broken: BrokenInput[] = [];
    for (const result of results) {
      this.#merge(result);
      broken.push(...this.#countBroken(result));
    }
    const fresh = await this.#shorten(broken);
    this.#whole = true;
    return fresh;
  }

  /**
   * Writes what is needed to continue exactly as if there had been no end: the state first, then the files of the scenarios that it
   * names. A generation that was interrupted is not saved; it is done again.
   */
  save(): void {
    if (!this.#whole) return;
    this.#store.write(STATE_FILE, `${JSON.stringify(this.#state())}\n`);
    for (const { lines } of this.corpus.slice(this.#written)) this.#store.keep(lines);
    this.#written = this.corpus.length;
    this.#carrier.saved?.();
  }

  /** The workers, if there are several machines. */
  machines(): readonly MachineFigures[] | undefined {
    return this.#carrier.machines?.();
  }

  #first(): CaseSpec[] {
    return [
      ...seeds(this.#carrier.facts.space).map(scenarioLines).map(asItIs),
      ...this.#strangers(),
    ];
  }

  /** Scenarios in the folder that were never tried: somebody has put them there, or a killed process has left them. */
  #strangers(): CaseSpec[] {
    const strangers = this.#store.names().filter((name) => !this.#tried.has(name));
    for (const name of strangers) this.#tried.add(name);
    return strangers.map((name) => asItIs(this.#store.scenario(name)));
  }

  #blind(count: number): CaseSpec[] {
    const random = new Random(this.#options.seed, this.generation);
    const own = seeds(this.#carrier.facts.space).map(scenarioLines);
    return Array.from({ length: count }, () => ({
      ...asItIs(random.pick(own)),
      other: random.pick(own),
      seed: random.word(),
    }));
  }

  /** Cases of the next generation. Parents are drawn that take little and have reached something rare. */
  #mutations(count: number): CaseSpec[] {
    const random = new Random(this.#options.seed, this.generation);
    const typical = median(this.corpus.map(({ cost }) => cost));
    const cheapness = ({ cost }: Entry): number => Math.min(1, typical / Math.max(1, cost));
    const rarity = ({ fresh }: Entry): number =>
      fresh.reduce((best, feature) => Math.max(best, 1 / (this.hits.get(feature) ?? 1)), 1e-6);
    const all = new Lottery(this.corpus, cheapness);
    // With the square root, scenarios with common features are drawn too.
    const rare = new Lottery(this.corpus, (entry) => Math.sqrt(rarity(entry)) * cheapness(entry));
    const close = nearTo(this.corpus, unmet(this.hits, this.#carrier.facts.codeFeatures));
    const near = close.length === 0 ? rare : new Lottery(close, cheapness);
    return Array.from({ length: count }, () => {
      const from = random.chance(10) ? near : random.chance(70) ? rare : all;
      const { lines, seen } = from.draw(random);
      return { lines, seen, other: all.draw(random).lines, seed: random.word() };
    });
  }

  #merge(result: BatchResult): void {
    this.cases += result.cases;
    this.executed += result.executed;
    this.ns += result.ns;
    // What another job of this generation has reached already is not new any more.
    for (const { lines, fresh, seen, cost } of result.kept) {
      const news = fresh.filter((feature) => !this.hits.has(feature));
      if (news.length === 0) continue;
      const name = nameOf(lines);
      if (!this.corpus.some((entry) => entry.name === name))
        this.corpus.push({ name, lines, fresh: news, seen, cost });
      this.#tried.add(name);
      for (const feature of news) this.hits.set(feature, 0);
      this.lastNew = this.cases;
    }
    for (const [n, feature] of result.features.entries())
      this.hits.set(feature, (this.hits.get(feature) ?? 0) + result.hits[n]);
    const { codeFeatures } = this.#carrier.facts;
    for (const [feature, lines] of result.firsts)
      if (feature >= codeFeatures && !this.firsts.has(feature))
        this.firsts.set(feature, nameOf(lines));
    for (const [text, count] of result.advice)
      this.advice.set(text, (this.advice.get(text) ?? 0) + count);
    for (const place of result.places) this.places.add(place);
  }

  /** Counts what was broken. Returns what is to be made short. */
  #countBroken(result: BatchResult): BrokenInput[] {
    const wanted: BrokenInput[] = [];
    for (const { count, ...input } of result.broken) {
      const key = keyOf(input.violation);
      this.broken.set(key, (this.broken.get(key) ?? 0) + count);
      const shortened = this.#shortened.get(key) ?? 0;
      if (shortened >= shortenedMost(input, this.findings, this.#options)) continue;
      this.#shortened.set(key, shortened + 1);
      wanted.push(input);
    }
    return wanted;
  }

  /** Makes findings short, and keeps those that are new. */
  async #shorten(broken: readonly BrokenInput[]): Promise<readonly Finding[]> {
    if (broken.length === 0) return [];
    const jobs: Job[] = broken.map(({ lines, violation }) => ({
      kind: 'minimise',
      lines,
      violation,
    }));
    const results = (await this.#carrier.run(jobs)) as readonly MinimiseResult[];
    const fresh: Finding[] = [];
    for (const { lines, violation, stable, confirmed, trace, place, by } of results) {
      if (!confirmed) this.unconfirmed.push(keyOf(violation));
      if (!confirmed) continue;
      const id = findingKey(violation, lines);
      if (this.findings.some((finding) => finding.id === id)) continue;
      const { cases } = this;
      const finding: Finding = { id, lines, violation, stable, trace, place, cases, by };
      this.findings.push(finding);
      fresh.push(finding);
    }
    return fresh;
  }

  #state(): SavedState {
    const { generation, cases, executed, ns, findings } = this;
    return {
      version: 5,
      identity: this.#options.identity,
      code: this.#options.code ?? '',
      generation,
      cases,
      executed,
      ns,
      corpus: this.corpus.map(({ lines, fresh, seen, cost }) => [lines, fresh, seen, cost]),
      hits: [...this.hits],
      firsts: [...this.firsts],
      findings,
      broken: [...this.broken],
      shortened: [...this.#shortened],
      advice: [...this.advice],
      places: [...this.places].sort((a, b) => a - b),
      tried: [...this.#tried].sort(),
    };
  }

  #load(text: string): void {
    const file = `${this.#store.folder}/${STATE_FILE}`;
    const saved = readState(text, file, this.#options.identity);
    if (saved.code !== (this.#options.code ?? '')) {
      this.driverChanged = true;
      return;
    }
    this.generation = saved.generation;
    this.cases = saved.cases;
    this.executed = saved.executed;
    this.ns = saved.ns;
    for (const [lines, fresh, seen, cost] of saved.corpus) {
      const name = nameOf(lines);
      this.#store.restore(name, lines);
      this.corpus.push({ name, lines, fresh, seen, cost });
    }
    this.#written = this.corpus.length;
    for (const [feature, count] of saved.hits) this.hits.set(feature, count);
    for (const [feature, name] of saved.firsts) this.firsts.set(feature, name);
    this.findings.push(...saved.findings);
    for (const [key, count] of saved.broken) this.broken.set(key, count);
    for (const [key, count] of saved.shortened) this.#shortened.set(key, count);
    for (const [words, count] of saved.advice) this.advice.set(words, count);
    for (const place of saved.places) this.places.add(place);
    for (const name of saved.tried) this.#tried.add(name);
  }
}
