// SPDX-License-Identifier: Apache-2.0
// The logical partition at run time: adapters and domains come and go, SCLP configure and deconfigure, checkstop.
// Source: docs/reference/ap-architecture.md sections 2.4, 4.4, 6.3, decisions AD-24, AD-36; docs/reference/vfio-ap.md section 4.5.
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  ATTENTION_ASYNC,
  ATTENTION_BINDING,
  ATTENTION_BUSY,
  ATTENTION_CHECKSTOPPED,
  ATTENTION_DECONFIGURED,
  ATTENTION_RESET,
} from '../../native-like/machine/layout.ts';
import { ApemuError } from '../errors.ts';
import { writeService } from './adapter-record.ts';
import { writeHostMasks } from './host-masks.ts';
import type { Kernel } from './kernel.ts';
import {
  type AdapterProfile,
  checkNumber,
  formatApqn,
  type PartitionProfile,
  type PartitionRecords,
} from './profile.ts';
import { QueueRecords, setAttention } from './queue-records.ts';
import { type PutBack, rememberMap, rememberSet, together } from './remember.ts';

const replaceAll = (set: Set<number>, values: readonly number[]): void => {
  set.clear();
  for (const value of values) set.add(value);
};

const hex = (id: number): string => id.toString(16).padStart(2, '0');

/** Runs `change` while every vCPU is out of interpretive execution. */
export type Exclusive = (change: () => void) => void;

