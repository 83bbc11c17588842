// SPDX-License-Identifier: Apache-2.0
// The logical partition: activation profile, adapters and domains, SCLP configure and deconfigure, checkstop, at run time.
// Source: docs/reference/ap-architecture.md sections 2.4, 4.4, 6.3, decisions AD-24, AD-36; docs/reference/vfio-ap.md section 4.5.
import {
  type AdapterMode,
  adapterMode,
  adapterType,
} from '../../native-like/arch/adapter-types.ts';
import { FACILITY_APXA } from '../../native-like/arch/facilities.ts';
import { DEFAULT_ND, DEPTH_MAX, ML_MAX, messageLimit } from '../../native-like/arch/limits.ts';
import { QCI_FLAG_R } from '../../native-like/arch/qci.ts';
import {
  GR2_ML_SHIFT,
  GR2_N,
  GR2_ND_SHIFT,
  GR2_TYPE_SHIFT,
} from '../../native-like/arch/registers.ts';
import { STATUS_EMPTY } from '../../native-like/arch/status-word.ts';
import { deriveEffectiveMasks } from '../../native-like/machine/guest-setup.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  A_ENGINES,
  A_FIFO,
  A_MODE,
  A_MODEL,
  A_RANDOM,
  A_SIGMA,
  A_TIME,
  A_TYPE,
  ATTENTION_ASYNC,
  ATTENTION_BINDING,
  ATTENTION_BUSY,
  ATTENTION_CHECKSTOPPED,
  ATTENTION_DECONFIGURED,
  ATTENTION_DOMAIN,
  ATTENTION_RESET,
  ATTENTION_SHARED,
  C_COLD,
  C_INDEX,
  C_QCI_FLAGS,
  C_QCI_NA_ND,
  C_QUEUES,
  COLD_WORDS,
  DEVICE_ADAPTER,
  DEVICE_LOOPBACK,
  ENGINES_MAX,
  G_FACILITIES,
  K_APQN,
  K_MODE,
  K_TYPE,
  MASK_AQM,
  Q_ALL_FREE,
  Q_ATTENTION,
  Q_COLD,
  Q_DEVICE,
  Q_FREE,
  Q_GR2_HIGH,
  Q_GR2_LOW,
  Q_LIMIT,
  Q_SLOTS_BYTE,
  Q_STATUS,
  Q_STRIDE_BYTE,
  QUEUE_WORDS,
  QUEUES_MAX,
  SERVICE_FIXED,
  SERVICE_INSTANT,
  SERVICE_LOGNORMAL,
  SERVICE_RATED,
} from '../../native-like/machine/layout.ts';
import { ApemuError } from '../errors.ts';
import type { Kernel } from './kernel.ts';
import { seedRandom } from './random.ts';

/** An adapter as the partition's administrator sees it. */
export interface AdapterProfile {
  /** Adapter number, 0-255. */
  readonly apid: number;
  /** Type number, 14 = CEX8. */
  readonly type: number;
  readonly mode: AdapterMode;
  /** Messages a queue holds, 1-16. */
  readonly depth: number;
  /** Message limit in 4 KiB units, 0-15; 0 = 12288 bytes. */
  readonly ml: number;
  /** Facility word of TAPQ; undefined: the preset of AD-24 for the mode. */
  readonly functions?: number | undefined;
  /** Number of domains as TAPQ shows it. */
  readonly nd?: number;
  readonly service: ServiceProfile;
  readonly configured?: boolean;
}

export type ServiceModel = 'instant' | 'fixed' | 'lognormal' | 'rated';

/** How long requests take; times in nanoseconds. `engines` 0: any number at a time. */
export interface ServiceProfile {
  readonly model: ServiceModel;
  readonly timeNs: number;
  readonly sigma: number;
  readonly engines: number;
  readonly order: 'completion' | 'fifo';
}

export const INSTANT_SERVICE: ServiceProfile = {
  model: 'instant',
  timeNs: 0,
  sigma: 0,
  engines: 0,
  order: 'completion',
};

