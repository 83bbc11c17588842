// SPDX-License-Identifier: Apache-2.0
// A tiny AP machine for tests of guest code: answers as test/golden/README.md says its recordings were answered (resets,
// AQIC and replies at once; the reply is the request), records every instruction, and lets a test script single answers.

import type { Cpu } from '../../src/guest/cpu.ts';

export interface FakeQueue {
  apqn: number;
  /** Response code that every function but a reset answers with; 0 = operational. */
  rc: number;
  irq: boolean;
  /** Finished and unfinished messages, oldest first. */
  messages: { psmidHigh: number; psmidLow: number; bytes: Uint8Array; ready: boolean }[];
  infoHigh: number;
  infoLow: number;
  /** Bytes of the open partial reply already delivered. */
  delivered: number;
}

export interface FakeRecord {
  name: string;
  apqn: number;
  gr0: number;
  gr1High: number;
  gr1Low: number;
  gr2Low: number;
  status: number;
}

/** Answers an instruction instead of the machine: response code, further status bits; undefined = machine answers. */
export type Script = (
  name: string,
  apqn: number,
  executedBefore: number,
) => { rc: number; flags?: number } | { pgm: number } | undefined;

export interface FakeOptions {
  adapters?: Record<number, { functions: number; type?: number; ml?: number; qd?: number }>;
  domains?: number[];
  facilities?: number[];
  qciFlags?: number;
  storageBytes?: number;
  /** Replies become ready by `finish`, not at once. */
  manual?: boolean;
}

const NAMES = ['TAPQ', 'RAPQ', 'ZAPQ', 'AQIC', 'QCI', 'QACT', 'QBAP', 'BAPQ', 'AAPQ'];
const CCA = 0xf2000000 | 0;
const ACCELERATOR = 0xea000000 | 0;

export class FakeMachine implements Cpu {
  readonly storage: Uint8Array;
  readonly reportedStorage: Uint8Array;
  readonly records: FakeRecord[] = [];
  readonly queues = new Map<number, FakeQueue>();
  readonly options: Required<FakeOptions>;
  script: Script = () => undefined;
  now = 1_000;
  apm = new Uint8Array(32);
  aqm = new Uint8Array(32);
  qciFlags: number;
  pending = false;
  /** Guest times of all NQAPs. */
  readonly sendTimes: number[] = [];
  nib = 0;
  private readonly high = new Int32Array(16);
  private readonly low = new Int32Array(16);
  private cc = 0;
  private pgm = 0;

  constructor(options: FakeOptions = {}) {
    this.options = {
      adapters: { 5: { functions: CCA }, 6: { functions: ACCELERATOR } },
      domains: [0x04, 0xab],
      facilities: [12, 15],
      qciFlags: 0xc0000000 | 0,
      storageBytes: 0x400000,
      manual: false,
      ...options,
    };
    this.storage = new Uint8Array(this.options.storageBytes);
    this.reportedStorage = this.storage;
    this.qciFlags = this.options.qciFlags;
    for (const domain of this.options.domains) this.addDomain(domain);
    for (const [apid, card] of Object.entries(this.options.adapters)) this.addAdapter(+apid, card);
  }

  addDomain(domain: number): void {
    this.aqm[domain >> 3] |= 0x80 >> (domain & 7);
  }

  addAdapter(
    apid: number,
    card: { functions: number; type?: number; ml?: number; qd?: number },
  ): void {
    this.apm[apid >> 3] |= 0x80 >> (apid & 7);
    for (const domain of this.options.domains) {
      const apqn = (apid << 8) | domain;
      const low = ((card.type ?? 14) << 24) | (0x55 << 16) | ((card.ml ?? 3) << 8) | (card.qd ?? 7);
      this.queues.set(apqn, {
        apqn,
        rc: 0,
        irq: false,
        messages: [],
        infoHigh: card.functions,
        infoLow: low,
        delivered: 0,
      });
    }
  }

  removeAdapter(apid: number): void {
    this.apm[apid >> 3] &= ~(0x80 >> (apid & 7));
    for (const apqn of [...this.queues.keys()]) if (apqn >> 8 === apid) this.queues.delete(apqn);
  }

  /** Names and APQNs of the instructions so far, e.g. `TAPQ 05.0004`. */
  trace(): string[] {
    return this.records.map((r) => (r.name === 'QCI' ? 'QCI' : `${r.name} ${apqnText(r.apqn)}`));
  }

  /** Makes all messages of a queue ready, as an adapter that has finished its work. */
  finish(apqn: number): void {
    const queue = this.queues.get(apqn)!;
    for (const message of queue.messages) message.ready = true;
    if (queue.irq && queue.messages.length > 0) this.notify();
  }

  wroteStorage(): void {}

  grLow(n: number): number {
    return this.low[n];
  }
  grHigh(n: number): number {
    return this.high[n];
  }
  setGr(n: number, high: number, low: number): void {
    this.high[n] = high;
    this.low[n] = low;
  }
  conditionCode(): number {
    return this.cc;
  }
  programInterruption(): number {
    return this.pgm;
  }
  facility(bit: number): boolean {
    return this.options.facilities.includes(bit);
  }
  takeInterruption(): number {
    if (!this.pending) return 0;
    this.pending = false;
    return 0xb0000000;
  }
  takeMachineCheck(): boolean {
    return false;
  }
  enableMachineChecks(): void {}
  nowNs(): number {
    return this.now;
  }

