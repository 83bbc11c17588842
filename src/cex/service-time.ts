// SPDX-License-Identifier: Apache-2.0
// Service times and parallel engines of an adapter.
// Source: docs/reference/messages.md 7.2. Ratings are constants of zcrypt_cex4.c [S]; reading a rating as microseconds an
// operation at saturation, 8 engines a card, and 8 x rating as service time is the reference's model, a choice [C].

import type { AdapterMode } from '../../native-like/arch/adapter-types.ts';
import { requestFunction } from './request-function.ts';

/** Kernel speed ratings of one card: relative cost per function, smaller is faster. */
interface Ratings {
  /** Times for operands of up to 128, 256 and 512 bytes. */
  readonly mex: readonly [number, number, number];
  readonly crt: readonly [number, number, number];
  readonly rng: number;
  readonly secureKey: number;
}

function ratings(
  mex: Ratings['mex'],
  crt: Ratings['crt'],
  rng: number,
  secureKey: number,
): Ratings {
  return { mex, crt, rng, secureKey };
}

const A7 = ratings([6, 8, 17], [15, 54, 362], 0, 0);
const C7 = ratings([14, 16, 26], [23, 64, 376], 23, 8);
const NO_RSA = [0, 0, 0] as const;
const NONE = ratings(NO_RSA, NO_RSA, 0, 0);

/** Ratings by mode and hardware type 10 to 14. Source: messages.md 7.2, table of zcrypt_cex4.c. */
const RATINGS: Readonly<Record<AdapterMode, Readonly<Record<number, Ratings>>>> = {
  accelerator: {
    10: ratings([14, 19, 249], [42, 228, 1458], 0, 0),
    11: ratings([8, 9, 20], [18, 66, 458], 0, 0),
    12: ratings([6, 9, 20], [17, 65, 438], 0, 0),
    13: A7,
    14: A7,
  },
  cca: {
    10: ratings([59, 69, 308], [83, 278, 2204], 209, 40),
    11: ratings([24, 31, 50], [37, 90, 479], 27, 10),
    12: ratings([16, 20, 32], [27, 77, 455], 24, 9),
    13: C7,
    14: C7,
  },
  ep11: {
    10: ratings(NO_RSA, NO_RSA, 0, 50),
    11: ratings(NO_RSA, NO_RSA, 0, 10),
    12: ratings(NO_RSA, NO_RSA, 0, 9),
    13: ratings(NO_RSA, NO_RSA, 0, 8),
    14: ratings(NO_RSA, NO_RSA, 0, 8),
  },
  loopback: { 10: NONE, 11: NONE, 12: NONE, 13: NONE, 14: NONE },
};

/** Engines of one card that work in parallel; queues share them. Choice of messages.md 7.2. */
export const ENGINES = 8;
/** A rating is this many nanoseconds an operation at saturation. Choice of messages.md 7.2. */
const RATING_NS = 1000;
/** Weights of SECKEY for the request classes of the kernel. Source: messages.md 7.2 (m6: speed_idx_cca, speed_idx_ep11). */
const WEIGHT = { low: 10, medium: 100, high: 500 } as const;
/** CD-11 An accelerator's refusal costs rating 1; requests of other cards without a known name are of the medium class, as in the kernel. */
const REFUSAL_RATING = 1;

const CCA_CLASS: Readonly<Record<string, keyof typeof WEIGHT>> = {
  FQ: 'low',
  SG: 'high',
  SV: 'high',
  PG: 'high',
  KG: 'high',
  CM: 'high',
};

const EP11_LOW: ReadonlySet<string> = new Set(['1', '2', '36', '37', '38', '39', '40']);
const EP11_HIGH: ReadonlySet<string> = new Set('17 18 19 20 21 22 26 30 31 32 33 34 35'.split(' '));

function sizeClass(bytes: number): 0 | 1 | 2 {
  if (bytes <= 128) return 0;
  return bytes <= 256 ? 1 : 2;
}

