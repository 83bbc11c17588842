// SPDX-License-Identifier: Apache-2.0
// The host's own requests to its cards: which queue takes one, what is remembered, and the scan after one that found no device.
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

/** What a CCA card says of itself and a queue's master keys. */
export interface CcaInfo {
  /** Up to 8 characters. */
  readonly serial: string;
  /** Nine lines of `mkvps`. */
  readonly keys: string;
}

/** What an EP11 card says of itself. */
export interface Ep11CardInfo {
  readonly api: number;
  readonly firmware: string;
  /** Up to 16 characters. */
  readonly serial: string;
  readonly modes: string;
}

/** What an EP11 domain says of itself. */
export interface Ep11DomainInfo {
  /** Two lines of `mkvps`. */
  readonly keys: string;
  readonly modes: string;
}

/** The cards' answers through a queue; undefined: an answer the driver cannot use. */
export interface CardAnswers {
  cca?(apqn: number): CcaInfo | undefined;
  ep11Card?(apqn: number): Ep11CardInfo | undefined;
  ep11Domain?(apqn: number): Ep11DomainInfo | undefined;
}

/** speed_rating[HWRNG] of CCA cards by type; the lowest is the fastest. */
const RANDOM_RATING: Readonly<Record<number, number>> = { 10: 209, 11: 27, 12: 24, 13: 23, 14: 23 };
/** The thread of the generator looks so often whether a scan has ended. A choice. */
const RANDOM_THREAD_NS = 1_000_000;

/** hwrng_fillfn sleeps so long after a failure: 10 s and a jiffy. */
const RANDOM_RETRY_NS = 10_010_000_000;

/** What a saved machine keeps: queues that can give random numbers, when their thread asks again after a failure, additional device nodes. */
export interface ZcryptRecord {
  readonly count: number;
  readonly retryNs: number | null;
  readonly nodes: readonly ZcryptNode[];
}

/** Whom a request is for. */
interface Target {
  readonly mode: number;
  readonly apid?: number;
  readonly apqi?: number;
  /** Weight of a card; the lowest takes the request. */
  readonly weight?: (card: ApCard) => number;
}

/** The fastest CCA card. */
const randomNumbers: Target = {
  mode: GR2_D,
  weight: (card) => RANDOM_RATING[card.type] ?? 0,
};

export class ZcryptRequests {
  readonly #bus: ApBus;
  /** Requests tried so far: a read of a file may change the host. */
  tried = 0;
  /** What guests send through the host. */
  ofGuests: GuestRequests = () => undefined;
  /** Additional device nodes, in the order in which they were made; a change makes a new list. */
  nodes: readonly ZcryptNode[] = [];
  /** Where the answers come from; a bus without cards has none. */
  answers: CardAnswers = {};
  readonly #cca = new Map<string, CcaInfo>();
  readonly #ep11 = new Map<number, Ep11CardInfo>();
  /** Queues that can give random numbers: the first registers the generator, the last takes it away. */
  #generators = 0;
  #generation = 0;
  #retryNs: number | null = null;
  /** Probes until the thread that was started runs; undefined: none was. */
  #threadWaits: number | undefined;

  constructor(bus: ApBus) {
    this.#bus = bus;
  }

  /** cca_get_info for `serialnr` (any domain) or `mkvps`. `online`: the file's own device is. */
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

  /** ep11_get_domain_info: nothing is remembered. */
  *ep11Domain(queue: ApQueue): Operation<Ep11DomainInfo | undefined> {
    const found = yield* this.#send({ mode: GR2_X, apid: queue.apid, apqi: queue.apqi });
    return found === undefined ? undefined : this.answers.ep11Domain?.(found.apqn);
  }

  /** zcrypt_rng_device_add: the first numbers are asked for at once (6.1), or by a thread that is started. */
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

  /** A probe has ended: the thread that was started runs as soon as that, usually (recordings of 6.12 and 7.2). */
  *afterProbe(): Operation<void> {
    if (this.#threadWaits === undefined || this.#threadWaits-- > 0) return;
    yield* this.#startThread();
  }

  *#startThread(): Operation<void> {
    if (this.#threadWaits === undefined) return;
    this.#threadWaits = undefined;
    yield* this.#fill(this.#generation);
  }

  /** hwrng_fillfn: one answer lasts for longer than anybody looks; after a failure it comes again. */
  *#fill(generation: number): Operation<void> {
    const isOver = (): boolean => this.#generators === 0 || generation !== this.#generation;
    if (isOver()) return;
    const { timers, scanLock } = this.#bus;
    if (this.#sendOnce(randomNumbers) !== undefined) return;
    const again = (): void => inBackground(this.#fill(generation), timers);
    // A scan that is under way is waited for, by this thread alone.
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

  /** What is known of cards, and the generators. */
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

  /** Sends a request; the queue that took it. Where there is none, kernels since 6.8 scan the bus and try once more if it changed. */
  *#send(target: Target): Operation<ApQueue | undefined> {
    const queue = this.#sendOnce(target);
    if (queue !== undefined || !this.#bus.switches.requestsRescan || this.#bus.scans === 0)
      return queue;
    // A request in the middle of a scan would wait for itself.
    if (this.#bus.scanLock.held) return undefined;
    return (yield* scanBus(this.#bus)) ? this.#sendOnce(target) : undefined;
  }

  #sendOnce(target: Target): ApQueue | undefined {
    this.tried++;
    const queue = this.#choose(target);
    return queue !== undefined && this.#bus.queueStates.request(queue) ? queue : undefined;
  }

  /** The lightest card's least used queue; of equals the one that came first. */
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

  /** Devices of the host's drivers in the order in which these took them. */
  #inOrder<K extends 'card' | 'queue'>(kind: K): (K extends 'card' ? ApCard : ApQueue)[] {
    const all = [...this.#bus.devices].filter((d) => d.kind === kind && d.zcrypt !== null);
    all.sort((a, b) => (a.zcrypt?.order ?? 0) - (b.zcrypt?.order ?? 0));
    return all as (K extends 'card' ? ApCard : ApQueue)[];
  }
}

const usable = (device: ApCard | ApQueue): boolean =>
  device.zcrypt?.online === true && device.config && !device.checkstop;

/** Of equal weight, the one that had fewer requests so far. */
const lighter = (
  weight: number,
  device: ApCard | ApQueue,
  bestWeight: number,
  best: ApCard | ApQueue,
): boolean =>
  weight === bestWeight ? device.totalRequests < best.totalRequests : weight < bestWeight;
