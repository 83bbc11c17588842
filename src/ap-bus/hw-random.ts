// SPDX-License-Identifier: Apache-2.0
// The kernel's hardware random numbers, for which zcrypt offers a generator while it has a queue of a CCA coprocessor: which generator is
// the current one, the thread that asks it, and the files about it.
// Source: Linux 6.1 and 6.12, drivers/char/hw_random/core.c (hwrng_register, hwrng_unregister, hwrng_fillfn, rng_current_store,
// rng_quality_store), drivers/s390/crypto/zcrypt_api.c (zcrypt_rng_device_add); docs/reference/messages.md 1.3.
import { attributeTable, READ_ONLY, READ_WRITE, type Shown } from './attribute.ts';
import type { ApBus } from './bus.ts';
import { inBackground } from './driving.ts';
import type { Outcome } from './errno.ts';
import { kstrtoul, sysfsEquals } from './number-syntax.ts';
import type { Operation } from './operation.ts';
import { wheelExpiryNs } from './timer-wheel.ts';

/** Nanoseconds after which the thread of the generator looks again whether a scan has ended. A choice. */
const RANDOM_THREAD_NS = 1_000_000;
/** Nanoseconds for which hwrng_fillfn sleeps after a failure: 10 s and a jiffy. */
const RANDOM_RETRY_NS = 10_010_000_000;
/** Entropy in 1,024 bits: of zcrypt's generator as it registers itself, and the most there can be. */
const ZCRYPT_QUALITY = 990;
const MAX_QUALITY = 1024;
const NAME = 'zcrypt';

/** How the generator asks the cards; true when a queue has taken the request. */
export interface RandomSource {
  once(): boolean;
  /** As `once`; kernels that do so scan the bus when no queue takes it, and try again. */
  withRescan(): Operation<boolean>;
}

/** What a saved machine keeps. */
export interface RandomRecord {
  /** Number of queues that can give random numbers. */
  readonly count: number;
  /** When the thread asks again after a failure. */
  readonly retryNs: number | null;
  readonly current: boolean;
  readonly chosen: boolean;
  readonly quality: number;
  readonly filled: boolean;
}

export class HwRandom {
  readonly #bus: ApBus;
  readonly #source: RandomSource;
  /** Number of queues that can give random numbers. The first registers the generator, the last removes it. */
  #count = 0;
  #generation = 0;
  #retryNs: number | null = null;
  /** Number of probes until the thread that was started runs; undefined if none was started. */
  #threadWaits: number | undefined;
  /** Whether zcrypt is the current generator, and whether the administrator has said so, or has said that there is none. */
  #current = false;
  #chosen = false;
  #quality = ZCRYPT_QUALITY;
  /** Whether the cards have answered: one answer lasts longer than anybody looks. */
  #filled = false;

  constructor(bus: ApBus, source: RandomSource) {
    this.#bus = bus;
    this.#source = source;
  }

  get registered(): boolean {
    return this.#count > 0;
  }

  get current(): boolean {
    return this.#current;
  }

  get chosen(): boolean {
    return this.#chosen;
  }

  get quality(): number {
    return this.#quality;
  }