  execute(instruction: number): number {
    const opcode = instruction >>> 16;
    const gr0 = this.low[0];
    const name =
      opcode === 0xb2ad ? 'NQAP' : opcode === 0xb2ae ? 'DQAP' : NAMES[(gr0 >>> 24) & 0xff];
    const apqn = name === 'QCI' ? 0 : gr0 & 0xffff;
    const record: FakeRecord = {
      name,
      apqn,
      gr0,
      gr1High: this.high[1],
      gr1Low: this.low[1],
      gr2Low: this.low[2],
      status: 0,
    };
    const scripted = this.script(name, apqn, this.records.length);
    this.records.push(record);
    if (scripted !== undefined && 'pgm' in scripted) {
      this.pgm = scripted.pgm;
      return 1;
    }
    if (name === 'QCI') return this.qci();
    let status: number;
    if (scripted !== undefined) {
      status = (scripted.rc << 16) | (scripted.flags ?? 0);
      if (name === 'TAPQ') this.info(this.queues.get(apqn));
    } else {
      status = this.perform(name, this.queues.get(apqn), instruction);
    }
    record.status = status;
    if (status === -1) return 0;
    this.setGr(1, 0, status);
    this.cc = (status & 0xff0000) === 0 ? 0 : 3;
    return 0;
  }

  private qci(): number {
    if (!this.facility(12)) {
      this.pgm = 6;
      return 1;
    }
    const block = new Uint8Array(128);
    new DataView(block.buffer).setInt32(0, this.qciFlags);
    block[4] = 255;
    block[5] = 255;
    block.set(this.apm, 0x10);
    block.set(this.aqm, 0x30);
    block.set(this.aqm, 0x50);
    this.storage.set(block, this.low[2]);
    this.cc = 0;
    return 0;
  }

  private info(queue: FakeQueue | undefined): void {
    this.setGr(2, queue?.infoHigh ?? 0, queue?.infoLow ?? 0);
  }

  private flags(queue: FakeQueue): number {
    const empty = queue.messages.length === 0 ? 0x80000000 : 0;
    const replies = queue.messages.some((m) => m.ready) ? 0x40000000 : 0;
    const full = queue.messages.length > (queue.infoLow & 0xf) ? 0x20000000 : 0;
    return empty | replies | full | (queue.irq ? 0x01000000 : 0);
  }

  private notify(): void {
    this.storage[this.nib] = 1;
    this.pending = true;
  }

  private perform(name: string, queue: FakeQueue | undefined, instruction: number): number {
    if (name === 'TAPQ') this.info(queue);
    if (queue === undefined) return 0x00010000;
    if (queue.rc !== 0) return queue.rc << 16;
    switch (name) {
      case 'RAPQ':
      case 'ZAPQ':
        queue.messages = [];
        queue.irq = false;
        queue.delivered = 0;
        return this.flags(queue);
      case 'AQIC': {
        const before = this.flags(queue);
        if (queue.irq) return 0x00070000;
        this.nib = this.low[2];
        queue.irq = true;
        return before;
      }
      case 'NQAP':
        this.sendTimes.push(this.now);
        return this.nqap(queue, instruction);
      case 'DQAP':
        return this.dqap(queue, instruction);
      default:
        return this.flags(queue);
    }
  }

  private nqap(queue: FakeQueue, instruction: number): number {
    if (this.flags(queue) & 0x20000000) return 0x00100000 | this.flags(queue);
    const r1 = (instruction >> 4) & 15;
    const r2 = instruction & 15;
    const address = this.low[r2];
    const length = this.low[r2 + 1];
    queue.messages.push({
      psmidHigh: this.low[r1],
      psmidLow: this.low[r1 + 1],
      bytes: this.storage.slice(address, address + length),
      ready: !this.options.manual,
    });
    this.setGr(r2, 0, address + length);
    this.setGr(r2 + 1, 0, 0);
    if (queue.irq && !this.options.manual) this.notify();
    return this.flags(queue);
  }

  private dqap(queue: FakeQueue, instruction: number): number {
    const index = queue.messages.findIndex((m) => m.ready);
    if (index < 0) return 0x00100000 | this.flags(queue);
    const message = queue.messages[index];
    if (this.low[0] < 0) queue.delivered = 0;
    const r1 = (instruction >> 4) & 15;
    const r2 = instruction & 15;
    const rest = message.bytes.subarray(queue.delivered);
    const stored = Math.min(rest.length, this.low[r2 + 1]);
    this.storage.set(rest.subarray(0, stored), this.low[r2]);
    this.setGr(r2, 0, this.low[r2] + stored);
    this.setGr(r2 + 1, 0, this.low[r2 + 1] - stored);
    this.setGr(2, 0, rest.length - stored);
    if (stored < rest.length) {
      queue.delivered += stored;
      this.setGr(0, 0, (this.low[0] & 0xffff) | 0x01010000);
      this.cc = 1;
      return -1;
    }
    queue.delivered = 0;
    queue.messages.splice(index, 1);
    this.setGr(r1, 0, message.psmidHigh);
    this.setGr(r1 + 1, 0, message.psmidLow);
    return this.flags(queue);
  }
}

export const apqnText = (apqn: number): string =>
  `${(apqn >> 8).toString(16).padStart(2, '0')}.${(apqn & 0xff).toString(16).padStart(4, '0')}`;
