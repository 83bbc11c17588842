// SPDX-License-Identifier: Apache-2.0
// Looks at each instruction of a driver under test, for coverage, budget, and the rules of the machine that a driver must keep.
// Source: docs/reference/ap-architecture.md sections 1.9 (token), 5.5 (notification byte first, then the queues).
import { FC_QCI, FC_RAPQ, FC_ZAPQ } from '../../../native-like/arch/function-codes.ts';
import {
  FUNCTION_DQAP,
  FUNCTION_NAMES,
  FUNCTION_NQAP,
} from '../../../native-like/arch/function-numbers.ts';
import { PSW_CC, PSW_CC_SHIFT } from '../../../native-like/arch/psw.ts';
import { DQAP_START } from '../../../native-like/arch/registers.ts';
import { AP_RESPONSE_NO_PENDING_REPLY } from '../../../native-like/arch/response-codes.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  K_NIB_BYTE,
  K_NOTIFY_GUEST,
  V_EXIT,
  V_GR,
  V_GUEST,
  V_PSW_MASK_HIGH,
  V_TRUE_MASKS,
} from '../../../native-like/machine/layout.ts';
import { EXECUTE_COMPLETED } from '../../../native-like/machine/outcome.ts';
import { formatApqn } from '../../config/units.ts';
import type { QueueBelief } from '../../guest/driver.ts';
import type { InstructionObserver } from '../../host/context/execution-context.ts';
import type { Machine } from '../../host/machine/machine.ts';
import { apqnOf, functionOf } from '../../scenario/instruction.ts';
import type { ScenarioRun } from '../../scenario/scenario-run.ts';
import {
  ArchitectedCoverage,
  ENDING_CC1,
  ENDING_PROGRAM,
  ENDINGS,
  endingOfCode,
  hasMessages,
  QUEUE_STATES,
  queueFor,
  queueStateOf,
} from '../architected.ts';
import { spoilBehind } from '../behind-reply.ts';
import type { CodePlace, InstructionFact } from '../outcome.ts';
import { Executions } from '../seen.ts';
import { Budget, StormError } from './budget.ts';
import { endingOf, operandsOf, PartialMessages } from './operands.ts';
import { type TraceFacts, type TraceLine, traceLines } from './trace-lines.ts';

const FACTS_MAX = 32;
/** Number of instructions in a trace. What a driver does for ever shows nothing new. */
const TRACE_MAX = 2000;

export class DriverObserver implements InstructionObserver {
  readonly coverage = new ArchitectedCoverage();
  readonly executions = new Executions();
  facts: InstructionFact[] = [];
  /** Number of instructions since the kept moment. */
  count = 0;
  readonly budget: Budget;
  /** Whether events can still happen, so that executions are counted. */
  #counted = false;
  /** What the driver believes of a queue; undefined for a driver that does not tell. */
  believes: ((apqn: number) => QueueBelief) | undefined;
  /** With a trace: where in the driver's code its instructions were, in their order. */
  places: CodePlace[] = [];
  #place: () => string | undefined = () => undefined;
  readonly #image: MachineImage;
  readonly #machine: Machine;
  readonly #scenario: ScenarioRun;
  readonly #partial = new PartialMessages();
  /**
   * Queues to which the driver has sent since their reset, with the number of replies it has not taken. Nobody waits for more replies
   * than these.
   */
  readonly #sentTo = new Map<number, number>();
  /** For each APQN, the GR0 that continues a partly delivered reply. */
  readonly #tokens = new Map<number, number>();
  #trace: TraceLine[] | undefined;
  #startNs = 0;
  /** Whether the instruction is one of the guest. */
  #own = false;
  #fn = -1;
  #apqn = 0;
  #state = 0;
  /**
   * Queues (their cold records) that were read last while their notification byte was set. If the byte is cleared now, a reply that came
   * in between is lost.
   */
  readonly #readBefore = new Map<number, number>();

  /** `perSecond` is the number of instructions and steps that a driver may take in a second of virtual time. */
  constructor(machine: Machine, scenario: ScenarioRun, perSecond: number) {
    this.#machine = machine;
    this.#image = machine.image;
    this.#scenario = scenario;
    this.budget = new Budget(() => machine.nowNs(), perSecond);
  }

