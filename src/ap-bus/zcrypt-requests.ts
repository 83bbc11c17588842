// SPDX-License-Identifier: Apache-2.0
// The host's own requests to its cards: which queue gets a request, which answers are remembered, and the scan after a request that found
// no device.
// Source: docs/reference/messages.md 1.2; vfio-ap.md section 3.3 (zcrypt_api.c: zcrypt_card_compare, zcrypt_queue_compare,
// zcrypt_send_cprb; zcrypt_ccamisc.c: cca_get_info; zcrypt_ep11misc.c: ep11_get_card_info; hw_random/core.c: hwrng_register).
import { GR2_D, GR2_X } from '../../native-like/arch/registers.ts';
import { type PutBack, rememberMap, together } from '../lpar/remember.ts';
import type { ApBus } from './bus.ts';
import type { ApCard, ApQueue } from './device.ts';
import { inBackground } from './driving.ts';
import type { GuestRequests } from './guest-requests.ts';
import type { Operation } from './operation.ts';
import { scanBus } from './scan.ts';
import { wheelExpiryNs } from './timer-wheel.ts';
import type { ZcryptNode } from './zcrypt-nodes.ts';

/** What a CCA card says about itself and about the master keys of a queue. */
export interface CcaInfo {
  /** Serial number, up to 8 characters. */
  readonly serial: string;
  /** The nine lines of `mkvps`. */
  readonly keys: string;
}

/** What an EP11 card says about itself. */
export interface Ep11CardInfo {
  readonly api: number;
  readonly firmware: string;
  /** Serial number, up to 16 characters. */
  readonly serial: string;
  readonly modes: string;
}

/** What an EP11 domain says about itself. */
export interface Ep11DomainInfo {
  /** The two lines of `mkvps`. */
  readonly keys: string;
  readonly modes: string;
}

/** The cards' answers, obtained through a queue; undefined if the driver cannot use the answer. */
export interface CardAnswers {
  cca?(apqn: number): CcaInfo | undefined;
  ep11Card?(apqn: number): Ep11CardInfo | undefined;
  ep11Domain?(apqn: number): Ep11DomainInfo | undefined;
}

/** speed_rating[HWRNG] of CCA cards by type. The lowest is the fastest. */
const RANDOM_RATING: Readonly<Record<number, number>> = { 10: 209, 11: 27, 12: 24, 13: 23, 14: 23 };
/** Nanoseconds after which the thread of the generator looks again whether a scan has ended. A choice. */
const RANDOM_THREAD_NS = 1_000_000;

/** Nanoseconds for which hwrng_fillfn sleeps after a failure: 10 s and a jiffy. */
const RANDOM_RETRY_NS = 10_010_000_000;

/**
 * What a saved machine keeps: how many queues can give random numbers, when their thread asks again after a failure, and the additional
 * device nodes.
 */
export interface ZcryptRecord {
  readonly count: number;
  readonly retryNs: number | null;
  readonly nodes: readonly ZcryptNode[];
}

/** The queues that a request may go to. */
interface Target {
  readonly mode: number;
  readonly apid?: number;
  readonly apqi?: number;
  /** Weight of a card. The card with the lowest weight gets the request. */
  readonly weight?: (card: ApCard) => number;
}

/** For random numbers: any queue of the fastest CCA card. */
const randomNumbers: Target = {
  mode: GR2_D,
  weight: (card) => RANDOM_RATING[card.type] ?? 0,
};

export class ZcryptRequests {
  readonly #bus: ApBus;
  /** Number of requests tried so far. It tells that reading a file may have changed the host. */
  tried = 0;
  /** The requests that guests have sent through the host. */
  ofGuests: GuestRequests = () => undefined;
  /** Additional device nodes in the order in which they were made. A change makes a new list. */
  nodes: readonly ZcryptNode[] = [];
  /** Source of the cards' answers. A bus without cards has none. */
  answers: CardAnswers = {};
  readonly #cca = new Map<string, CcaInfo>();
  readonly #ep11 = new Map<number, Ep11CardInfo>();
  /** Number of queues that can give random numbers. The first registers the generator, the last removes it. */
  #generators = 0;
  #generation = 0;
  #retryNs: number | null = null;
  /** Number of probes until the thread that was started runs; undefined if none was started. */
  #threadWaits: number | undefined;

