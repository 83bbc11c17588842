// SPDX-License-Identifier: Apache-2.0
// A run over time: samples at even distances, and the figures of each interval. The end of a run is not known, so the distance doubles
// whenever there are too many samples to plot.

import { type AdapterFigures, figuresBetween } from './figures.ts';
import type { LoadSample } from './sample.ts';

/** Highest number of intervals that are kept: a plot has no more points. */
const INTERVALS_MAX = 512;

/** One interval of a run. Rates are in messages a second, times in nanoseconds. */
export interface SeriesPoint {
  /** End of the interval, from the start of the run. */
  readonly timeNs: number;
  readonly offered: number | undefined;
  readonly achieved: number;
  readonly p50Ns: number | undefined;
  readonly p99Ns: number | undefined;
  /** Number of messages without an answer at the end of the interval. */
  readonly waiting: number;
  readonly adapters: readonly Pick<AdapterFigures, 'apid' | 'utilisation'>[];
}

export class Series {
  readonly #samples: LoadSample[] = [];
  #intervalNs: number;

  constructor(intervalNs: number) {
    this.#intervalNs = intervalNs;
  }

  /** Present distance of samples in nanoseconds. */
  get intervalNs(): number {
    return this.#intervalNs;
  }

  /** Time of the next sample; 0 for the first one. */
  get nextNs(): number {
    const last = this.#samples.at(-1);
    return last === undefined ? 0 : last.timeNs + this.#intervalNs;
  }

  /** Adds a sample, unless it comes too soon after the one before. */
  add(sample: LoadSample): void {
    if (sample.timeNs < this.nextNs) return;
    this.#samples.push(sample);
    if (this.#samples.length <= INTERVALS_MAX) return;
    this.#intervalNs *= 2;
    const kept = this.#samples.filter((_, i) => i % 2 === 0);
    this.#samples.splice(0, Number.POSITIVE_INFINITY, ...kept);
  }

  /** The first sample at or after `timeNs`. */
  firstFrom(timeNs: number): LoadSample | undefined {
    return this.#samples.find((sample) => sample.timeNs >= timeNs);
  }

  /** The figures of all intervals. */
  points(): SeriesPoint[] {
    const start = this.#samples[0]?.timeNs ?? 0;
    return this.#samples.slice(1).map((to, i) => {
      const figures = figuresBetween(this.#samples[i], to);
      return {
        timeNs: to.timeNs - start,
        offered: figures.offered,
        achieved: figures.achieved,
        p50Ns: figures.latencyNs[0],
        p99Ns: figures.latencyNs[3],
        waiting: figures.unanswered,
        adapters: figures.adapters.map(({ apid, utilisation }) => ({ apid, utilisation })),
      };
    });
  }
}
