// SPDX-License-Identifier: Apache-2.0
// The host's own requests to its cards: which queue gets a request, which answers are remembered, and the scan after a request that found
// no device.
// Source: docs/reference/messages.md 1.2; vfio-ap.md section 3.3 (zcrypt_api.c: zcrypt_card_compare, zcrypt_queue_compare,
// zcrypt_send_cprb; zcrypt_ccamisc.c: cca_get_info; zcrypt_ep11misc.c: ep11_get_card_info; hw_random/core.c: hwrng_register).
import { GR2_D, GR2_X } from '../../native-like/arch/registers.ts';
import { type PutBack, rememberMap, together } from '../lpar/remember.ts';
import type { ApBus } from './bus.ts';
import type { ApCard, ApQueue } from './device.ts';
import type { GuestRequests } from './guest-requests.ts';
import { HwRandom, type RandomRecord } from './hw-random.ts';
import type { Operation } from './operation.ts';
import { scanBus } from './scan.ts';
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

/** Kinds of secure keys, each with its group of files. */
export type SecureKey = 'ccadata' | 'ccacipher' | 'ep11';

/** The cards' answers, obtained through a queue; undefined if the driver cannot use the answer. */
export interface CardAnswers {
  cca?(apqn: number): CcaInfo | undefined;
  ep11Card?(apqn: number): Ep11CardInfo | undefined;
  ep11Domain?(apqn: number): Ep11DomainInfo | undefined;
  /** A new secure AES key of `bits` bits; undefined if the domain has no master key. */
  key?(apqn: number, kind: SecureKey, bits: number): Uint8Array | undefined;
  /** Random bytes of the machine's own. */
  random?(target: Uint8Array): void;
  /** Verification pattern of the wrapping key under which the host's processors protect keys: 32 bytes. */
  readonly wrappingPattern?: Uint8Array;
}

/** speed_rating[HWRNG] of CCA cards by type. The lowest is the fastest. */
const RANDOM_RATING: Readonly<Record<number, number>> = { 10: 209, 11: 27, 12: 24, 13: 23, 14: 23 };
/** What a saved machine keeps: the random numbers' generator and the additional device nodes. */
export interface ZcryptRecord {
  readonly random: RandomRecord;
  readonly nodes: readonly ZcryptNode[];
}

/** The queues that a request may go to. */
export interface Target {
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
  /** The generator of random numbers that the cards are to the kernel. */
  readonly random: HwRandom;

  constructor(bus: ApBus) {
    this.#bus = bus;
    const send = this.send.bind(this, randomNumbers);
    this.random = new HwRandom(bus, {
      once: () => this.#sendOnce(randomNumbers) !== undefined,
      withRescan: function* () {
        return (yield* send()) !== undefined;
      },
    });
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
    const first = yield* this.send(target);
    const info = first === undefined ? undefined : this.answers.cca?.(first.apqn);
    if (info === undefined) return undefined;
    const second = yield* this.send(target);
    if (second !== undefined) this.#cca.set(key, info);
    return info;
  }

  /** ep11_get_card_info. */
  *ep11Card(apid: number, online: boolean): Operation<Ep11CardInfo | undefined> {
    const known = this.#bus.switches.cardInfoCached ? this.#ep11.get(apid) : undefined;
    if (known !== undefined && !online) return known;
    const queue = yield* this.send({ mode: GR2_X, apid });
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
    const found = yield* this.send({ mode: GR2_X, apid: queue.apid, apqi: queue.apqi });
    return found === undefined ? undefined : this.answers.ep11Domain?.(found.apqn);
  }

  /** Queues of a mode that are online, by their numbers (zcrypt_device_status_mask_ext). */
  usableQueues(mode: number): ApQueue[] {
    return this.#inOrder('queue')
      .filter((q) => usable(q) && usable(q.card) && (q.card.info.functions & mode) !== 0)
      .sort((a, b) => a.apqn - b.apqn);
  }

  /** Remembers what is known of cards, and the generator; calling the result puts it back. */
  remember(): PutBack {
    const random = this.random.remember();
    const known = together(rememberMap(this.#cca), rememberMap(this.#ep11), random);
    const { nodes } = this;
    return () => {
      known();
      this.nodes = nodes;
    };
  }

  save(): ZcryptRecord {
    return { random: this.random.save(), nodes: this.nodes };
  }

  restore({ random, nodes }: ZcryptRecord): void {
    this.nodes = nodes;
    this.random.restore(random);
  }

  /**
   * Sends a request and returns the queue that accepted it. If there is none, kernels since 6.8 scan the bus, and try once more if it has
   * changed.
   */
  *send(target: Target): Operation<ApQueue | undefined> {
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
