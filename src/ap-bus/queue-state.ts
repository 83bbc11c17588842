// SPDX-License-Identifier: Apache-2.0
// The bus's own state machine of a queue: reset, interrupt set-up, error; without message traffic.
// Source: docs/reference/ap-architecture.md section 2.2 (ap_queue.c: ap_sm_reset, ap_sm_reset_wait, ap_sm_setirq_wait,
// ap_queue_init_state, ap_queue_prepare_remove, ap_queue_remove).
import { type PutBack, rememberSet } from '../lpar/remember.ts';
import type { ApBus } from './bus.ts';
import type { ApQueue } from './device.ts';
import {
  asyncError,
  irqEnabled,
  RC_BUSY,
  RC_CHECKSTOPPED,
  RC_DECONFIGURED,
  RC_NORMAL,
  RC_OTHERWISE_CHANGED,
  RC_RESET_IN_PROGRESS,
  responseCode,
} from './partition.ts';

/** AP_SM_WAIT_LOW_TIMEOUT. */
export const LOW_WAIT_NS = 40_000_000;
/** Where the host's adapter interruptions are noted; the bus's local summary indicator. VD-31. */
export const HOST_NIB_ADDRESS = 0x1000;
const AQIC_ENABLE = 0x8000;
const AP_ISC = 6;
const RC_NO_PENDING_REPLY = 0x10;

type Next = 'again' | 'low' | 'none';

/** All queues of one bus; waiting queues share one timer. */
export class QueueStateMachine {
  readonly #bus: ApBus;
  readonly #waiting = new Set<ApQueue>();
  #timer: { cancel(): void } | null = null;
  #dueNs = 0;

  constructor(bus: ApBus) {
    this.#bus = bus;
  }

  /** ap_queue_init_state: operating, reset, polled once. */
  init(queue: ApQueue): void {
    queue.state = 'OPERATING';
    this.reset(queue);
  }

  /** The state machine from RESET_START; does nothing on a queue that is not in operation. */
  reset(queue: ApQueue): void {
    queue.machine = 'RESET_START';
    this.#poll(queue);
  }

  /** Requests of the host are flushed; the queue takes no more. */
  prepareRemove(queue: ApQueue): void {
    this.flush(queue);
    queue.state = 'SHUTDOWN';
    this.#waiting.delete(queue);
  }

  /** ZAPQ by the bus; the queue belongs to nobody. */
  remove(queue: ApQueue): void {
    this.#bus.partition.zapq(queue.apqn);
    queue.state = 'UNINITIATED';
    queue.interrupts = false;
  }

  /** The queue failed with this response code. */
  fail(queue: ApQueue, rc: number): void {
    queue.state = 'ERROR';
    queue.lastErrorRc = rc;
    this.#waiting.delete(queue);
  }

  /** ap_flush_queue: the host's requests end with EAGAIN. */
  flush(queue: ApQueue): void {
    queue.requestCount = 0;
    queue.pendingCount = 0;
  }

