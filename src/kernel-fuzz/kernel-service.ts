// SPDX-License-Identifier: Apache-2.0
// The AP facility of a guest whose kernel is under test: the machine's, with the agent's calls taken out, and with a time that stands still
// while the guest does.
// Source: docs/reference/fuzzing.md section 3 (a hypercall for free: PQAP in problem state).

import type { ApService, Executed, ServedCpu, ServedStorage } from '../qemu/ap-service.ts';
import type { MachineService } from '../qemu/machine-service.ts';
import { AGENT_MAGIC, type Agent } from './agent/agent.ts';

/** PQAP, and the PSW's problem state in its first word. */
const PQAP = 0xb2af;
const NQAP = 0xb2ad;
const PROBLEM_STATE = 0x00010000;

export class KernelService implements ApService {
  readonly name: string;
  readonly facilities: readonly number[];
  /** Called whenever time has moved. */
  onTime: () => void = () => {};
  /** AP instructions of the kernel, and when something came from the guest last (ms of the computer's clock). */
  instructions = 0;
  nqaps = 0;
  lastMs = 0;
  readonly #inner: MachineService;
  readonly #agent: Agent;
  #storage: ServedStorage | undefined;
  #running = false;
  #seenMs = 0;
  /** Time of the machine since the moment, in ms. */
  #timeMs = 0;

  constructor(inner: MachineService, agent: Agent) {
    this.#inner = inner;
    this.#agent = agent;
    this.name = inner.name;
    this.facilities = inner.facilities;
  }

  connect(storage: ServedStorage): void {
    this.#storage = storage;
    this.#inner.connect(storage);
  }

  cpu(address: number): ServedCpu {
    return this.#inner.cpu(address);
  }

  execute(address: number, word: number): Executed {
    const { gr, psw } = this.#inner.cpu(address);
    this.lastMs = performance.now();
    const own = gr[0] === AGENT_MAGIC && word >>> 16 === PQAP && (psw[0] & PROBLEM_STATE) !== 0;
    if (own && this.#storage !== undefined) {
      this.#agent.call(address, gr, this.#storage);
      return 'completed';
    }
    this.instructions++;
    if (word >>> 16 === NQAP) this.nqaps++;
    return this.#inner.execute(address, word);
  }

  programCode(address: number): number {
    return this.#inner.programCode(address);
  }

  pendingIsc(mask: number): number {
    return this.#inner.pendingIsc(mask);
  }

  takeInterruption(isc: number): number {
    return this.#inner.takeInterruption(isc);
  }

  advance(nowNs: number): number {
    const nowMs = nowNs / 1e6;
    if (this.#running) this.#timeMs += Math.max(0, nowMs - this.#seenMs);
    this.#seenMs = nowMs;
    const next = this.#inner.advance(this.#timeMs * 1e6);
    if (this.#running) this.onTime();
    return next;
  }

  reset(): void {
    this.#inner.reset();
  }

  /** The guest runs from now on. */
  go(): void {
    this.#running = true;
    this.#seenMs = performance.now();
    this.lastMs = this.#seenMs;
  }

  /** The guest's clock was moved on. */
  skip(ns: number): void {
    this.#timeMs += ns / 1e6;
  }

  /** The guest stands still, at the moment. */
  halt(): void {
    this.#running = false;
    this.#timeMs = 0;
    this.instructions = 0;
    this.nqaps = 0;
    this.#inner.restartClock();
  }
}
