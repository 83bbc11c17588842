// SPDX-License-Identifier: Apache-2.0
// Looks at each instruction of a driver under test: coverage, budget, and the rules of the machine that a driver must keep.
// Source: docs/reference/ap-architecture.md sections 1.9 (token), 5.5 (notification byte first, then the queues).

import { FC_QCI } from '../../../native-like/arch/function-codes.ts';
import {
  FUNCTION_DQAP,
  FUNCTION_NAMES,
  FUNCTION_NQAP,
} from '../../../native-like/arch/function-numbers.ts';
import { PSW_CC, PSW_CC_SHIFT } from '../../../native-like/arch/psw.ts';
import { DQAP_START } from '../../../native-like/arch/registers.ts';
import {
  AP_RESPONSE_NO_PENDING_REPLY,
  AP_RESPONSE_NORMAL,
} from '../../../native-like/arch/response-codes.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
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
import type { EventStatement } from '../../program/ast.ts';
import { printStatement } from '../../program/print.ts';
import { apqnOf, functionOf } from '../../scenario/instruction.ts';
import type { Fired, ScenarioRun } from '../../scenario/scenario-run.ts';
import { NS_PER_SECOND } from '../../units.ts';
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
import type { CodePlace, InstructionFact, RequestFact } from '../outcome.ts';
import type { LogLine } from './driver-handle.ts';

/** Thrown through a driver that executes instructions without end. */
export class StormError extends Error {
  constructor() {
    super('instruction budget');
  }
}

/** A line of a trace before it is sorted. */
interface TraceLine {
  readonly atNs: number;
  readonly order: number;
  readonly text: string;
}

/** Response codes of a DQAP that has read its queue. */
const READ: ReadonlySet<number> = new Set([AP_RESPONSE_NORMAL, AP_RESPONSE_NO_PENDING_REPLY]);
const FACTS_MAX = 32;
/** Instructions of a trace; what a driver does for ever says nothing new. */
const TRACE_MAX = 2000;

export class DriverObserver implements InstructionObserver {
  readonly coverage = new ArchitectedCoverage();
  facts: InstructionFact[] = [];
  /** Instructions since the kept moment. */
  count = 0;
  /** What was done too often. */
  storm: string | undefined;
  /** What the driver believes of a queue, where it tells. */
  believes: ((apqn: number) => QueueBelief) | undefined;
  /** With a trace: where in the driver's code its instructions were, in their order. */
  places: CodePlace[] = [];
  #place: () => string | undefined = () => undefined;
  readonly #image: MachineImage;
  readonly #machine: Machine;
  readonly #scenario: ScenarioRun;
  readonly #perSecond: number;
  /** GR0 of the rest of a partly delivered reply, by APQN. */
  readonly #tokens = new Map<number, number>();
  #trace: TraceLine[] | undefined;
  #startNs = 0;
  #windowNs = 0;
  #inWindow = 0;
  #steps = 0;
  /** The instruction is a guest's. */
  #own = false;
  #fn = -1;
  #apqn = 0;
  #state = 0;
  /** Queue (cold record word index) that was polled last. */
  #polled = 0;
  /** Queues that were read last while the byte was set: if it is cleared now, a reply in between is lost. */
  readonly #readBefore = new Set<number>();

  /** `perSecond`: instructions and steps a driver may take in a second of virtual time. */
  constructor(machine: Machine, scenario: ScenarioRun, perSecond: number) {
    this.#machine = machine;
    this.#image = machine.image;
    this.#scenario = scenario;
    this.#perSecond = perSecond;
  }

  /** A run begins now; `trace`: each instruction is taken down, with its place in the driver's code where `place` knows it. */
  begin(trace = false, place: () => string | undefined = () => undefined): void {
    this.#trace = trace ? [] : undefined;
    this.#place = place;
    this.places = [];
    this.coverage.reset();
    this.facts = [];
    this.count = 0;
    this.storm = undefined;
    this.#tokens.clear();
    this.#startNs = this.#machine.nowNs();
    this.#windowNs = this.#startNs;
    this.#inWindow = 0;
    this.#steps = 0;
    this.#readBefore.clear();
  }

