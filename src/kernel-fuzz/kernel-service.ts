// SPDX-License-Identifier: Apache-2.0
// The AP facility of a guest whose kernel is under test: that of the machine, but calls of the agent are taken out, and its time stands
// still while the guest does.
// Source: docs/reference/fuzzing.md section 3 (a hypercall for free: PQAP in problem state).
import { GR0_APQN } from '../../native-like/arch/function-codes.ts';
import { PSW_CC } from '../../native-like/arch/psw.ts';
import type { ApService, Executed, ServedCpu, ServedStorage } from '../qemu/ap-service.ts';
import type { MachineService } from '../qemu/machine-service.ts';
import { AGENT_MAGIC, type Agent } from './agent/agent.ts';

/** Opcode of PQAP, and the problem-state bit in the first word of the PSW. */
const PQAP = 0xb2af;
const NQAP = 0xb2ad;
const DQAP = 0xb2ae;
const PROBLEM_STATE = 0x00010000;

export class KernelService implements ApService {
  readonly name: string;
  readonly facilities: readonly number[];
  /** Called whenever time has passed. */
  onTime: () => void = () => {};
  /** Number of AP instructions of the kernel, and time when something last came from the guest (milliseconds of the computer's clock). */
  instructions = 0;
  nqaps = 0;
  /** Number of messages that all queues have taken. */
  messages = 0;
  /** Number of messages that each queue has taken, by APQN. */
  readonly taken = new Map<number, number>();
  /** APQNs of the queues that the kernel has asked for replies. */
  readonly asked = new Set<number>();
  lastMs = 0;
  readonly #inner: MachineService;
  readonly #agent: Agent;
  #storage: ServedStorage | undefined;
  #running = false;
  #seenMs = 0;
  /** Time of the machine since the moment, in milliseconds. */
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
    const apqn = gr[1] & GR0_APQN;
    if (word >>> 16 === DQAP) this.asked.add(apqn);
    if (word >>> 16 !== NQAP) return this.#inner.execute(address, word);
    this.nqaps++;
    const ended = this.#inner.execute(address, word);
    if (ended === 'completed' && (psw[0] & PSW_CC) === 0) {
      this.messages++;
      this.taken.set(apqn, (this.taken.get(apqn) ?? 0) + 1);
    }
    return ended;
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

  /** Notes that the guest runs from now on. */
  go(): void {
    this.#running = true;
    this.#seenMs = performance.now();
    this.lastMs = this.#seenMs;
  }

  /** Notes that the guest's clock was moved on. */
  skip(ns: number): void {
    this.#timeMs += ns / 1e6;
  }

  /** Notes that the guest stands still, at the moment. */
  halt(): void {
    this.#running = false;
    this.#timeMs = 0;
    this.instructions = 0;
    this.nqaps = 0;
    this.messages = 0;
    this.taken.clear();
    this.asked.clear();
    this.#inner.restartClock();
  }
}