  /** Begins a run. With `trace`, each instruction is written down, with its place in the driver's code if `place` knows it. */
  begin(trace = false, place: () => string | undefined = () => undefined): void {
    this.#trace = trace ? [] : undefined;
    this.#place = place;
    this.places = [];
    this.coverage.reset();
    this.executions.reset();
    this.#counted = true;
    this.facts = [];
    this.count = 0;
    this.budget.begin();
    this.#tokens.clear();
    this.#partial.reset();
    this.#sentTo.clear();
    this.#startNs = this.#machine.nowNs();
    this.#readBefore.clear();
  }

  /** Queues on which a closed driver has left messages for their next user. It is not the driver's fault if a reset it asked for failed. */
  leftOn(queues: readonly number[]): Record<string, number> {
    const hasAny = (apqn: number): boolean =>
      hasMessages(queueStateOf(this.#image, this.#image.queue(apqn)));
    const left = queues.filter((apqn) => this.#sentTo.has(apqn) && hasAny(apqn)).length;
    return left === 0 ? {} : { 'queues with messages on them': left };
  }

  /** Notes that no event will happen any more. */
  eventsEnd(): void {
    this.#counted = false;
  }

  before(vcpu: number, instruction: number): void {
    this.#own = this.#image.word(vcpu + V_GUEST) !== this.#image.guest(0);
    if (!this.#own) return;
    if (this.budget.storm !== undefined) throw new StormError();
    this.count++;
    this.budget.instruction();
    this.#scenario.before(vcpu, instruction);
    // This is set anew because events may have had the host execute instructions meanwhile.
    this.#own = true;
    const image = this.#image;
    const gr0 = image.word(vcpu + V_GR + 1);
    const fn = functionOf(instruction, gr0);
    this.#fn = fn;
    if (fn < 0 || fn === FC_QCI) return;
    const q = queueFor(image, image.word(vcpu + V_TRUE_MASKS), gr0);
    this.#apqn = apqnOf(gr0);
    this.#state = queueStateOf(image, q);
    if (this.#counted) this.executions.add(fn, this.#apqn, this.#state);
    if (fn === FUNCTION_DQAP) this.#beforeDqap(q, gr0, image.word(vcpu + V_GUEST));
    if (fn === FUNCTION_NQAP) this.#beforeNqap(vcpu, instruction);
  }

  executed(vcpu: number, instruction: number, ended: number): void {
    if (!this.#own) return;
    this.#scenario.executed(vcpu, instruction, ended);
    const fn = this.#fn;
    if (fn < 0) return;
    const image = this.#image;
    if (ended !== EXECUTE_COMPLETED) {
      this.#interrupted(vcpu, fn);
      return;
    }
    if (fn === FC_QCI) return;
    const cc = (image.word(vcpu + V_PSW_MASK_HIGH) & PSW_CC) >>> PSW_CC_SHIFT;
    const partial = cc === 1 || cc === 2;
    const ending = partial ? ENDING_CC1 + cc - 1 : endingOfCode(endingOf(image, vcpu));
    this.coverage.meet(fn, ending, this.#state, this.#apqn);
    this.#trace?.push(this.#line(fn, ENDINGS[ending]));
    if (fn === FUNCTION_DQAP || fn === FUNCTION_NQAP)
      this.#messageInstruction(vcpu, instruction, cc);
    else this.#otherInstruction(fn);
    if (fn !== FUNCTION_DQAP) return;
    if (partial && image.word(vcpu + V_GR + 5) !== 0)
      this.#tokens.set(this.#apqn, image.word(vcpu + V_GR + 1));
    else if (!partial) this.#tokens.delete(this.#apqn);
  }

  /** Handles instructions other than NQAP and DQAP: after them the queue is in other hands. */
  #otherInstruction(fn: number): void {
    this.#readBefore.delete(this.#apqn);
    if (fn !== FC_RAPQ && fn !== FC_ZAPQ) return;
    this.#partial.forget(this.#apqn);
    this.#sentTo.delete(this.#apqn);
  }

  #messageInstruction(vcpu: number, instruction: number, cc: number): void {
    const operands = operandsOf(this.#image, vcpu, instruction);
    if (this.#fn === FUNCTION_NQAP) {
      this.#partial.ended(this.#apqn, operands, cc);
      if (cc === 0) this.budget.sent();
      this.#sentTo.set(this.#apqn, this.#awaited + Number(cc === 0));
    } else if (cc === 0) {
      spoilBehind(this.#machine.context, vcpu, operands.address, operands.length);
      if (this.#awaited > 0) this.#sentTo.set(this.#apqn, this.#awaited - 1);
    }
    // A queue that is in trouble is not waited for.
    if (cc === 3 && endingOf(this.#image, vcpu) !== AP_RESPONSE_NO_PENDING_REPLY)
      this.#readBefore.delete(this.#apqn);
  }

  /** Number of replies that the driver waits for at the queue of this instruction. */
  get #awaited(): number {
    return this.#sentTo.get(this.#apqn) ?? 0;
  }

  /** Called when a step of the program has ended. `waits` tells that it has nothing to do now. */
  stepped(waits: boolean): void {
    this.budget.stepped();
    if (!waits || this.#readBefore.size === 0) return;
    for (const [apqn, cold] of this.#readBefore) {
      if (this.#machine.context.notificationByte(cold) !== 0) continue;
      this.#readBefore.delete(apqn);
      // Who has reset the queue meanwhile has taken its byte away.
      if (this.#image.word(cold + K_NIB_BYTE) === 0) continue;
      if ((this.#sentTo.get(apqn) ?? 0) === 0) continue;
      if (!hasMessages(queueStateOf(this.#image, this.#image.queue(apqn)))) continue;
      this.#fn = FUNCTION_DQAP;
      this.#note('indicator', apqn, 'the notification byte was cleared after the queue was read');
    }
  }

  #beforeDqap(q: number, gr0: number, guest: number): void {
    const cold = this.#image.cold(q);
    // A queue that was away may have the host's notification byte.
    const own = this.#image.word(cold + K_NOTIFY_GUEST) === guest;
    if (own && this.#machine.context.notificationByte(cold) !== 0)
      this.#readBefore.set(this.#apqn, cold);
    else this.#readBefore.delete(this.#apqn);
    if ((gr0 & DQAP_START) !== 0) return;
    const token = this.#tokens.get(this.#apqn);
    if (token === undefined)
      this.#note('token', this.#apqn, 'DQAP went on with a reply that was not begun');
    else if (token !== gr0) {
      const text = `DQAP went on with GR0 ${hex(gr0)}, the token was ${hex(token)}`;
      this.#note('token', this.#apqn, text);
    }
  }

  #beforeNqap(vcpu: number, instruction: number): void {
    if (this.#partial.abandons(this.#apqn, operandsOf(this.#image, vcpu, instruction)))
      this.#note(
        'partial',
        this.#apqn,
        'NQAP began another message while one was only partly taken',
      );
    const belief = this.believes?.(this.#apqn) ?? 'ready';
    if (belief === 'ready') return;
    this.#note('advice', this.#apqn, `NQAP to a queue the driver knows to be ${belief}`);
  }

  #interrupted(vcpu: number, fn: number): void {
    const code = hex(this.#image.word(vcpu + V_EXIT)).slice(-4);
    if (fn !== FC_QCI) this.coverage.meet(fn, ENDING_PROGRAM, this.#state, this.#apqn);
    const apqn = fn === FC_QCI ? 0 : this.#apqn;
    this.#note('program interruption', apqn, `program interruption ${code}`);
  }

  #line(fn: number, ending: string): TraceLine {
    const queue = `${formatApqn(this.#apqn)} (${QUEUE_STATES[this.#state]})`;
    const text = `${FUNCTION_NAMES[fn].padEnd(4)} ${queue.padEnd(22)} ${ending}`;
    const atNs = this.#machine.nowNs() - this.#startNs;
    const place = this.#place();
    if (place === undefined) return { atNs, order: 1, text };
    if (this.places.length < TRACE_MAX) this.places.push({ atNs, place });
    return { atNs, order: 1, text: `${text.padEnd(40)} ${place}` };
  }

  /** All lines that were written down, in the order of time. */
  lines(facts: Omit<TraceFacts, 'startNs'>): string[] {
    if (this.#trace === undefined) return [];
    return traceLines(this.#trace.slice(0, TRACE_MAX), { ...facts, startNs: this.#startNs });
  }

  #note(rule: InstructionFact['rule'], apqn: number, text: string): void {
    if (this.facts.length >= FACTS_MAX) return;
    const name = FUNCTION_NAMES[Math.max(0, this.#fn)];
    const where = this.#fn === FC_QCI ? text : `${text} (${name} ${formatApqn(apqn)})`;
    const atNs = this.#machine.nowNs() - this.#startNs;
    this.facts.push({ rule, text: where, function: name, apqn, atNs });
  }
}

const hex = (value: number): string => (value >>> 0).toString(16).toUpperCase().padStart(8, '0');