  before(vcpu: number, instruction: number): void {
    this.#own = this.#image.word(vcpu + V_GUEST) !== this.#image.guest(0);
    if (!this.#own) return;
    if (this.storm !== undefined) throw new StormError();
    this.#count();
    this.#scenario.before(vcpu, instruction);
    const image = this.#image;
    const gr0 = image.word(vcpu + V_GR + 1);
    const fn = functionOf(instruction, gr0);
    this.#fn = fn;
    if (fn < 0 || fn === FC_QCI) return;
    const q = queueFor(image, image.word(vcpu + V_TRUE_MASKS), gr0);
    this.#apqn = apqnOf(gr0);
    this.#state = queueStateOf(image, q);
    if (fn === FUNCTION_DQAP) this.#beforeDqap(q, gr0);
    if (fn === FUNCTION_NQAP && this.believes !== undefined) this.#beforeNqap(this.believes);
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
    const ending = partial ? ENDING_CC1 + cc - 1 : endingOfCode(image.word(vcpu + V_GR + 3) >>> 16);
    this.coverage.meet(fn, ending, this.#state, this.#apqn);
    this.#trace?.push(this.#line(fn, ENDINGS[ending]));
    if (fn !== FUNCTION_DQAP) return;
    // A queue that answers with an error is not read for now: nothing on it can be overlooked.
    if (!partial && !READ.has(image.word(vcpu + V_GR + 3) >>> 16))
      this.#readBefore.delete(this.#apqn);
    if (partial && image.word(vcpu + V_GR + 5) !== 0)
      this.#tokens.set(this.#apqn, image.word(vcpu + V_GR + 1));
    else if (!partial) this.#tokens.delete(this.#apqn);
  }

  /** A step of the program has ended; `waits`: it has nothing to do now. */
  stepped(waits: boolean): void {
    this.#steps++;
    if (!waits || this.#readBefore.size === 0 || this.#notification() !== 0) return;
    for (const apqn of this.#readBefore) {
      if (!hasMessages(queueStateOf(this.#image, this.#image.queue(apqn)))) continue;
      this.#fn = FUNCTION_DQAP;
      this.#note('indicator', apqn, 'the notification byte was cleared after the queue was read');
      break;
    }
    this.#readBefore.clear();
  }

  /** The notification byte of the queue that was polled last. */
  #notification(): number {
    return this.#machine.context.notificationByte(this.#polled);
  }

  #count(): void {
    this.count++;
    this.#move();
    if (++this.#inWindow > this.#perSecond)
      this.storm = `more than ${this.#perSecond} AP instructions in a second of virtual time`;
  }

  /** Whether the program may take one more step: those without an instruction count too. */
  mayStep(): boolean {
    this.#move();
    if (this.#steps > this.#perSecond && this.storm === undefined)
      this.storm = `more than ${this.#perSecond} steps in a second of virtual time`;
    return this.storm === undefined;
  }

  /** A second is over: what was done in it counts no more. */
  #move(): void {
    const now = this.#machine.nowNs();
    if (now - this.#windowNs < NS_PER_SECOND) return;
    this.#windowNs = now;
    this.#inWindow = 0;
    this.#steps = 0;
  }

  #beforeDqap(q: number, gr0: number): void {
    this.#polled = this.#image.cold(q);
    if (this.#notification() !== 0) this.#readBefore.add(this.#apqn);
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

  #beforeNqap(believes: (apqn: number) => QueueBelief): void {
    const belief = believes(this.#apqn);
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

  /** Everything that was taken down, in the order of time: instructions, events, requests and their endings. */
  lines(
    requests: readonly RequestFact[],
    fired: readonly Fired[],
    events: readonly EventStatement[],
    log: readonly LogLine[] = [],
  ): string[] {
    if (this.#trace === undefined) return [];
    const all = this.#trace.slice(0, TRACE_MAX);
    for (const { index, atNs } of fired) {
      const statement = events[index];
      if (statement !== undefined)
        all.push({
          atNs,
          order: 0,
          text: `event    ${printStatement({ ...statement, comment: undefined })}`,
        });
    }
    for (const { atNs, text } of log)
      if (atNs >= this.#startNs)
        all.push({ atNs: atNs - this.#startNs, order: 1, text: `log      ${text}` });
    for (const { id, kind, apqn, probe, atNs, endings } of requests) {
      const name = `${probe ? 'probe' : 'request'} ${id}`;
      const where = apqn === undefined ? '' : ` to ${formatApqn(apqn)}`;
      all.push({ atNs, order: 0, text: `user     ${name}: ${kind}${where}` });
      for (const ending of endings) {
        const how =
          ending.error ?? (ending.wrong === undefined ? 'a reply' : `a reply; ${ending.wrong}`);
        all.push({ atNs: ending.atNs, order: 2, text: `driver   ${name} ends with ${how}` });
      }
    }
    return all
      .toSorted((a, b) => a.atNs - b.atNs || a.order - b.order)
      .map(({ atNs, text }) => `${(atNs / 1e6).toFixed(3).padStart(12)} ms  ${text}`);
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