const SERVICE_NUMBERS: Readonly<Record<ServiceModel, number>> = {
  instant: SERVICE_INSTANT,
  fixed: SERVICE_FIXED,
  lognormal: SERVICE_LOGNORMAL,
  rated: SERVICE_RATED,
};

export interface PartitionProfile {
  readonly adapters: readonly AdapterProfile[];
  readonly usageDomains: readonly number[];
  readonly controlDomains: readonly number[];
  readonly seed: number;
}

/** A partition's state outside the image. */
export interface PartitionRecords {
  readonly adapters: readonly AdapterProfile[];
  readonly usageDomains: readonly number[];
  readonly controlDomains: readonly number[];
  readonly freeRecords: readonly number[];
  readonly deconfigured: readonly number[];
  readonly checkstopped: readonly number[];
}

const replaceAll = (set: Set<number>, values: readonly number[]): void => {
  set.clear();
  for (const value of values) set.add(value);
};

/** Runs `change` with every vCPU out of interpretive execution. */
export type Exclusive = (change: () => void) => void;

const setBit = (words: Int32Array, base: number, bit: number, on: boolean): void => {
  const mask = 0x80000000 >>> (bit & 31);
  const index = base + (bit >>> 5);
  words[index] = on ? (words[index] as number) | mask : (words[index] as number) & ~mask;
};

const checkNumber = (value: number, what: string): void => {
  if (!Number.isInteger(value) || value < 0 || value > 255) {
    throw new ApemuError(
      'APEMU_ERR_LPAR_RANGE',
      `${what} ${value} is out of range (expected 0 to 255)`,
    );
  }
};

/** The partition: owns queue records and the host's masks in the image. */
export class Partition {
  readonly image: MachineImage;
  readonly kernel: Kernel;
  readonly adapters = new Map<number, AdapterProfile>();
  readonly usageDomains = new Set<number>();
  readonly controlDomains = new Set<number>();
  /** Called after each change of what QCI shows: the CHSC "AP configuration changed" event. */
  readonly changeListeners: (() => void)[] = [];
  /** Called for each queue that leaves the configuration, while its record is still its own. */
  onQueueRemoved: (q: number) => void = () => {};
  readonly #exclusive: Exclusive;
  readonly #seed: number;
  /** Queue records of removed queues, for reuse. */
  readonly #freeRecords: number[] = [];
  readonly #deconfigured = new Set<number>();
  readonly #checkstopped = new Set<number>();

  constructor(
    image: MachineImage,
    kernel: Kernel,
    profile: PartitionProfile,
    exclusive: Exclusive,
  ) {
    this.image = image;
    this.kernel = kernel;
    this.#exclusive = exclusive;
    this.#seed = profile.seed;
    for (const domain of profile.usageDomains) this.usageDomains.add(domain);
    for (const domain of profile.controlDomains) this.controlDomains.add(domain);
    for (const adapter of profile.adapters) this.#plug(adapter);
    this.#writeMasks();
  }

  /** Whether the adapter is in standby. */
  isDeconfigured(apid: number): boolean {
    return this.#deconfigured.has(apid);
  }

  isCheckstopped(apid: number): boolean {
    return this.#checkstopped.has(apid);
  }

  addAdapter(adapter: AdapterProfile): void {
    checkNumber(adapter.apid, 'adapter');
    if (this.adapters.has(adapter.apid)) {
      throw new ApemuError('APEMU_ERR_LPAR_ADAPTER', `adapter ${adapter.apid} is already there`);
    }
    this.#change(() => this.#plug(adapter));
  }

