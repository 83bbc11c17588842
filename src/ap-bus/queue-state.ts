// SPDX-License-Identifier: Apache-2.0
// The bus's own state machine of a queue (reset, set-up of interrupts, error), and the timer that polls the queues that have a driver.
// Source: docs/reference/ap-architecture.md section 2.2; vfio-ap.md section 3.4a (ap_queue.c: ap_sm_reset, ap_sm_reset_wait,
// ap_sm_setirq_wait, ap_queue_init_state, ap_queue_prepare_remove, ap_queue_remove; ap_bus.c: ap_wait, ap_tasklet_fn).
import { GR2_BS_MASK, GR2_BS_SHIFT } from '../../native-like/arch/registers.ts';
import {
  AP_RESPONSE_BUSY,
  AP_RESPONSE_CHECKSTOPPED,
  AP_RESPONSE_DECONFIGURED,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_OTHERWISE_CHANGED,
  AP_RESPONSE_RESET_IN_PROGRESS,
} from '../../native-like/arch/response-codes.ts';
import { AP_ISC } from '../../native-like/arch/sie.ts';
import { responseCode } from '../../native-like/arch/status-word.ts';
import type { PutBack } from '../lpar/remember.ts';
import type { ApBus } from './bus.ts';
import { noteBroken } from './debug-notes.ts';
import type { ApQueue } from './device.ts';
import { asyncError, irqEnabled } from './queue-status.ts';
import { tellSecure } from './uevents.ts';

/** poll_low_timeout: 25 Hz. */
const LOW_WAIT_NS = 40_000_000;
/** Shortest interval of the timer in nanoseconds. A choice. */
const SHORTEST_WAIT_NS = 50_000;
/** Address of the bus's local summary indicator, where the host's adapter interruptions are noted (VD-31). */
const HOST_NIB_ADDRESS = 0x1000;
const AQIC_ENABLE = 0x8000;
const RC_NO_PENDING_REPLY = 0x10;

/** What a step asks for, the most urgent first (enum ap_sm_wait). */
const WAITS = ['again', 'high', 'low', 'interrupt', 'none'] as const;
type Wait = (typeof WAITS)[number];

/** The timer as plain data. */
export interface PollTimer {
  /** Time at which the timer fires or last fired. The next expiry is counted from there. */
  readonly expiresNs: number;
  readonly running: boolean;
}

/** All queues of one bus. One timer polls all those that have a driver. */
export class QueueStateMachine {
  readonly #bus: ApBus;
  #expiresNs = 0;
  #timer: { cancel(): void } | null = null;

  constructor(bus: ApBus) {
    this.#bus = bus;
  }

  /** ap_queue_init_state: makes the queue operating, starts its reset, and polls it once. */
  init(queue: ApQueue): void {
    this.#initiate(queue);
    queue.lastErrorRc = 0;
    queue.associationIndex = null;
    this.poll(queue);
  }

  reset(queue: ApQueue): void {
    queue.machine = 'RESET_START';
    this.poll(queue);
  }

  /** Does one step of the state machine. */
  poll(queue: ApQueue): void {
    this.#wait(this.#event(queue));
  }

  /** ap_queue_message: counts the request. Returns false if the queue accepts none. The answer comes at once (VD-55). */
  request(queue: ApQueue): boolean {
    const taken = queue.state === 'OPERATING';
    if (taken) {
      queue.totalRequests++;
      queue.card.totalRequests++;
    }
    this.#wait(this.#eventLoop(queue));
    return taken;
  }

  /** Flushes the host's requests and accepts no more. */
  prepareRemove(queue: ApQueue): void {
    this.flush(queue);
    queue.state = 'SHUTDOWN';
  }

  /** Executes the bus's ZAPQ. The queue belongs to nobody afterwards. */
  remove(queue: ApQueue): void {
    this.#bus.partition.zapq(queue.apqn);
    queue.state = 'UNINITIATED';
  }

