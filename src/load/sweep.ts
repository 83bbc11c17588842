// SPDX-License-Identifier: Apache-2.0
// Capacity planning: raises the load, or the number of queues, adapters or engines, step by step, and finds out what the machine can
// carry. The knee of a machine is the highest offered load it carries: at least 99 of 100 messages that arrive at each guest are answered
// in the same time, nothing is dropped, and if there is a target, 99 % of the messages end within it. Above the knee, the backlog grows
// without end.

import type { MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { type LoadFigures, modelLimit } from './figures.ts';
import { ENDLESS, loadedGuests, withLoad } from './overrides.ts';
import { PERCENTILES } from './percentiles.ts';
import { amountsOf, resourceOf } from './sweep-amounts.ts';
import { type Amount, DEFAULT_SHARES, type SweepAxis } from './sweep-plan.ts';

/**
 * Measures a machine under a load that never ends, for `windowNs` nanoseconds after the load has run for a while. Undefined if it was
 * interrupted.
 */
export type Measure = (config: MachineConfig, windowNs: number) => Promise<LoadFigures | undefined>;

/** Part of the offered load that must be answered so that the load counts as carried. */
const CARRIED_SHARE = 0.99;
/** The search for the knee ends when the rates between which it lies differ by less than this part. */
const KNEE_PRECISION = 0.01;
/** Nanoseconds: a first guess of how long it takes until a closed loop shows what the machine can do. */
const PROBE_NS = 20_000_000;
/** An adapter whose engines are busy for this part of the time counts as full. */
const FULL_UTILISATION = 0.95;

const P99 = PERCENTILES.indexOf(99);

export interface SweepOptions {
  readonly axes: readonly SweepAxis[];
  readonly measure: Measure;
  readonly seed: number | undefined;
  /** Number of messages that should arrive during the measurement of a point. With `windowNs`, the measurement takes that time instead. */
  readonly messages: number;
  readonly windowNs?: number;
  readonly arrivals: 'fixed' | 'poisson';
  /** Nanoseconds within which 99 % of the messages must end. */
  readonly targetNs?: number;
  /** Called after each point. Returns true if the sweep is to stop. */
  readonly onPoint: (point: SweepPoint) => boolean;
}

export interface SweepPoint {
  /** The amount of the resource that the sweep is over; undefined for all that the configuration has. */
  readonly amount: Amount | undefined;
  /** Offered load that was asked for, in messages a second of all guests. The real one is a little more or less, by chance. */
  readonly rate: number;
  readonly carried: boolean;
  readonly figures: LoadFigures;
}

/** What the machine carries with an amount of a resource. */
export interface Knee {
  readonly amount: Amount | undefined;
  /** Highest offered load that was carried; undefined if none was. */
  readonly rate: number | undefined;
  /** Lowest offered load that was not carried; undefined if all were carried, so that the knee is higher. */
  readonly above: number | undefined;
  /** Most messages a second that were answered at any load. */
  readonly saturation: number;
  /**
   * What engines and service times allow with the mix of messages at the knee. (Above the knee the mix changes, since slow messages fall
   * behind.)
   */
  readonly limit: number | undefined;
  /** Adapters that are full at the highest load. */
  readonly full: readonly number[];
}

export interface SweepResult {
  /** All points, by amount, then by rate. */
  readonly points: readonly SweepPoint[];
  /** The knees, one for each amount, of a sweep over rates. */
  readonly knees: readonly Knee[];
  /** Of a sweep over a resource alone: the load, and the smallest amount that carries it (undefined if none does). */
  readonly enough: { readonly rate: number; readonly amount: Amount | undefined } | undefined;
  readonly targetNs: number | undefined;
  /** Whether the user has ended the sweep. Then it has the points so far, and no verdict. */
  readonly interrupted: boolean;
}

/** Splits a load between the guests: in the proportion of their configured rates, or evenly if there are none. */
const shareRates = (config: MachineConfig, total: number): Map<string, number> => {
  const guests = loadedGuests(config);
  const configured = guests.map((guest) => guest.workload?.ratePerSecond ?? 0);
  const sum = configured.reduce((a, b) => a + b, 0);
  return new Map(
    guests.map((guest, i) => {
      const share = sum === 0 ? 1 / guests.length : configured[i] / sum;
      return [guest.name, total * share];
    }),
  );
};

/** Messages a second that the configuration offers, all guests together; 0 in a closed loop. */
const configuredRate = (config: MachineConfig): number =>
  loadedGuests(config).reduce((sum, guest) => sum + (guest.workload?.ratePerSecond ?? 0), 0);

class Sweep {
  readonly points: SweepPoint[] = [];
  readonly #config: MachineConfig;
  readonly #options: SweepOptions;
  stopped = false;

  constructor(config: MachineConfig, options: SweepOptions) {
    this.#config = config;
    this.#options = options;
  }

  #load(amount: Amount | undefined, rates: Map<string, number> | undefined): MachineConfig {
    const { arrivals, seed } = this.#options;
    return withLoad(
      this.#config,
      {
        messages: ENDLESS,
        arrivals,
        ...(rates === undefined ? { rate: 0 } : { guestRates: rates }),
        ...(amount === undefined ? {} : { [amount.what]: amount.count }),
      },
      seed,
    );
  }

  #windowNs(rate: number): number {
    return this.#options.windowNs ?? (this.#options.messages * 1e9) / rate;
  }

  /** Messages a second that are answered if every queue always has its next message. The sweep looks around this load. */
  async saturation(amount: Amount | undefined): Promise<number> {
    const { windowNs = PROBE_NS } = this.#options;
    const config = this.#load(amount, undefined);
    const probe = await this.#achieved(config, windowNs);
    if (this.#options.windowNs !== undefined || probe === 0) return probe;
    return await this.#achieved(config, this.#windowNs(probe));
  }

  /** Messages a second that were answered; 0 if the user has ended the sweep meanwhile. */
  async #achieved(config: MachineConfig, windowNs: number): Promise<number> {
    const figures = await this.#options.measure(config, windowNs);
    if (figures === undefined) this.stopped = true;
    return figures?.achieved ?? 0;
  }

  /** Measures one point; undefined if the user has ended the sweep meanwhile. */
  async point(amount: Amount | undefined, rate: number): Promise<SweepPoint | undefined> {
    const config = this.#load(amount, shareRates(this.#config, rate));
    const figures = await this.#options.measure(config, this.#windowNs(rate));
    if (figures === undefined) {
      this.stopped = true;
      return undefined;
    }
    const point = { amount, rate, carried: this.#carried(figures), figures };
    this.points.push(point);
    this.stopped = this.#options.onPoint(point) || this.stopped;
    return point;
  }

  #carried(figures: LoadFigures): boolean {
    const { targetNs } = this.#options;
    const { answeredShare = 0, overrun, latencyNs } = figures;
    if (overrun > 0 || answeredShare < CARRIED_SHARE) return false;
    return targetNs === undefined || (latencyNs[P99] ?? Number.POSITIVE_INFINITY) <= targetNs;
  }

  /** Measures all rates, then halves the interval in which the knee lies. */
  async knee(amount: Amount | undefined, rates: readonly number[]): Promise<Knee> {
    const points: SweepPoint[] = [];
    for (const rate of rates) {
      if (this.stopped) break;
      points.push(...present(await this.point(amount, rate)));
    }
    let rate = Math.max(0, ...points.filter(({ carried }) => carried).map((point) => point.rate));
    let above = lowestAbove(points, rate);
    while (!this.stopped && rate > 0 && above !== undefined && above / rate > 1 + KNEE_PRECISION) {
      const point = await this.point(amount, (rate + above) / 2);
      if (point === undefined) break;
      points.push(point);
      if (point.carried) rate = point.rate;
      else above = point.rate;
    }
    return kneeOf(amount, points, rate === 0 ? undefined : rate, above);
  }
}

