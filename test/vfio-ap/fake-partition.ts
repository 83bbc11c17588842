// SPDX-License-Identifier: Apache-2.0
// A partition for tests: resets at once unless told otherwise, adapters as in test/golden/README.md, faults by hand.

import { finish } from '../../src/ap-bus/driving.ts';
import type { Operation, Timers } from '../../src/ap-bus/operation.ts';
import type { PartitionPort, QueueTest, SclpOutcome } from '../../src/ap-bus/partition-port.ts';

/** Facility words of the recordings' adapters: CCA, accelerator, EP11. */
export const CCA = 0xf2000000;
export const ACCELERATOR = 0xea000000;
export const EP11 = 0xe6000000;

/** What one adapter of the fake is. */
export interface FakeAdapter {
  functions: number;
  type: number;
  qd: number;
  ml: number;
  config: boolean;
  checkstop: boolean;
}

export const adapter = (functions: number, over: Partial<FakeAdapter> = {}): FakeAdapter => ({
  functions,
  type: 14,
  qd: 7,
  ml: 0,
  config: true,
  checkstop: false,
  ...over,
});

/** Virtual clock with timers in order. */
export class FakeTimers implements Timers {
  #now = 0;
  #queue: { at: number; fn: () => void }[] = [];

  nowNs(): number {
    return this.#now;
  }

  after(delayNs: number, fn: () => void): { cancel(): void } {
    const entry = { at: this.#now + delayNs, fn };
    this.#queue.push(entry);
    return {
      cancel: () => {
        this.#queue = this.#queue.filter((e) => e !== entry);
      },
    };
  }

  advance(deltaNs: number): void {
    const end = this.#now + deltaNs;
    for (;;) {
      let next: { at: number; fn: () => void } | undefined;
      for (const e of this.#queue) if (next === undefined || e.at < next.at) next = e;
      if (next === undefined || next.at > end) break;
      const due = next;
      this.#queue = this.#queue.filter((e) => e !== due);
      this.#now = Math.max(this.#now, due.at);
      due.fn();
    }
    this.#now = end;
  }

  run<T>(operation: Operation<T>): T {
    return finish(operation, (ns) => this.advance(ns));
  }
}

const RESPONSE = (rc: number): number => (rc << 16) | (rc === 0 ? 0x80000000 : 0);

export interface FakeOptions {
  readonly facilities?: readonly number[];
  readonly flags?: number;
  readonly na?: number;
  readonly nd?: number;
}

/** Scripted answers: called before the normal answer; undefined means the normal answer. */
export type Script = (apqn: number) => number | undefined;

export class FakePartition implements PartitionPort {
  readonly facilities: Set<number>;
  readonly hardware: (FakeAdapter | undefined)[] = new Array(256).fill(undefined);
  adapters: number[] = [];
  usageDomains: number[] = [];
  controlDomains: number[] = [];
  readonly flags: number;
  readonly na: number;
  readonly nd: number;
  readonly #apm = new Uint8Array(256);
  readonly #aqm = new Uint8Array(256);
  readonly counts = { tapq: 0, rapq: 0, zapq: 0, aqic: 0 };
  /** APQNs reset by ZAPQ since last cleared. */
  zapqs: number[] = [];
  rapqs: number[] = [];
  tapqScript: Script = () => undefined;
  zapqScript: Script = () => undefined;
  sclp: SclpOutcome = 'ok';
  bindState = 0;
  #listeners: (() => void)[] = [];

  constructor(options: FakeOptions = {}) {
    this.facilities = new Set(options.facilities ?? [12, 15]);
    this.flags = options.flags ?? 0xc0000000;
    this.na = options.na ?? 255;
    this.nd = options.nd ?? 255;
  }

  setConfiguration(
    adapters: readonly number[],
    usage: readonly number[],
    control: readonly number[],
  ): void {
    this.adapters = [...adapters];
    this.usageDomains = [...usage];
    this.controlDomains = [...control];
    this.#apm.fill(0);
    this.#aqm.fill(0);
    for (const n of adapters) this.#apm[n] = 1;
    for (const n of usage) this.#aqm[n] = 1;
  }

  announce(): void {
    for (const listener of this.#listeners) listener();
  }

  qci(): Uint8Array {
    const bytes = new Uint8Array(128);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.flags);
    bytes[4] = this.na;
    bytes[5] = this.nd;
    const put = (offset: number, numbers: readonly number[]): void => {
      for (const n of numbers) {
        const at = offset + (n >> 3);
        bytes[at] = bytes[at] | (0x80 >> (n & 7));
      }
    };
    put(0x10, this.adapters);
    put(0x30, this.usageDomains);
    put(0x50, this.controlDomains);
    return bytes;
  }

  #rc(apqn: number): number {
    const hardware = this.hardware[apqn >>> 8];
    if (hardware === undefined || this.#apm[apqn >>> 8] === 0 || this.#aqm[apqn & 0xff] === 0)
      return 1;
    return hardware.checkstop ? 4 : hardware.config ? 0 : 3;
  }

  tapq(apqn: number): QueueTest {
    this.counts.tapq++;
    const rc = this.tapqScript(apqn) ?? this.#rc(apqn);
    const h = this.hardware[apqn >>> 8];
    if (rc === 1 || h === undefined) return { status: RESPONSE(rc), gr2High: 0, gr2Low: 0 };
    const gr2High = (h.functions | (this.bindState << 14)) >>> 0;
    const gr2Low = ((h.type << 24) | (0x55 << 16) | (h.ml << 8) | h.qd) >>> 0;
    return { status: RESPONSE(rc), gr2High, gr2Low };
  }

  rapq(apqn: number): number {
    this.counts.rapq++;
    this.rapqs.push(apqn);
    return RESPONSE(this.#rc(apqn));
  }

  zapq(apqn: number): number {
    this.counts.zapq++;
    this.zapqs.push(apqn);
    return RESPONSE(this.zapqScript(apqn) ?? this.#rc(apqn));
  }

  aqic(apqn: number): number {
    this.counts.aqic++;
    return RESPONSE(this.#rc(apqn));
  }

  configure(apid: number): SclpOutcome {
    return this.#setConfig(apid, true);
  }

  deconfigure(apid: number): SclpOutcome {
    return this.#setConfig(apid, false);
  }

  #setConfig(apid: number, config: boolean): SclpOutcome {
    if (this.sclp !== 'ok') return this.sclp;
    const hardware = this.hardware[apid];
    if (hardware === undefined) return 'EIO';
    hardware.config = config;
    return 'ok';
  }

  onConfigurationChange(listener: () => void): void {
    this.#listeners.push(listener);
  }
}

const GOLDEN_DOMAINS = [0x04, 0x47, 0xab, 0xff];

/** The partition of test/golden/README.md. */
export function goldenPartition(options: FakeOptions = {}): FakePartition {
  const partition = new FakePartition(options);
  partition.hardware[0x05] = adapter(CCA);
  partition.hardware[0x06] = adapter(ACCELERATOR);
  partition.hardware[0x0a] = adapter(EP11);
  partition.hardware[0x21] = adapter(CCA);
  partition.setConfiguration([0x05, 0x06, 0x0a, 0x21], GOLDEN_DOMAINS, GOLDEN_DOMAINS);
  return partition;
}