  #fail(queue: ApQueue, rc: number, isStep = true): void {
    if (isStep) noteBroken(this.#bus, queue, rc);
    queue.state = 'ERROR';
    queue.lastErrorRc = rc;
  }

  /** ap_flush_queue: ends the host's requests with EAGAIN. */
  flush(queue: ApQueue): void {
    queue.requestCount = 0;
    queue.pendingCount = 0;
  }

  awaitAssociation(queue: ApQueue): void {
    queue.machine = 'ASSOC_WAIT';
    this.poll(queue);
  }

  /** Write of poll_timeout: sets the timer to that time since boot. If the time has passed, the timer fires at once. */
  restart(pollTimeoutNs: number): void {
    this.#timer?.cancel();
    this.#arm(pollTimeoutNs);
  }

  timer(): PollTimer {
    return { expiresNs: this.#expiresNs, running: this.#timer !== null };
  }

  resume({ expiresNs, running }: PollTimer): void {
    this.#expiresNs = expiresNs;
    if (running) this.#arm(expiresNs);
  }

  /** Scan step 6: adapts an existing queue to changed checkstop and config bits. */
  transition(queue: ApQueue, checkstop: boolean, deconfigured: boolean): 'config' | undefined {
    if (checkstop !== queue.checkstop) {
      queue.checkstop = checkstop;
      if (checkstop) this.#off(queue, AP_RESPONSE_CHECKSTOPPED);
      else this.#returned(queue);
      return undefined;
    }
    if (deconfigured === queue.config) {
      queue.config = !deconfigured;
      if (deconfigured) this.#off(queue, AP_RESPONSE_DECONFIGURED);
      else this.#returned(queue);
      return 'config';
    }
    if (queue.state === 'ERROR' && !deconfigured) {
      this.flush(queue);
      this.init(queue);
    }
    return undefined;
  }

  #off(queue: ApQueue, rc: number): void {
    if (queue.state !== 'UNINITIATED') this.#fail(queue, rc, false);
    this.flush(queue);
  }

  /** Handles a queue that was off and has come back. 6.1 leaves it to the next poll. */
  #returned(queue: ApQueue): void {
    if (queue.state === 'UNINITIATED') return;
    if (this.#bus.switches.scanInitiatesQueues) this.init(queue);
    else this.#initiate(queue);
  }