  /** zcrypt_rng_device_add: the first random numbers are requested at once (6.1), or by a thread that is started here. */
  register(): void {
    if (this.#count++ > 0) return;
    this.#filled = false;
    const { earlyRandomness, generatorNone } = this.#bus.switches;
    this.#quality ||= MAX_QUALITY;
    const current = !generatorNone || !this.#chosen;
    if (current) this.#current = true;
    if (earlyRandomness) this.#filled = this.#source.once();
    else if (current) this.#start();
  }

  unregister(): void {
    if (--this.#count > 0 || !this.#current) return;
    this.#current = false;
    this.#chosen = false;
  }

  /** Write to `rng_current`: a generator's name, nothing for the best one, or (since 6.2) `none`. */
  select(text: string): Outcome {
    if (sysfsEquals('', text)) {
      if (this.registered) this.#use();
      this.#chosen = false;
    } else if (this.#bus.switches.generatorNone && sysfsEquals('none', text)) {
      this.#chosen = true;
      this.#current = false;
    } else if (this.registered && sysfsEquals(NAME, text)) {
      this.#use();
      this.#chosen = true;
    } else if (this.#bus.switches.generatorNone) return 'ENODEV';
    return 'ok';
  }

  /** Write to `rng_quality`. A single character is refused, whatever it is. */
  rate(text: string): Outcome {
    const parsed = kstrtoul(text);
    if (text.length < 2 || !parsed.ok || parsed.value > MAX_QUALITY) return 'EINVAL';
    if (!this.#current) return 'ENODEV';
    this.#quality = parsed.value;
    this.#chosen = false;
    return 'ok';
  }

  /** Makes zcrypt the current generator. Its thread is started if none is left that will ask. */
  #use(): void {
    if (this.#current) return;
    this.#current = true;
    this.#quality ||= MAX_QUALITY;
    const isAlive = this.#threadWaits !== undefined || this.#retryNs !== null;
    if (!this.#filled && !isAlive) this.#start();
  }

  #start(): void {
    this.#threadWaits = this.#bus.turns.generator();
    this.#generation++;
    const { timers } = this.#bus;
    timers.after(0, () => inBackground(this.#startThread(), timers));
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

  /** hwrng_fillfn: asks for random numbers. After a failure it asks again. */
  *#fill(generation: number): Operation<void> {
    if (!this.#current || generation !== this.#generation) return;
    const { timers, scanLock } = this.#bus;
    this.#filled ||= this.#source.once();
    if (this.#filled) return;
    const again = (): void => inBackground(this.#fill(generation), timers);
    // Only this thread waits for a scan that is under way.
    if (scanLock.held) timers.after(RANDOM_THREAD_NS, again, 'periodic');
    else if (yield* this.#source.withRescan()) this.#filled = true;
    else this.#retryAt(generation, wheelExpiryNs(timers.nowNs(), RANDOM_RETRY_NS));
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

  /** What there is, as plain data; what was started and has not run yet is not in it. */
  save(): RandomRecord {
    return {
      count: this.#count,
      retryNs: this.#retryNs,
      current: this.#current,
      chosen: this.#chosen,
      quality: this.#quality,
      filled: this.#filled,
    };
  }

  /** Goes on from a saved machine. */
  restore(record: RandomRecord): void {
    this.#put(record);
    if (record.retryNs !== null) this.#retryAt(this.#generation, record.retryNs);
  }

  /** Remembers everything; calling the result puts it back. Timers are the clock's own matter. */
  remember(): () => void {
    const [record, generation, threadWaits] = [this.save(), this.#generation, this.#threadWaits];
    return () => {
      this.#put(record);
      this.#generation = generation;
      this.#threadWaits = threadWaits;
    };
  }

  #put({ count, retryNs, current, chosen, quality, filled }: RandomRecord): void {
    this.#count = count;
    this.#retryNs = retryNs;
    this.#current = current;
    this.#chosen = chosen;
    this.#quality = quality;
    this.#filled = filled;
  }
}

const nameOf = (random: HwRandom): string => (random.current ? NAME : 'none');

const qualityOf = (random: HwRandom): Shown =>
  random.current ? `${random.quality}\n` : { errno: 'ENODEV' };

/** Files of /sys/class/misc/hw_random beside those of every device. */
export const RANDOM_FILES = attributeTable<ApBus>([
  {
    name: 'rng_available',
    mode: READ_ONLY,
    show: ({ requests: { random }, switches }) =>
      `${random.registered ? `${NAME} ` : ''}${switches.generatorNone ? 'none' : ''}\n`,
  },
  {
    name: 'rng_current',
    mode: READ_WRITE,
    show: ({ requests: { random } }) => `${nameOf(random)}\n`,
    store: ({ requests: { random } }, text) => random.select(text),
  },
  {
    name: 'rng_quality',
    mode: READ_WRITE,
    show: ({ requests: { random } }) => qualityOf(random),
    store: ({ requests: { random } }, text) => random.rate(text),
  },
  {
    name: 'rng_selected',
    mode: READ_ONLY,
    show: ({ requests: { random } }) => (random.chosen ? '1\n' : '0\n'),
  },
]);