  removeAdapter(apid: number): void {
    const adapter = this.#adapter(apid);
    this.#change(() => {
      this.adapters.delete(adapter.apid);
      this.#deconfigured.delete(apid);
      this.#checkstopped.delete(apid);
      for (const domain of this.usageDomains) this.#removeQueue((apid << 8) | domain);
    });
  }

  addUsageDomain(domain: number): void {
    checkNumber(domain, 'domain');
    if (this.usageDomains.has(domain)) return;
    this.#change(() => {
      this.usageDomains.add(domain);
      for (const adapter of this.adapters.values()) this.#addQueue(adapter, domain);
    });
  }

  removeUsageDomain(domain: number): void {
    if (!this.usageDomains.has(domain)) return;
    this.#change(() => {
      this.usageDomains.delete(domain);
      for (const apid of this.adapters.keys()) this.#removeQueue((apid << 8) | domain);
    });
  }

  addControlDomain(domain: number): void {
    checkNumber(domain, 'domain');
    this.#change(() => this.controlDomains.add(domain));
  }

  removeControlDomain(domain: number): void {
    this.#change(() => this.controlDomains.delete(domain));
  }

  /** SCLP configure: queues are idle at once (AD-36). */
  configure(apid: number): void {
    this.#adapter(apid);
    if (!this.#deconfigured.delete(apid)) return;
    this.#forQueues(apid, (q) => this.#attention(q, ATTENTION_DECONFIGURED, false));
    this.#tell();
  }

  /** SCLP deconfigure: queues are emptied, interruptions off, bindings lost (AD-36). */
  deconfigure(apid: number): void {
    this.#adapter(apid);
    this.#deconfigured.add(apid);
    this.#forQueues(apid, (q) => this.#stop(q, ATTENTION_DECONFIGURED));
    this.#tell();
  }

  /** The adapter stops with an error; what its queues held is lost. */
  checkstop(apid: number): void {
    this.#adapter(apid);
    this.#checkstopped.add(apid);
    this.#forQueues(apid, (q) => this.#stop(q, ATTENTION_CHECKSTOPPED));
    this.#tell();
  }

  /** Ends a checkstop: queues are idle at once. */
  recover(apid: number): void {
    this.#adapter(apid);
    if (!this.#checkstopped.delete(apid)) return;
    this.#forQueues(apid, (q) => this.#attention(q, ATTENTION_CHECKSTOPPED, false));
    this.#tell();
  }

  /** Makes a queue answer 05 until it is set back. */
  setBusy(apqn: number, busy: boolean): void {
    this.#exclusive(() => this.#attention(this.queue(apqn), ATTENTION_BUSY, busy));
  }

  /** What the image does not hold, as plain data. */
  save(): PartitionRecords {
    return {
      adapters: [...this.adapters.values()],
      usageDomains: [...this.usageDomains],
      controlDomains: [...this.controlDomains],
      freeRecords: [...this.#freeRecords],
      deconfigured: [...this.#deconfigured],
      checkstopped: [...this.#checkstopped],
    };
  }

  /** Takes saved records over; the image is restored by whoever calls. */
  restore(records: PartitionRecords): void {
    this.adapters.clear();
    for (const adapter of records.adapters) this.adapters.set(adapter.apid, adapter);
    replaceAll(this.usageDomains, records.usageDomains);
    replaceAll(this.controlDomains, records.controlDomains);
    replaceAll(this.#deconfigured, records.deconfigured);
    replaceAll(this.#checkstopped, records.checkstopped);
    this.#freeRecords.splice(0, this.#freeRecords.length, ...records.freeRecords);
  }

  /** Queue record of an APQN. Throws when the partition has no such queue. */
  queue(apqn: number): number {
    const q = this.image.queue(apqn);
    if (q === this.image.queueRecord(0)) {
      throw new ApemuError('APEMU_ERR_LPAR_QUEUE', `there is no queue ${formatApqn(apqn)}`);
    }
    return q;
  }

  /** Whether messages of the queue go to the adapter model, or are answered by the kernel itself. */
  selectDevice(q: number, messageFaults: boolean): void {
    const adapter = this.adapters.get(this.image.word(this.image.cold(q) + K_APQN) >>> 8);
    const instant =
      adapter?.mode === 'loopback' && adapter.service.model === 'instant' && !messageFaults;
    this.image.i32[q + Q_DEVICE] = instant ? DEVICE_LOOPBACK : DEVICE_ADAPTER;
  }

  #adapter(apid: number): AdapterProfile {
    const adapter = this.adapters.get(apid);
    if (adapter === undefined) {
      throw new ApemuError('APEMU_ERR_LPAR_ADAPTER', `there is no adapter ${apid}`);
    }
    return adapter;
  }

  #change(change: () => void): void {
    this.#exclusive(() => {
      change();
      this.#writeMasks();
    });
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.changeListeners) listener();
  }

  #forQueues(apid: number, action: (q: number) => void): void {
    this.#exclusive(() => {
      for (const domain of this.usageDomains) action(this.queue((apid << 8) | domain));
    });
  }

  #attention(q: number, bit: number, on: boolean): void {
    const { i32 } = this.image;
    i32[q + Q_ATTENTION] = on
      ? (i32[q + Q_ATTENTION] as number) | bit
      : (i32[q + Q_ATTENTION] as number) & ~bit;
  }

  #stop(q: number, bit: number): void {
    this.kernel.flush(q);
    this.kernel.unbind(this.image.cold(q));
    this.#attention(q, ATTENTION_RESET | ATTENTION_BINDING | ATTENTION_ASYNC, false);
    this.#attention(q, bit, true);
  }

  #plug(adapter: AdapterProfile): void {
    this.adapters.set(adapter.apid, adapter);
    this.#writeService(adapter);
    if (adapter.configured === false) this.#deconfigured.add(adapter.apid);
    for (const domain of this.usageDomains) this.#addQueue(adapter, domain);
  }

  #writeService(adapter: AdapterProfile): void {
    const { i32, f64 } = this.image;
    const { service } = adapter;
    const record = this.image.adapter(adapter.apid);
    if (service.engines > ENGINES_MAX) {
      throw new ApemuError(
        'APEMU_ERR_LPAR_RANGE',
        `${service.engines} engines (expected at most ${ENGINES_MAX})`,
      );
    }
    i32[record + A_MODE] = adapterMode(adapter.mode).number;
    i32[record + A_TYPE] = adapter.type;
    i32[record + A_MODEL] = SERVICE_NUMBERS[service.model];
    i32[record + A_ENGINES] = service.engines;
    i32[record + A_FIFO] = service.order === 'fifo' ? 1 : 0;
    i32[record + A_RANDOM] = seedRandom(this.#seed, adapter.apid);
    f64[(record + A_TIME) >> 1] = service.timeNs;
    f64[(record + A_SIGMA) >> 1] = service.sigma;
  }

  #takeRecord(): number {
    const reused = this.#freeRecords.pop();
    if (reused !== undefined) return reused;
    const number = this.image.queues;
    if (number > QUEUES_MAX)
      throw new ApemuError('APEMU_ERR_LPAR_QUEUE', 'there are no more queue records');
    this.image.i32[C_QUEUES] = number + 1;
    const q = this.image.queueRecord(number);
    this.image.i32[q + Q_COLD] = this.image.word(C_COLD) + number * COLD_WORDS;
    return q;
  }

  #addQueue(adapter: AdapterProfile, domain: number): void {
    const { i32 } = this.image;
    const q = this.#takeRecord();
    const cold = this.image.cold(q);
    const apqn = (adapter.apid << 8) | domain;
    const keep = [Q_SLOTS_BYTE, Q_STRIDE_BYTE, Q_LIMIT, Q_ALL_FREE].map(
      (word) => i32[q + word] as number,
    );
    i32.fill(0, q, q + QUEUE_WORDS);
    i32.fill(0, cold, cold + COLD_WORDS);
    const allFree = adapter.depth >= 32 ? -1 : ~(0xffffffff >>> adapter.depth);
    i32[q + Q_STATUS] = STATUS_EMPTY;
    i32[q + Q_COLD] = cold;
    i32[q + Q_FREE] = allFree;
    i32[q + Q_ALL_FREE] = allFree;
    i32[q + Q_LIMIT] = messageLimit(adapter.ml);
    // Slots of a reused record stay when they have the right size; else the queue takes new ones.
    if (keep[2] === i32[q + Q_LIMIT] && keep[3] === allFree) {
      i32[q + Q_SLOTS_BYTE] = keep[0] as number;
      i32[q + Q_STRIDE_BYTE] = keep[1] as number;
    }
    i32[q + Q_GR2_HIGH] = this.#functions(adapter);
    i32[q + Q_GR2_LOW] =
      (adapter.type << GR2_TYPE_SHIFT) |
      ((adapter.nd ?? DEFAULT_ND) << GR2_ND_SHIFT) |
      (adapter.ml << GR2_ML_SHIFT) |
      (adapter.depth - 1);
    i32[cold + K_APQN] = apqn;
    i32[cold + K_MODE] = adapterMode(adapter.mode).number;
    i32[cold + K_TYPE] = adapter.type;
    this.selectDevice(q, false);
    if (this.#checksDomains(adapter)) this.#attention(q, ATTENTION_DOMAIN, true);
    if (this.#deconfigured.has(adapter.apid)) this.#attention(q, ATTENTION_DECONFIGURED, true);
    if (this.#checkstopped.has(adapter.apid)) this.#attention(q, ATTENTION_CHECKSTOPPED, true);
    i32[this.image.word(C_INDEX) + apqn] = q;
  }

  /** Without RC8A a request for a foreign domain is refused at NQAP, with it the reply says so (section 4.7). */
  #checksDomains(adapter: AdapterProfile): boolean {
    const parses = adapter.mode === 'cca' || adapter.mode === 'ep11';
    return parses && (this.image.word(C_QCI_FLAGS) & QCI_FLAG_R) === 0;
  }

  #functions(adapter: AdapterProfile): number {
    if (adapter.functions !== undefined) return adapter.functions;
    const apxa = (this.image.word(this.image.guest(0) + G_FACILITIES) & FACILITY_APXA) !== 0;
    const preset = adapterMode(adapter.mode).functions;
    return apxa ? preset : preset & ~GR2_N;
  }

  #removeQueue(apqn: number): void {
    const q = this.queue(apqn);
    this.kernel.flush(q);
    this.onQueueRemoved(q);
    this.image.i32[this.image.word(C_INDEX) + apqn] = this.image.queueRecord(0);
    this.image.i32[q + Q_ATTENTION] = this.image.word(q + Q_ATTENTION) & ATTENTION_SHARED;
    this.#freeRecords.push(q);
  }

  /** The host's own masks, and with them what every guest can reach. */
  #writeMasks(): void {
    const { image } = this;
    const masks = image.masks(0);
    image.i32.fill(0, masks, masks + 16);
    image.i32.fill(0, image.adm(0), image.adm(0) + 8);
    for (const apid of this.adapters.keys()) setBit(image.i32, masks, apid, true);
    for (const domain of this.usageDomains) setBit(image.i32, masks + MASK_AQM, domain, true);
    for (const domain of this.controlDomains) setBit(image.i32, image.adm(0), domain, true);
    for (let guest = 1; guest < image.guests; guest++) deriveEffectiveMasks(image, guest);
  }

  /** Highest APID and APQI as QCI shows them. */
  get limits(): { readonly na: number; readonly nd: number } {
    const word = this.image.word(C_QCI_NA_ND);
    return { na: word >>> 8, nd: word & 0xff };
  }
}

/** An APQN as sysfs writes it: `05.0004`. */
export const formatApqn = (apqn: number): string =>
  `${(apqn >>> 8).toString(16).padStart(2, '0')}.${(apqn & 0xff).toString(16).padStart(4, '0')}`;

/** Checks an adapter profile against the architecture. Throws ApemuError. */
export const checkAdapterProfile = (adapter: AdapterProfile): void => {
  checkNumber(adapter.apid, 'adapter');
  if (adapterType(adapter.type) === undefined) {
    throw new ApemuError('APEMU_ERR_LPAR_ADAPTER', `there is no adapter type ${adapter.type}`);
  }
  if (adapter.depth < 1 || adapter.depth > DEPTH_MAX || adapter.ml < 0 || adapter.ml > ML_MAX) {
    throw new ApemuError(
      'APEMU_ERR_LPAR_ADAPTER',
      `adapter ${adapter.apid}: depth 1-16 and ml 0-15 expected`,
    );
  }
};