  #initiate(queue: ApQueue): void {
    queue.state = 'OPERATING';
    queue.machine = 'RESET_START';
  }

  /** ap_tasklet_fn: does a step of every queue that has a driver. */
  #tick(): void {
    this.#timer = null;
    let urgent: Wait = 'none';
    for (const device of this.#bus.devices) {
      if (device.kind !== 'queue' || !device.polled) continue;
      const wait = this.#eventLoop(device);
      if (WAITS.indexOf(wait) < WAITS.indexOf(urgent)) urgent = wait;
    }
    this.#wait(urgent);
  }

  #eventLoop(queue: ApQueue): Wait {
    for (;;) {
      const wait = this.#event(queue);
      if (wait !== 'again') return wait;
    }
  }

  #event(queue: ApQueue): Wait {
    if (!queue.config || queue.checkstop || queue.state === 'UNINITIATED') return 'none';
    return this.#step(queue);
  }

  /** ap_wait: sets the timer, unless it runs already. */
  #wait(wait: Wait): void {
    if (wait === 'none') return;
    if ((wait === 'again' || wait === 'interrupt') && this.#bus.useInterrupts) return;
    if (this.#timer !== null) return;
    const { switches, pollTimeoutNs, timers } = this.#bus;
    const low = wait === 'low' && switches.lowFrequencyPolling;
    const intervalNs = low ? LOW_WAIT_NS : Math.max(pollTimeoutNs, SHORTEST_WAIT_NS);
    // hrtimer_forward_now: goes on by whole intervals since the last expiry.
    const intervals = Math.floor((timers.nowNs() - this.#expiresNs) / intervalNs) + 1;
    this.#arm(this.#expiresNs + Math.max(0, intervals) * intervalNs);
  }

  #arm(expiresNs: number): void {
    this.#expiresNs = expiresNs;
    const delayNs = Math.max(0, expiresNs - this.#bus.timers.nowNs());
    this.#timer = this.#bus.timers.after(delayNs, () => this.#tick());
  }

  remember(): PutBack {
    const [timer, expiresNs] = [this.#timer, this.#expiresNs];
    return () => {
      this.#timer = timer;
      this.#expiresNs = expiresNs;
    };
  }

  #step(queue: ApQueue): Wait {
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

  #reset(queue: ApQueue): Wait {
    const status = this.#bus.partition.rapq(queue.apqn, queue.resetWithF);
    const rc = responseCode(status);
    if (asyncError(status) && this.#bus.switches.scanInitiatesQueues) return 'none';
    if (rc === AP_RESPONSE_NORMAL || rc === AP_RESPONSE_RESET_IN_PROGRESS) {
      queue.machine = 'RESET_WAIT';
      queue.resetWithF = false;
      queue.interrupts = false;
      return 'low';
    }
    this.#fail(queue, rc);
    return 'none';
  }

  #resetWait(queue: ApQueue): Wait {
    const test = this.#bus.partition.tapq(queue.apqn);
    const rc = responseCode(test.status);
    if (rc === AP_RESPONSE_RESET_IN_PROGRESS || rc === AP_RESPONSE_BUSY) return 'low';
    if (rc !== AP_RESPONSE_NORMAL) {
      this.#fail(queue, rc);
      return 'none';
    }
    queue.seBindState = (test.gr2High & GR2_BS_MASK) >>> GR2_BS_SHIFT;
    queue.machine = this.#bus.useInterrupts && this.#enable(queue) ? 'SETIRQ_WAIT' : 'IDLE';
    return 'again';
  }

  #enable(queue: ApQueue): boolean {
    const status = this.#bus.partition.aqic(queue.apqn, AQIC_ENABLE, AP_ISC, HOST_NIB_ADDRESS);
    const rc = responseCode(status);
    if (asyncError(status)) return false;
    if (rc === AP_RESPONSE_NORMAL || rc === AP_RESPONSE_OTHERWISE_CHANGED) return true;
    if (rc !== AP_RESPONSE_RESET_IN_PROGRESS && rc !== AP_RESPONSE_BUSY) {
      const text = `ap: Registering adapter interrupts for AP device ${queue.name} failed`;
      this.#bus.journal.write('kernel', 'warn', text);
    }
    return false;
  }

  #setIrqWait(queue: ApQueue): Wait {
    const { status } = this.#bus.partition.tapq(queue.apqn);
    const rc = responseCode(status);
    if (irqEnabled(status)) {
      queue.interrupts = true;
      queue.machine = 'IDLE';
    }
    if (rc === AP_RESPONSE_NORMAL || rc === RC_NO_PENDING_REPLY) return 'low';
    this.#fail(queue, rc);
    return 'none';
  }

  #associationWait(queue: ApQueue): Wait {
    const test = this.#bus.partition.tapq(queue.apqn);
    const rc = responseCode(test.status);
    if ((asyncError(test.status) && rc !== AP_RESPONSE_NORMAL) || rc > AP_RESPONSE_BUSY) {
      this.#fail(queue, rc);
      return 'none';
    }
    queue.seBindState = (test.gr2High & GR2_BS_MASK) >>> GR2_BS_SHIFT;
    if (queue.seBindState === 1) return 'low';
    if (queue.seBindState === 0) {
      queue.machine = 'IDLE';
      if (queue.associationIndex !== null) tellSecure(this.#bus, queue, 'SE_ASSOC');
      return 'none';
    }
    queue.associationIndex = null;
    this.#fail(queue, rc);
    return 'none';
  }
}
