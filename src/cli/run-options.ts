// SPDX-License-Identifier: Apache-2.0
// Options of `apemu run` as they are typed. A wrong one is a usage error that says what was expected.

import { readText } from '../config/text-file.ts';
import { parseDurationNs, parseNumber } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import { ARRIVAL_FILE, type ArrivalTimes, parseArrivals } from '../load/arrival-file.ts';
import {
  ENDLESS,
  LENGTH_MAX,
  LOAD_WORKLOADS,
  type LoadOverrides,
  MESSAGES_MAX,
  OUTSTANDING_MAX,
} from '../load/overrides.ts';
import { parseSweep, type SweepAxis } from '../load/sweep-plan.ts';
import { parseThreshold, type Threshold } from '../load/thresholds.ts';

/** The options as commander hands them over. */
export interface RunOptions {
  readonly seed?: number;
  readonly s390Tools?: string;
  readonly json?: boolean;
  readonly stepped?: boolean;
  /** Duration in nanoseconds. */
  readonly duration?: number;
  readonly interval?: number;
  readonly workers?: number;
  readonly workload?: string;
  readonly messages?: number;
  readonly rate?: Rates;
  readonly arrivals?: Arrivals;
  readonly outstanding?: number;
  readonly length?: { readonly min: number; readonly max: number };
  readonly html?: string;
  readonly trace?: string;
  readonly sweep?: readonly SweepAxis[];
  readonly wall?: boolean;
  readonly target?: number;
  /** Nanoseconds between two changes. */
  readonly hotPlug?: number;
  readonly failIf?: readonly Threshold[];
}

/** `--arrivals poisson --arrivals Web=web.txt` */
export interface Arrivals {
  readonly kind?: 'fixed' | 'poisson';
  readonly times?: ArrivalTimes;
}

/** Rates, as in `--rate 500 --rate Guest1=800`. */
export interface Rates {
  readonly all?: number;
  readonly guests: ReadonlyMap<string, number>;
}

const wrong = (option: string, text: string, expected: string): ApemuError =>
  new ApemuError(
    `APEMU_ERR_USAGE_${option.toUpperCase().replaceAll('-', '_')}`,
    `--${option} is ${text === '' ? 'empty' : text} (expected ${expected})`,
  );

/** Parser of an option that is a time above 0. */
export const durationOption =
  (option: string) =>
  (text: string): number => {
    const ns = parseDurationNs(text);
    if (ns !== undefined && ns > 0) return ns;
    throw wrong(option, text, 'a time such as 500ms or 10s');
  };

/** Parser of an option that is a whole number. */
export const numberOption =
  (option: string, low: number, high: number) =>
  (text: string): number => {
    const value = parseNumber(text);
    if (value !== undefined && value >= low && value <= high) return value;
    throw wrong(option, text, `a number, ${low} to ${high}`);
  };

/** `--messages`: a number, or `endless`. */
export const messagesOption = (text: string): number => {
  if (text === 'endless') return ENDLESS;
  const value = parseNumber(text);
  if (value !== undefined && value >= 1 && value <= MESSAGES_MAX) return value;
  throw wrong('messages', text, `a number a queue, 1 to ${MESSAGES_MAX}, or endless`);
};

/** Makes the parser of an option whose value is one of several words. */
const wordOption =
  <T extends string>(option: string, words: readonly T[]) =>
  (text: string): T => {
    const word = words.find((candidate) => candidate === text);
    if (word !== undefined) return word;
    throw wrong(option, text, `one of ${words.join(', ')}`);
  };

export const workloadOption = wordOption('workload', LOAD_WORKLOADS);
/** `--arrivals`, which may come several times: how far messages are apart, or a file with their times. */
export const arrivalsOption = (text: string, before: Arrivals = {}): Arrivals => {
  if (text === 'fixed' || text === 'poisson') return { ...before, kind: text };
  const named = /^(?<guest>[A-Za-z][\w-]*)=(?<file>.+)$/.exec(text)?.groups;
  const file = named?.['file'] ?? text;
  // A word that is no file is a kind that is not there.
  if (file === '' || /^[a-z]+$/i.test(text))
    throw wrong(
      'arrivals',
      text,
      'fixed, poisson, or a file of times such as arrivals.txt or Guest1=./arrivals',
    );
  const times = parseArrivals(readText(file, ARRIVAL_FILE), file);
  const { all, guests = new Map<string, readonly number[]>() } = before.times ?? {};
  const guest = named?.['guest'];
  if (guest === undefined) return { ...before, times: { all: times, guests } };
  const more = new Map([...guests, [guest, times]]);
  return { ...before, times: { ...(all === undefined ? {} : { all }), guests: more } };
};
export const outstandingOption = numberOption('outstanding', 1, OUTSTANDING_MAX);

const RATE = /^(?:(?<guest>[^=]+)=)?(?<rate>\d+(?:\.\d+)?)$/;

/** `--rate`, which may come several times. */
export const rateOption = (text: string, before?: Rates): Rates => {
  const { guest, rate } = RATE.exec(text)?.groups ?? {};
  if (rate === undefined || !Number.isFinite(Number(rate)))
    throw wrong('rate', text, 'messages a second such as 5000 or Guest1=5000; 0 = closed loop');
  const { all, guests = new Map<string, number>() } = before ?? {};
  if (guest === undefined) return { all: Number(rate), guests };
  const more = new Map([...guests, [guest, Number(rate)]]);
  return all === undefined ? { guests: more } : { all, guests: more };
};

/** `--length 64` or `--length 64..12288` */
export const lengthOption = (text: string): { min: number; max: number } => {
  const [low = '', high = low] = text.split('..');
  const min = parseNumber(low);
  const max = parseNumber(high);
  const parts = text.split('..').length;
  if (min === undefined || max === undefined || parts > 2 || min < 1 || max > LENGTH_MAX)
    throw wrong('length', text, `bytes such as 64 or 64..12288, 1 to ${LENGTH_MAX}`);
  if (min > max) throw wrong('length', text, 'the shorter length first');
  return { min, max };
};

/** `--sweep`, `--sweep rate=…`, `--sweep queues=…`. */
export const sweepOption = (text: string, before?: readonly SweepAxis[]): readonly SweepAxis[] => [
  ...(before ?? []),
  parseSweep(text),
];

/** `--fail-if`, which may come several times. */
export const failIfOption = (text: string, before?: readonly Threshold[]): readonly Threshold[] => [
  ...(before ?? []),
  parseThreshold(text),
];

/** The changes of the load that the options ask for. */
export const overridesOf = (options: RunOptions): LoadOverrides => {
  const { workload, messages, rate, arrivals, outstanding, length } = options;
  return {
    ...(workload === undefined ? {} : { workload }),
    ...(messages === undefined ? {} : { messages }),
    ...(rate?.all === undefined ? {} : { rate: rate.all }),
    ...(rate === undefined || rate.guests.size === 0 ? {} : { guestRates: rate.guests }),
    ...(arrivals?.kind === undefined ? {} : { arrivals: arrivals.kind }),
    ...(arrivals?.times === undefined ? {} : { arrivalTimes: arrivals.times }),
    ...(outstanding === undefined ? {} : { outstanding }),
    ...(length === undefined ? {} : { length }),
  };
};