  constructor(bus: ApBus) {
    this.#bus = bus;
  }

  /** cca_get_info for `serialnr` (of any domain) or `mkvps`. `online` tells whether the device of the file is online. */
  *ccaInfo(
    apid: number,
    apqi: number | undefined,
    online: boolean,
  ): Operation<CcaInfo | undefined> {
    const key = `${apid}.${apqi ?? 'any'}`;
    const known = this.#bus.switches.cardInfoCached ? this.#cca.get(key) : undefined;
    if (known !== undefined && !online) return known;
    const target = { mode: GR2_D, apid, ...(apqi === undefined ? {} : { apqi }) };
    const first = yield* this.#send(target);
    const info = first === undefined ? undefined : this.answers.cca?.(first.apqn);
    if (info === undefined) return undefined;
    const second = yield* this.#send(target);
    if (second !== undefined) this.#cca.set(key, info);
    return info;
  }

  /** ep11_get_card_info. */
  *ep11Card(apid: number, online: boolean): Operation<Ep11CardInfo | undefined> {
    const known = this.#bus.switches.cardInfoCached ? this.#ep11.get(apid) : undefined;
    if (known !== undefined && !online) return known;
    const queue = yield* this.#send({ mode: GR2_X, apid });
    if (queue === undefined) {
      this.#ep11.delete(apid);
      return known;
    }
    const info = this.answers.ep11Card?.(queue.apqn);
    if (info === undefined) return known;
    this.#ep11.set(apid, info);
    return info;
  }

  /** ep11_get_domain_info. Nothing is remembered. */
  *ep11Domain(queue: ApQueue): Operation<Ep11DomainInfo | undefined> {
    const found = yield* this.#send({ mode: GR2_X, apid: queue.apid, apqi: queue.apqi });
    return found === undefined ? undefined : this.answers.ep11Domain?.(found.apqn);
  }

