// SPDX-License-Identifier: Apache-2.0
// A scenario at work on a stepped machine: counts executions, times and idle moments, and lets events happen.
// Source: docs/design.md section 10.

import { FC_QCI } from '../../native-like/arch/function-codes.ts';
import { FUNCTION_COUNT, FUNCTION_NQAP } from '../../native-like/arch/function-numbers.ts';
import { PSW_CC } from '../../native-like/arch/psw.ts';
import { K_OPEN_SLOT, V_GR, V_GUEST, V_PSW_MASK_HIGH } from '../../native-like/machine/layout.ts';
import { EXECUTE_COMPLETED } from '../../native-like/machine/outcome.ts';
import type { InstructionObserver } from '../host/context/execution-context.ts';
import type { Machine } from '../host/machine/machine.ts';
import type { Agenda } from '../host/machine/stepper.ts';
import type { ArmedFault } from '../lpar/armed-fault.ts';
import type { EventStatement } from '../program/ast.ts';
import {
  type InstructionEvent,
  type InterruptEvent,
  isUserEvent,
  type MessageEvent,
  type Occasion,
  type ScenarioEvent,
  type UserEvent,
} from '../program/events.ts';
import { HostActions } from './host-actions.ts';
import { apqnOf, functionNumber, functionOf } from './instruction.ts';
import { TouchedMessages } from './messages.ts';
import { guestNumber } from './names.ts';
import { isOccasion } from './occasions.ts';

/** What a scenario needs of the code that runs the guests' programs. */
export interface ScenarioHooks {
  /** Has the driver's user do something. */
  user(event: UserEvent): void;
  /** Drivers hear that the AP configuration may have changed. */
  scan(): void;
}

/** An event that has happened. */
export interface Fired {
  /** Its index in the scenario, and virtual time since that began. */
  readonly index: number;
  readonly atNs: number;
}

interface Counted {
  readonly index: number;
  /** Number of the guest, 0: any. APQN, -1: any. */
  readonly guest: number;
  readonly apqn: number;
  readonly occasion: Occasion;
  readonly event: ScenarioEvent;
  count: number;
}

interface Timed {
  readonly index: number;
  readonly timeNs: number;
  readonly event: ScenarioEvent;
}

/** More of one event are kept count of, not kept. */
const FIRED_MAX = 1000;

/** Runs scenarios on one machine, one after the other. */
export class ScenarioRun implements InstructionObserver, Agenda {
  /** Events that happened, in their order. */
  fired: Fired[] = [];
  readonly #machine: Machine;
  readonly #hooks: ScenarioHooks;
  readonly #messages: TouchedMessages;
  readonly #host: HostActions;
  readonly #fault: ArmedFault;
  readonly #on: Counted[][] = Array.from({ length: FUNCTION_COUNT }, () => []);
  #idle: Counted[] = [];
  #timed: Timed[] = [];
  /** What may not happen in the middle of a program's step. */
  readonly #deferred: Timed[] = [];
  /** Message events of the instruction that is being executed. */
  readonly #pending: (MessageEvent | InterruptEvent)[] = [];
  /** Response or condition code of the instruction that is about to be executed. */
  #code: InstructionEvent | undefined;
  #armed = false;
  #startNs = 0;

  constructor(machine: Machine, hooks: ScenarioHooks) {
    this.#machine = machine;
    this.#hooks = hooks;
    this.#messages = new TouchedMessages(machine);
    this.#host = new HostActions(machine, () => hooks.scan());
    this.#fault = machine.faults.reserve();
  }

  /** Whether anything is still to happen by itself. */
  get outstanding(): boolean {
    return this.nextNs() !== Number.POSITIVE_INFINITY;
  }

  /**
   * A scenario begins now.
   * @throws ApemuError `APEMU_ERR_SCENARIO_GUEST` for a guest the machine does not have
   */
  begin(events: readonly EventStatement[]): void {
    this.end();
    this.fired = [];
    this.#startNs = this.#machine.nowNs();
    for (const [index, statement] of events.entries()) this.#enter(statement, index);
    this.#timed.sort((a, b) => a.timeNs - b.timeNs || a.index - b.index);
  }