const present = (point: SweepPoint | undefined): readonly SweepPoint[] =>
  point === undefined ? [] : [point];

const lowestAbove = (points: readonly SweepPoint[], rate: number): number | undefined => {
  const above = points.map((point) => point.rate).filter((other) => other > rate);
  return above.length === 0 ? undefined : Math.min(...above);
};

const kneeOf = (
  amount: Amount | undefined,
  points: readonly SweepPoint[],
  rate: number | undefined,
  above: number | undefined,
): Knee => {
  const highest = points.reduce((a, b) => (b.rate > a.rate ? b : a), points[0]);
  const adapters = highest?.figures.adapters ?? [];
  const knee = points.find((point) => point.rate === rate) ?? highest;
  return {
    amount,
    rate,
    above,
    saturation: Math.max(0, ...points.map(({ figures }) => figures.achieved)),
    limit: knee === undefined ? undefined : modelLimit(knee.figures),
    full: adapters
      .filter(({ utilisation = 0 }) => utilisation >= FULL_UTILISATION)
      .map(({ apid }) => apid),
  };
};

const axisOf = (axes: readonly SweepAxis[], what: SweepAxis['what']): SweepAxis | undefined => {
  const found = axes.filter((axis) => axis.what === what);
  if (found.length > 1)
    throw new ApemuError('APEMU_ERR_USAGE_SWEEP', `--sweep ${what} is there ${found.length} times`);
  return found[0];
};

