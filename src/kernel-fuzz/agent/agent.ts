// SPDX-License-Identifier: Apache-2.0
// The emulator's side of the agent in the guest: decides which of the agent's processes does what, and takes the results.
// Source: agent.c beside this file (functions, order of registers).
import type { ServedStorage } from '../../qemu/ap-service.ts';
import { type EncodedOrder, encodeOrder, ORDER_BYTES, type SystemCall } from './orders.ts';

/** High half of GR0 in a call of the agent: "APMU". The low half is the function. */
export const AGENT_MAGIC = 0x41504d55;
const WHICH = 1;
const NEXT = 2;
const ENDED = 3;
const GONE = 4;
/** In the mask of processes to be interrupted: bit that says they are to be killed. */
const TO_BE_KILLED = 1;

/** Number of the agent's processes. Processes 1 to 15 execute orders. */
const AGENT_PROCESSES = 16;

/** How an order ended. */
export interface OrderResult {
  /** errno of the call that failed; 0 if none did. */
  readonly errno: number;
  /** Value that the last call returned. */
  readonly value: number;
  /** The buffer, with what the kernel has stored into it. */
  readonly bytes: Buffer;
}

interface Task {
  readonly order: EncodedOrder;
  /** What it does, in words. */
  readonly what: string;
  readonly ended: (result: OrderResult) => void;
}

interface Process {
  /** The order that it was given and has not finished. */
  running: Task | undefined;
  readonly waiting: Task[];
}

const registerPair = (gr: Uint32Array, n: number): number => gr[2 * n] * 2 ** 32 + gr[2 * n + 1];

export class Agent {
  /** Called when there is something new. The agent waits for input on its console. */
  wake: () => void = () => {};
  /** Number of calls since the last `reset`. */
  calls = 0;
  /** Number of WHICH calls. The first one tells that the agent waits. */
  asked = 0;
  #processes: Process[] = [];
  #toSignal = 0;
  /** Processes that were killed and have not ended, as a mask. */
  #killed = 0;
  readonly #used: number;

  /** @param used number of processes that are used; with fewer, the guest is smaller */
  constructor(used = AGENT_PROCESSES - 1) {
    this.#used = Math.min(used, AGENT_PROCESSES - 1);
    this.reset();
  }

  /** Forgets all orders, because the guest was taken back. */
  reset(): void {
    this.calls = 0;
    this.asked = 0;
    this.#toSignal = 0;
    this.#killed = 0;
    this.#processes = Array.from({ length: AGENT_PROCESSES }, () => ({
      running: undefined,
      waiting: [],
    }));
  }

  /** Has calls executed by a process that has nothing to do, or else by the one with the least to do. `what` describes them in words. */
  perform(
    what: string,
    calls: readonly SystemCall[],
    ended: (result: OrderResult, order: EncodedOrder) => void,
  ): void {
    const load = ({ running, waiting }: Process): number => (running ? 1 : 0) + waiting.length;
    const usable = this.#processes.slice(1, this.#used + 1);
    const least = usable.reduce((best, one) => (load(one) < load(best) ? one : best));
    const order = encodeOrder(calls);
    least.waiting.push({ what, order, ended: (result) => ended(result, order) });
    this.wake();
  }

  /** Interrupts every process that is in a call. */
  signal(): void {
    this.#toSignal |= this.#inCalls();
    this.wake();
  }

  /** Kills every process that is in a call. Processes that were killed before are looked after. */
  kill(): void {
    this.#killed |= this.#inCalls();
    this.#toSignal = this.#killed | TO_BE_KILLED;
    this.wake();
  }

  /** What the processes are doing that were killed and have not ended. */
  get survivors(): readonly string[] {
    return this.#processes.flatMap(({ running }, n) =>
      running === undefined || ((this.#killed >>> n) & 1) === 0 ? [] : [running.what],
    );
  }

  #inCalls(): number {
    return this.#processes.reduce(
      (mask, { running }, n) => (running === undefined ? mask : mask | (1 << n)),
      0,
    );
  }

  /**
   * Executes a call of the agent and sets GR2.
   *
   * @returns false if the order could not be stored, and the agent asks again
   */
  call(cpu: number, gr: Uint32Array, storage: ServedStorage): void {
    this.calls++;
    const answer = this.#answer(cpu, gr, storage);
    gr[4] = answer[0];
    gr[5] = answer[1];
  }

  #answer(cpu: number, gr: Uint32Array, storage: ServedStorage): readonly [number, number] {
    switch (gr[1]) {
      case WHICH:
        return this.#which();
      case NEXT:
        return [0, this.#next(cpu, gr, storage)];
      case ENDED:
        this.#ended(cpu, gr, storage);
        return [0, 0];
      case GONE:
        this.#gone(gr[3]);
        return [0, 0];
      default:
        return [0, 0];
    }
  }

  #gone(process: number): void {
    const doer = this.#processes[process];
    if (doer !== undefined) doer.running = undefined;
    this.#killed &= ~(1 << process);
  }

  #which(): readonly [number, number] {
    this.asked++;
    let busy = 0;
    for (const [n, { running, waiting }] of this.#processes.entries())
      if (running === undefined && waiting.length > 0) busy |= 1 << n;
    const signals = this.#toSignal;
    this.#toSignal = 0;
    return [signals, busy];
  }

  #next(cpu: number, gr: Uint32Array, storage: ServedStorage): number {
    const doer = this.#processes[gr[3]];
    const task = doer?.waiting[0];
    if (doer === undefined || task === undefined) return 0;
    const { bytes } = task.order;
    const stored = storage.store(cpu, gr[4], gr[5], bytes.length, bytes);
    if (stored !== 0) return 0;
    doer.waiting.shift();
    doer.running = task;
    return 1;
  }

  #ended(cpu: number, gr: Uint32Array, storage: ServedStorage): void {
    const doer = this.#processes[gr[3] & 0xff];
    const task = doer?.running;
    if (doer === undefined || task === undefined) return;
    doer.running = undefined;
    const bytes = Buffer.alloc(ORDER_BYTES);
    storage.fetch(cpu, gr[6], gr[7], task.order.bytes.length, bytes);
    const negative = gr[4] >>> 31 === 1;
    const errno = negative ? -(gr[5] | 0) : 0;
    task.ended({ errno, value: negative ? -1 : registerPair(gr, 2), bytes });
  }
}