  #poll(queue: ApQueue): void {
    for (;;) {
      if (!queue.config || queue.checkstop) return;
      if (queue.state === 'UNINITIATED' || queue.state === 'SHUTDOWN') return;
      const next = this.#step(queue);
      if (next === 'again') continue;
      if (next === 'low') this.#wait(queue);
      return;
    }
  }

  #wait(queue: ApQueue): void {
    this.#waiting.add(queue);
    if (this.#timer === null) this.#arm(this.#bus.timers.nowNs() + LOW_WAIT_NS);
  }

  #arm(dueNs: number): void {
    this.#dueNs = dueNs;
    this.#timer = this.#bus.timers.after(dueNs - this.#bus.timers.nowNs(), () => {
      this.#timer = null;
      const due = [...this.#waiting];
      this.#waiting.clear();
      for (const waiting of due) this.#poll(waiting);
    });
  }

  /** Queues whose state machine waits, and until when; null: no timer runs. */
  waiting(): { readonly dueNs: number; readonly apqns: readonly number[] } | null {
    if (this.#timer === null) return null;
    return { dueNs: this.#dueNs, apqns: [...this.#waiting].map((queue) => queue.apqn) };
  }

  /** Continues a saved wait. */
  resumeWaiting(dueNs: number, queues: Iterable<ApQueue>): void {
    for (const queue of queues) this.#waiting.add(queue);
    this.#arm(dueNs);
  }

  remember(): PutBack {
    const waiting = rememberSet(this.#waiting);
    const [timer, dueNs] = [this.#timer, this.#dueNs];
    return () => {
      waiting();
      this.#timer = timer;
      this.#dueNs = dueNs;
    };
  }

  #step(queue: ApQueue): Next {
    switch (queue.machine) {
      case 'RESET_START':
        return this.#reset(queue);
      case 'RESET_WAIT':
        return this.#resetWait(queue);
      case 'SETIRQ_WAIT':
        return this.#setIrqWait(queue);
      case 'ASSOC_WAIT':
        return this.#associationWait(queue);
      default:
        return 'none';
    }
  }

  #reset(queue: ApQueue): Next {
    const status = this.#bus.partition.rapq(queue.apqn, queue.resetWithF);
    const rc = responseCode(status);
    queue.interrupts = false;
    if (rc === RC_NORMAL || rc === RC_RESET_IN_PROGRESS) {
      queue.machine = 'RESET_WAIT';
      queue.resetWithF = false;
      return 'low';
    }
    if (!asyncError(status)) this.fail(queue, rc);
    return 'none';
  }

  #resetWait(queue: ApQueue): Next {
    const test = this.#bus.partition.tapq(queue.apqn);
    const rc = responseCode(test.status);
    if (rc === RC_RESET_IN_PROGRESS || rc === RC_BUSY) return 'low';
    if (rc !== RC_NORMAL) {
      this.fail(queue, rc);
      return 'none';
    }
    queue.seBindState = (test.gr2High >>> 14) & 3;
    queue.machine = this.#bus.useInterrupts && this.#enable(queue) ? 'SETIRQ_WAIT' : 'IDLE';
    return 'again';
  }

  #enable(queue: ApQueue): boolean {
    const status = this.#bus.partition.aqic(queue.apqn, AQIC_ENABLE, AP_ISC, HOST_NIB_ADDRESS);
    const rc = responseCode(status);
    if (asyncError(status)) return false;
    if (rc === RC_NORMAL || rc === RC_OTHERWISE_CHANGED) return true;
    if (rc !== RC_RESET_IN_PROGRESS && rc !== RC_BUSY) {
      this.#bus.journal.write(
        'kernel',
        'warn',
        `ap: Registering adapter interrupts for AP device ${queue.name} failed`,
      );
    }
    return false;
  }

  #setIrqWait(queue: ApQueue): Next {
    const { status } = this.#bus.partition.tapq(queue.apqn);
    const rc = responseCode(status);
    if (irqEnabled(status)) {
      queue.interrupts = true;
      queue.machine = 'IDLE';
    }
    if (rc === RC_NORMAL || rc === RC_NO_PENDING_REPLY) {
      return queue.interrupts ? 'none' : 'low';
    }
    this.fail(queue, rc);
    return 'none';
  }

  /** ap_sm_assoc_wait. */
  #associationWait(queue: ApQueue): Next {
    const test = this.#bus.partition.tapq(queue.apqn);
    const rc = responseCode(test.status);
    queue.seBindState = (test.gr2High >>> 14) & 3;
    if (rc <= RC_BUSY && queue.seBindState === 0) {
      queue.machine = 'IDLE';
      return 'none';
    }
    if (rc <= RC_BUSY && queue.seBindState === 1) return 'low';
    queue.associationIndex = null;
    this.fail(queue, rc);
    return 'none';
  }

  /** Waits for an association to finish. */
  awaitAssociation(queue: ApQueue): void {
    queue.machine = 'ASSOC_WAIT';
    this.#wait(queue);
  }

  /** Scan step 6: transitions of an existing queue's checkstop and config bits. */
  transition(queue: ApQueue, checkstop: boolean, deconfigured: boolean): 'config' | undefined {
    const live = queue.state !== 'UNINITIATED';
    if (checkstop !== queue.checkstop) {
      queue.checkstop = checkstop;
      if (checkstop) {
        if (live) this.fail(queue, RC_CHECKSTOPPED);
        this.flush(queue);
      } else if (live) this.init(queue);
      return undefined;
    }
    if (deconfigured === queue.config) {
      queue.config = !deconfigured;
      if (deconfigured) {
        if (live) this.fail(queue, RC_DECONFIGURED);
        this.flush(queue);
      } else if (live) this.init(queue);
      return 'config';
    }
    if (queue.state === 'ERROR' && queue.config && !queue.checkstop) {
      this.flush(queue);
      this.init(queue);
    }
    return undefined;
  }
}
