// SPDX-License-Identifier: Apache-2.0
// A fuzzing run: does stream after stream from a seed, makes findings short, and keeps a state with which another run can continue.
import { type Finding, findingName, findingOf } from './finding.ts';
import type { Rule } from './rules.ts';
import { addStatistics, emptyStatistics, type Statistics } from './statistics.ts';
import { runStream, type StreamOptions } from './stream.ts';

/** Plain data, saved as JSON between runs. */
export interface CampaignState {
  readonly version: 1;
  /** Configuration, first seed and lines a stream: what makes two runs the same. */
  readonly identity: string;
  /** Number of streams that have ended. */
  streams: number;
  readonly statistics: Statistics;
  /** Number of streams that broke each rule. */
  readonly broken: Partial<Record<Rule, number>>;
  /** Names of the findings that were made short. */
  readonly findings: string[];
}

export interface CampaignOptions extends Omit<StreamOptions, 'seed'> {
  /** Seed of the first stream; the others count on from it. */
  readonly firstSeed: number;
}

/** Findings that are shortened, for each rule: more of the same say little. */
const SHORTENED_PER_RULE = 3;

const identityOf = (options: CampaignOptions): string =>
  JSON.stringify([options.firstSeed, options.lines, options.keepConfig === true, options.config]);

/** A fuzzing run, one stream at a time. */
export class Campaign {
  readonly state: CampaignState;
  readonly #options: CampaignOptions;

  /** `saved` is the state of an earlier run, which is continued. */
  constructor(options: CampaignOptions, saved?: CampaignState) {
    this.#options = options;
    this.state = saved ?? {
      version: 1,
      identity: identityOf(options),
      streams: 0,
      statistics: emptyStatistics(),
      broken: {},
      findings: [],
    };
  }

  /** Whether a saved state belongs to a run with these options. */
  static fits(saved: CampaignState, options: CampaignOptions): boolean {
    return saved?.version === 1 && saved.identity === identityOf(options);
  }

  /** Runs the next stream. What it found, shortened, if it is new enough to be worth it. */
  async next(): Promise<Finding | undefined> {
    const { firstSeed, ...options } = this.#options;
    const result = await runStream({ ...options, seed: (firstSeed + this.state.streams) >>> 0 });
    const rule = result.violation?.rule;
    const known = rule === undefined ? 0 : (this.state.broken[rule] ?? 0);
    const shorten = rule !== undefined && known < SHORTENED_PER_RULE;
    const finding = shorten ? await findingOf(result, options) : undefined;
    if (rule !== undefined) this.state.broken[rule] = known + 1;
    if (finding !== undefined) this.state.findings.push(findingName(finding));
    addStatistics(this.state.statistics, result.statistics);
    this.state.streams++;
    return finding;
  }

  get found(): boolean {
    return Object.keys(this.state.broken).length > 0;
  }
}