  /** Nothing more happens; what has happened stays. */
  end(): void {
    for (const list of this.#on) list.length = 0;
    this.#idle = [];
    this.#timed = [];
    this.#deferred.length = 0;
    this.#pending.length = 0;
    this.#code = undefined;
    if (this.#armed) this.#fault.disarm();
    this.#armed = false;
  }

  /** The machine has been taken back to an earlier moment: what is kept about its messages and operators is void. */
  reset(): void {
    this.end();
    this.#messages.reset();
    this.#host.reset();
  }

  #enter({ trigger, event }: EventStatement, index: number): void {
    switch (trigger.kind) {
      case 'start':
        this.#timed.push({ index, timeNs: this.#startNs, event });
        return;
      case 'at':
        this.#timed.push({ index, timeNs: this.#startNs + trigger.timeNs, event });
        return;
      case 'idle':
        this.#idle.push({ index, guest: 0, apqn: -1, occasion: trigger.occasion, event, count: 0 });
        return;
      case 'on': {
        const { occasion } = trigger;
        const guest = trigger.guest === undefined ? 0 : guestNumber(this.#machine, trigger.guest);
        const apqn = trigger.apqn ?? -1;
        const counted: Counted = { index, guest, apqn, occasion, event, count: 0 };
        const fn = functionNumber(trigger.on);
        if (fn >= 0) this.#on[fn]?.push(counted);
        else for (const list of this.#on) list.push(counted);
      }
    }
  }

  before(vcpu: number, instruction: number): void {
    const { image } = this.#machine;
    const gr0 = image.word(vcpu + V_GR + 1);
    const fn = functionOf(instruction, gr0);
    if (fn < 0) return;
    this.#messages.settle();
    const list = this.#on[fn] as Counted[];
    if (list.length === 0) return;
    const guest = image.guestNumber(image.word(vcpu + V_GUEST));
    if (guest === 0) return;
    const apqn = fn === FC_QCI ? -1 : apqnOf(gr0);
    for (const counted of list) {
      if (counted.guest !== 0 && counted.guest !== guest) continue;
      if (counted.apqn >= 0 && counted.apqn !== apqn) continue;
      counted.count++;
      if (!isOccasion(counted.occasion, counted.count)) continue;
      this.#strike(counted, guest, apqn);
    }
    if (this.#code === undefined) return;
    // Last: what the host does at this instruction meets no fault that is meant for the guest.
    this.#fault.arm(image.queue(apqn), this.#code);
    this.#armed = true;
    this.#code = undefined;
  }

  /** An event happens at the instruction that is about to be executed. */
  #strike({ index, event }: Counted, guest: number, apqn: number): void {
    switch (event.kind) {
      case 'rc':
      case 'cc':
        if (apqn < 0) return;
        this.#code = event;
        break;
      case 'delay':
      case 'drop':
      case 'duplicate':
      case 'reorder':
      case 'reply':
      case 'field':
        this.#pending.push(event);
        break;
      case 'interrupt':
        if (event.how === 'spurious') this.#messages.spurious(guest);
        else this.#pending.push(event);
        break;
      case 'request':
      case 'close':
      case 'write':
      case 'read':
      case 'signal':
      case 'scan':
        this.#deferred.push({ index, timeNs: 0, event });
        return;
      default:
        this.#host.act(event);
    }
    this.#note(index);
  }

  executed(vcpu: number, instruction: number, ended: number): void {
    if (this.#armed) this.#disarm(vcpu, instruction);
    if (this.#pending.length === 0) return;
    const { image } = this.#machine;
    const gr0 = image.word(vcpu + V_GR + 1);
    const accepted =
      ended === EXECUTE_COMPLETED &&
      (image.word(vcpu + V_PSW_MASK_HIGH) & PSW_CC) === 0 &&
      functionOf(instruction, gr0) === FUNCTION_NQAP;
    if (accepted)
      for (const event of this.#pending) this.#messages.touch(image.queue(apqnOf(gr0)), event);
    this.#pending.length = 0;
  }

  /** A message of which the machine had taken parts when a response code ended its NQAP is not on the queue: it begins anew. */
  #disarm(vcpu: number, instruction: number): void {
    this.#fault.disarm();
    this.#armed = false;
    const { image } = this.#machine;
    if ((image.word(vcpu + V_PSW_MASK_HIGH) & PSW_CC) !== PSW_CC) return;
    if (functionOf(instruction, 0) !== FUNCTION_NQAP) return;
    image.i32[image.cold(image.queue(apqnOf(image.word(vcpu + V_GR + 1)))) + K_OPEN_SLOT] = 0;
  }

  nextNs(): number {
    if (this.#host.busy) return Number.POSITIVE_INFINITY;
    if (this.#deferred.length > 0) return this.#machine.nowNs();
    return Math.min(this.#timed[0]?.timeNs ?? Number.POSITIVE_INFINITY, this.#messages.nextNs());
  }

  happen(nowNs: number): void {
    this.#messages.happen(nowNs);
    for (const { index, event } of this.#deferred.splice(0)) this.#perform(index, event);
    while (this.#timed[0] !== undefined && this.#timed[0].timeNs <= nowNs) {
      const { index, event } = this.#timed.shift() as Timed;
      this.#perform(index, event);
    }
  }

  idle(): boolean {
    if (this.#host.busy) return false;
    let done = false;
    for (const counted of this.#idle) {
      counted.count++;
      if (!isOccasion(counted.occasion, counted.count)) continue;
      this.#perform(counted.index, counted.event);
      done = true;
    }
    return done;
  }

  /** An event happens between instructions. */
  #perform(index: number, event: ScenarioEvent): void {
    this.#note(index);
    if (isUserEvent(event)) this.#hooks.user(event);
    else if (event.kind !== 'interrupt') this.#host.act(event);
    else for (const { number } of this.#machine.guests) this.#messages.spurious(number);
  }

  #note(index: number): void {
    if (this.fired.length < FIRED_MAX)
      this.fired.push({ index, atNs: this.#machine.nowNs() - this.#startNs });
  }
}