/**
 * Runs a sweep. `config` is the machine with its load. A sweep over a resource alone keeps the rate of the configuration.
 *
 * @throws ApemuError `APEMU_ERR_USAGE_SWEEP` if there is no load, or not that much of the resource
 */
export const runSweep = async (
  config: MachineConfig,
  options: SweepOptions,
): Promise<SweepResult> => {
  if (loadedGuests(config).length === 0)
    throw new ApemuError('APEMU_ERR_USAGE_SWEEP', 'no guest makes a load (program: ap-bus)');
  const rateAxis = axisOf(options.axes, 'rate');
  const what = resourceOf(options.axes);
  const amountAxis = what === undefined ? undefined : axisOf(options.axes, what);
  const sweep = new Sweep(config, options);
  const knees: Knee[] = [];
  const amounts = amountsOf(config, what, amountAxis);
  const alone = what !== undefined && rateAxis === undefined;
  const rate = configuredRate(config);
  if (alone && rate === 0)
    throw new ApemuError(
      'APEMU_ERR_USAGE_SWEEP',
      `a sweep over ${what} needs a load (--rate, or rate: in the configuration), or --sweep rate too`,
    );
  for (const amount of amounts) {
    if (sweep.stopped) break;
    if (alone) await sweep.point(amount, rate);
    else knees.push(await sweep.knee(amount, await ratesOf(sweep, amount, rateAxis)));
  }
  const points = sweep.points.toSorted(
    (a, b) => (a.amount?.count ?? 0) - (b.amount?.count ?? 0) || a.rate - b.rate,
  );
  const enough = points.find(({ carried }) => carried)?.amount;
  const interrupted = sweep.stopped;
  return {
    points,
    knees: interrupted ? [] : knees,
    enough: alone && !interrupted ? { rate, amount: enough } : undefined,
    interrupted,
    targetNs: options.targetNs,
  };
};

const ratesOf = async (
  sweep: Sweep,
  amount: Amount | undefined,
  axis: SweepAxis | undefined,
): Promise<readonly number[]> => {
  if (axis?.values !== undefined) return axis.values;
  const saturation = await sweep.saturation(amount);
  if (sweep.stopped) return [];
  if (saturation > 0) return DEFAULT_SHARES.map((share) => share * saturation);
  throw new ApemuError(
    'APEMU_ERR_LOAD_NOTHING',
    'no message was answered in a closed loop, so there is no load to sweep through',
  );
};