/** The partition. It owns the queue records and the host's masks in the image. */
export class Partition {
  readonly image: MachineImage;
  readonly kernel: Kernel;
  readonly adapters = new Map<number, AdapterProfile>();
  readonly usageDomains = new Set<number>();
  readonly controlDomains = new Set<number>();
  /** Called after each change of what QCI shows, as the CHSC event "AP configuration changed". */
  readonly changeListeners: (() => void)[] = [];
  /** Is told of each action of the operator. `flushed` is the adapter whose queues lose their messages. */
  onOperation: (text: string, flushed?: number) => void = () => {};
  /** Called for each queue that leaves the configuration, while it still has its record. */
  onQueueRemoved: (q: number) => void = () => {};
  readonly #exclusive: Exclusive;
  readonly #seed: number;
  readonly #records: QueueRecords;
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
    this.#records = new QueueRecords(image);
    for (const domain of profile.usageDomains) this.usageDomains.add(domain);
    for (const domain of profile.controlDomains) this.controlDomains.add(domain);
    for (const adapter of profile.adapters) this.#plug(adapter);
    this.#writeMasks();
  }

  /** The queue records, for queues that belong to a guest and not to the partition. */
  get records(): QueueRecords {
    return this.#records;
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
    this.onOperation(`add adapter ${hex(adapter.apid)}`);
  }

  removeAdapter(apid: number): void {
    const adapter = this.#adapter(apid);
    this.#change(() => {
      this.adapters.delete(adapter.apid);
      this.#deconfigured.delete(apid);
      this.#checkstopped.delete(apid);
      for (const domain of this.usageDomains) this.#removeQueue((apid << 8) | domain);
    });
    this.onOperation(`remove adapter ${hex(apid)}`, apid);
  }

  addUsageDomain(domain: number): void {
    checkNumber(domain, 'domain');
    if (this.usageDomains.has(domain)) return;
    this.#change(() => {
      this.usageDomains.add(domain);
      for (const adapter of this.adapters.values()) this.#addQueue(adapter, domain);
    });
    this.onOperation(`add domain ${hex(domain)}`);
  }

  removeUsageDomain(domain: number): void {
    if (!this.usageDomains.has(domain)) return;
    this.#change(() => {
      this.usageDomains.delete(domain);
      for (const apid of this.adapters.keys()) this.#removeQueue((apid << 8) | domain);
    });
    this.onOperation(`remove domain ${hex(domain)}`);
  }

  addControlDomain(domain: number): void {
    checkNumber(domain, 'domain');
    this.#change(() => this.controlDomains.add(domain));
  }

  removeControlDomain(domain: number): void {
    this.#change(() => this.controlDomains.delete(domain));
  }

  /** SCLP configure. The queues are idle at once (AD-36). */
  configure(apid: number): void {
    this.#adapter(apid);
    if (!this.#deconfigured.delete(apid)) return;
    this.onOperation(`configure ${hex(apid)}`);
    this.#forQueues(apid, (q) => setAttention(this.image, q, ATTENTION_DECONFIGURED, false));
    this.#tell();
  }

  /** SCLP deconfigure. The queues lose their messages, interruptions and bindings (AD-36). */
  deconfigure(apid: number): void {
    this.#adapter(apid);
    this.#deconfigured.add(apid);
    this.onOperation(`deconfigure ${hex(apid)}`, apid);
    this.#forQueues(apid, (q) => this.#stop(q, ATTENTION_DECONFIGURED));
    this.#tell();
  }

  /** Stops the adapter with an error. The messages of its queues are lost. */
  checkstop(apid: number): void {
    this.#adapter(apid);
    this.#checkstopped.add(apid);
    this.onOperation(`checkstop ${hex(apid)}`, apid);
    this.#forQueues(apid, (q) => this.#stop(q, ATTENTION_CHECKSTOPPED));
    this.#tell();
  }

  /** Ends a checkstop. The queues are idle at once. */
  recover(apid: number): void {
    this.#adapter(apid);
    if (!this.#checkstopped.delete(apid)) return;
    this.onOperation(`recover ${hex(apid)}`);
    this.#forQueues(apid, (q) => setAttention(this.image, q, ATTENTION_CHECKSTOPPED, false));
    this.#tell();
  }

  /** Makes a queue answer 05 until this is taken back. */
  setBusy(apqn: number, busy: boolean): void {
    this.onOperation(`${formatApqn(apqn)} ${busy ? 'busy' : 'not busy'}`);
    this.#exclusive(() => setAttention(this.image, this.queue(apqn), ATTENTION_BUSY, busy));
  }

  /** What the image does not contain, as plain data. */
  save(): PartitionRecords {
    return {
      adapters: [...this.adapters.values()],
      usageDomains: [...this.usageDomains],
      controlDomains: [...this.controlDomains],
      freeRecords: [...this.#records.free],
      deconfigured: [...this.#deconfigured],
      checkstopped: [...this.#checkstopped],
    };
  }

  /** Remembers what the image does not contain; calling the result puts it back. */
  remember(): PutBack {
    return together(
      rememberMap(this.adapters),
      ...[this.usageDomains, this.controlDomains, this.#deconfigured, this.#checkstopped].map(
        (set) => rememberSet(set),
      ),
      this.#records.remember(),
    );
  }

  /** Takes saved records over. The caller restores the image. */
  restore(records: PartitionRecords): void {
    this.adapters.clear();
    for (const adapter of records.adapters) this.adapters.set(adapter.apid, adapter);
    replaceAll(this.usageDomains, records.usageDomains);
    replaceAll(this.controlDomains, records.controlDomains);
    replaceAll(this.#deconfigured, records.deconfigured);
    replaceAll(this.#checkstopped, records.checkstopped);
    this.#records.restore(records.freeRecords);
  }

  /** Queue record of an APQN. Throws when the partition has no such queue. */
  queue(apqn: number): number {
    const q = this.image.queue(apqn);
    if (q === this.image.queueRecord(0)) {
      throw new ApemuError('APEMU_ERR_LPAR_QUEUE', `there is no queue ${formatApqn(apqn)}`);
    }
    return q;
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

  #addQueue(adapter: AdapterProfile, domain: number): void {
    const off =
      (this.#deconfigured.has(adapter.apid) ? ATTENTION_DECONFIGURED : 0) |
      (this.#checkstopped.has(adapter.apid) ? ATTENTION_CHECKSTOPPED : 0);
    this.#records.add(adapter, domain, off);
  }

  #removeQueue(apqn: number): void {
    const q = this.queue(apqn);
    this.kernel.flush(q);
    this.onQueueRemoved(q);
    this.#records.remove(apqn, q);
  }

  #writeMasks(): void {
    writeHostMasks(this.image, this.adapters.keys(), this.usageDomains, this.controlDomains);
  }

  #tell(): void {
    for (const listener of this.changeListeners) listener();
  }

  #forQueues(apid: number, action: (q: number) => void): void {
    this.#exclusive(() => {
      for (const domain of this.usageDomains) action(this.queue((apid << 8) | domain));
    });
  }

  #stop(q: number, bit: number): void {
    this.kernel.flush(q);
    this.kernel.unbind(this.image.cold(q));
    setAttention(this.image, q, ATTENTION_RESET | ATTENTION_BINDING | ATTENTION_ASYNC, false);
    setAttention(this.image, q, bit, true);
  }

  #plug(adapter: AdapterProfile): void {
    this.adapters.set(adapter.apid, adapter);
    writeService(this.image, adapter, this.#seed);
    if (adapter.configured === false) this.#deconfigured.add(adapter.apid);
    for (const domain of this.usageDomains) this.#addQueue(adapter, domain);
  }
}