  /** zcrypt_rng_device_add: the first random numbers are requested at once (6.1), or by a thread that is started here. */
  registerGenerator(): void {
    if (this.#generators++ > 0) return;
    if (this.#bus.switches.earlyRandomness) this.#sendOnce(randomNumbers);
    else {
      this.#threadWaits = this.#bus.turns.generator();
      this.#generation++;
      const { timers } = this.#bus;
      timers.after(0, () => inBackground(this.#startThread(), timers));
    }
  }

  /** Called after each probe: the thread that was started usually runs then (recordings of 6.12 and 7.2). */
  *afterProbe(): Operation<void> {
    if (this.#threadWaits === undefined || this.#threadWaits-- > 0) return;
    yield* this.#startThread();
  }

  *#startThread(): Operation<void> {
    if (this.#threadWaits === undefined) return;
    this.#threadWaits = undefined;
    yield* this.#fill(this.#generation);
  }

  /** hwrng_fillfn: asks for random numbers. One answer lasts longer than anybody looks; after a failure it asks again. */
  *#fill(generation: number): Operation<void> {
    const isOver = (): boolean => this.#generators === 0 || generation !== this.#generation;
    if (isOver()) return;
    const { timers, scanLock } = this.#bus;
    if (this.#sendOnce(randomNumbers) !== undefined) return;
    const again = (): void => inBackground(this.#fill(generation), timers);
    // Only this thread waits for a scan that is under way.
    if (scanLock.held) timers.after(RANDOM_THREAD_NS, again, 'periodic');
    else if ((yield* this.#send(randomNumbers)) === undefined)
      this.#retryAt(generation, wheelExpiryNs(timers.nowNs(), RANDOM_RETRY_NS));
  }

  #retryAt(generation: number, dueNs: number): void {
    const { timers } = this.#bus;
    this.#retryNs = dueNs;
    const retry = (): void => {
      this.#retryNs = null;
      inBackground(this.#fill(generation), timers);
    };
    timers.after(dueNs - timers.nowNs(), retry, 'periodic');
  }

  unregisterGenerator(): void {
    this.#generators--;
  }

  /** Remembers what is known of cards, and the generators; calling the result puts it back. */
  remember(): PutBack {
    const known = together(rememberMap(this.#cca), rememberMap(this.#ep11));
    const [generators, generation] = [this.#generators, this.#generation];
    const [retryNs, threadWaits] = [this.#retryNs, this.#threadWaits];
    const { nodes } = this;
    return () => {
      known();
      this.nodes = nodes;
      this.#generators = generators;
      this.#generation = generation;
      this.#retryNs = retryNs;
      this.#threadWaits = threadWaits;
    };
  }

  save(): ZcryptRecord {
    return { count: this.#generators, retryNs: this.#retryNs, nodes: this.nodes };
  }

  restore({ count, retryNs, nodes }: ZcryptRecord): void {
    this.nodes = nodes;
    this.#generators = count;
    if (retryNs !== null) this.#retryAt(this.#generation, retryNs);
  }

  /**
   * Sends a request and returns the queue that accepted it. If there is none, kernels since 6.8 scan the bus, and try once more if it has
   * changed.
   */
  *#send(target: Target): Operation<ApQueue | undefined> {
    const queue = this.#sendOnce(target);
    if (queue !== undefined || !this.#bus.switches.requestsRescan || this.#bus.scans === 0)
      return queue;
    // In the middle of a scan, this would wait for the scan of which it is a part.
    if (this.#bus.scanLock.held) return undefined;
    return (yield* scanBus(this.#bus)) ? this.#sendOnce(target) : undefined;
  }

  #sendOnce(target: Target): ApQueue | undefined {
    this.tried++;
    const queue = this.#choose(target);
    return queue !== undefined && this.#bus.queueStates.request(queue) ? queue : undefined;
  }

  /** The least used queue of the card with the lowest weight. Of equals, the one that the host's drivers took first. */
  #choose({ mode, apid, apqi, weight = () => 0 }: Target): ApQueue | undefined {
    let best: { readonly queue: ApQueue; readonly weight: number } | undefined;
    for (const card of this.#inOrder('card')) {
      if (!usable(card) || (card.info.functions & mode) === 0) continue;
      if (apid !== undefined && card.id !== apid) continue;
      const own = weight(card);
      if (best !== undefined && !lighter(own, card, best.weight, best.queue.card)) continue;
      for (const queue of this.#inOrder('queue')) {
        if (queue.card !== card || !this.#takes(queue)) continue;
        if (apqi !== undefined && queue.apqi !== apqi) continue;
        if (best !== undefined && !lighter(own, queue, best.weight, best.queue)) continue;
        best = { queue, weight: own };
      }
    }
    return best?.queue;
  }

  #takes(queue: ApQueue): boolean {
    if (!usable(queue)) return false;
    return !this.#bus.switches.requestsRescan || queue.state === 'OPERATING';
  }

  /** The devices that the host's drivers have, in the order in which the drivers took them. */
  #inOrder<K extends 'card' | 'queue'>(kind: K): (K extends 'card' ? ApCard : ApQueue)[] {
    const all = [...this.#bus.devices].filter((d) => d.kind === kind && d.zcrypt !== null);
    all.sort((a, b) => (a.zcrypt?.order ?? 0) - (b.zcrypt?.order ?? 0));
    return all as (K extends 'card' ? ApCard : ApQueue)[];
  }
}

const usable = (device: ApCard | ApQueue): boolean =>
  device.zcrypt?.online === true && device.config && !device.checkstop;

/** Whether a device is to be preferred: lower weight, or at equal weight fewer requests so far. */
const lighter = (
  weight: number,
  device: ApCard | ApQueue,
  bestWeight: number,
  best: ApCard | ApQueue,
): boolean =>
  weight === bestWeight ? device.totalRequests < best.totalRequests : weight < bestWeight;