const FORMAT_SIZE: Readonly<Record<string, number>> = { 1: 128, 2: 256, 3: 512 };

function rating(mode: AdapterMode, r: Ratings, name: string, size: number): number {
  if (mode === 'accelerator') {
    const row = name.startsWith('CR') ? r.crt : r.mex;
    const operand = FORMAT_SIZE[name.slice(3)];
    return operand === undefined ? REFUSAL_RATING : row[sizeClass(operand)];
  }
  if (mode === 'cca') {
    if (name === 'PK') return r.mex[sizeClass(size)];
    if (name === 'PD') return r.crt[sizeClass(size)];
    if (name === 'RL') return r.rng;
    return r.secureKey * WEIGHT[CCA_CLASS[name] ?? 'medium'];
  }
  if (mode === 'loopback') return 0;
  const weight = EP11_LOW.has(name) ? 'low' : EP11_HIGH.has(name) ? 'high' : 'medium';
  return r.secureKey * WEIGHT[weight];
}

/**
 * Time one engine works on a request, in nanoseconds.
 * @param type hardware type 10 to 14; others are taken as 14.
 * @param name the function as `requestFunction` names it.
 * @param size RSA operand bytes (only CCA `PK` and `PD` depend on it; an accelerator's formats tell it).
 */
export function serviceTimeNs(type: number, mode: AdapterMode, name: string, size: number): number {
  const row = RATINGS[mode][type] ?? RATINGS[mode][14];
  return ENGINES * RATING_NS * rating(mode, row, name, size);
}

/** How service times are drawn. `instant` is for functional tests; benchmarks report which profile they used. */
export type ServiceProfile =
  | { readonly kind: 'instant' }
  | { readonly kind: 'rated' }
  | { readonly kind: 'fixed'; readonly ns: number }
  | { readonly kind: 'lognormal'; readonly medianNs: number; readonly sigma: number };

/** Bytes of an RSA operand by request length; CCA requests only. Source: messages.md 2.7 (VUD length at 320). */
function operandSize(request: Uint8Array): number {
  return Math.max(0, ((request[320] << 8) | request[321]) - 2);
}

/**
 * Service time of a request under a profile.
 * @param random 8 fresh random bytes, used by `lognormal` only.
 */
export function requestServiceNs(
  type: number,
  mode: AdapterMode,
  request: Uint8Array,
  profile: ServiceProfile,
  random?: Uint8Array,
): number {
  switch (profile.kind) {
    case 'instant':
      return 0;
    case 'fixed':
      return profile.ns;
    case 'lognormal':
      return Math.round(profile.medianNs * Math.exp(profile.sigma * normal(random)));
    case 'rated': {
      const name = requestFunction(mode, request);
      return serviceTimeNs(type, mode, name, operandSize(request));
    }
  }
}

/** A standard normal number of 8 random bytes (Box-Muller). */
function normal(random: Uint8Array | undefined): number {
  if (random === undefined || random.length < 8) return 0;
  const view = new DataView(random.buffer, random.byteOffset, 8);
  const u = (view.getUint32(0) + 1) / 2 ** 32;
  const v = view.getUint32(4) / 2 ** 32;
  return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
}

/** Times at which the engines of an adapter become free, in virtual nanoseconds. */
export type Engines = Float64Array;

/** Engines that are all free; the array may also be a view of the machine image. */
export function newEngines(count: number = ENGINES): Engines {
  return new Float64Array(count);
}

/**
 * Gives a request that arrives at `nowNs` to the engine that is free first (the lowest index of several), marks it busy in
 * `engines` and returns when the request is done. A pure function of its arguments and the array.
 */
export function schedule(engines: Engines, nowNs: number, serviceNs: number): number {
  let chosen = 0;
  for (let i = 1; i < engines.length; i++) if (engines[i] < engines[chosen]) chosen = i;
  const done = Math.max(nowNs, engines[chosen]) + serviceNs;
  engines[chosen] = done;
  return done;
}
