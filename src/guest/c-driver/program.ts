// SPDX-License-Identifier: Apache-2.0
// A driver in C as a guest program with the contract of a driver under test. One vCPU runs it. Its state is the instance itself, which is
// remembered and put back as a whole.
// Source: docs/c-drivers.md.
import { ApemuError } from '../../errors.ts';
import { type Cpu, WAIT_DONE, WAIT_INTERRUPTION, type Wait } from '../cpu.ts';
import type { DriverEnding, DriverProgram, DriverRequest, QueueBelief } from '../driver.ts';
import { DriverInstance } from './driver-instance.ts';
import { CONTRACT_VERSION, type DriverModule, textAt } from './driver-module.ts';

/** Number of bytes that the user has for a reply. */
const REPLY_MAX = 0x3000;
const ANY_QUEUE = -1;
/** Values of `enum ap_belief`. */
const BELIEFS: readonly QueueBelief[] = ['ready', 'full', 'reset', 'gone'];
/** What ap.c allocates for requests. It is reported as requests and not as memory. */
const REQUEST_PLACES = ['a request', 'the message of a request'];
/** An empty list for the many steps in which no request ends. */
const NONE: readonly DriverEnding[] = [];
/** Number of places at which memory that is still held is reported. */
const HELD_MAX = 1000;

/** What the driver's user wants done before its next step. */
type Wish =
  | { readonly kind: 'submit'; readonly request: DriverRequest }
  | { readonly kind: 'close' }
  | { readonly kind: 'scan' };

/** The state of a driver that runs on its vCPU. */
export class DriverState {
  readonly instance: DriverInstance;
  #started = false;
  #closed = false;
  #wishes: Wish[] = [];

  constructor(instance: DriverInstance) {
    this.instance = instance;
  }

  wish(wish: Wish): void {
    this.#wishes.push(wish);
  }

  /** Starts the driver, tells it what its user wants, and lets it run. */
  step(cpu: Cpu): Wait {
    const { instance } = this;
    if (!this.#started) this.#start(cpu);
    for (const wish of this.#wishes.splice(0)) this.#grant(wish);
    const wait = instance.call('apemu_step');
    const over = this.#closed && wait === WAIT_INTERRUPTION && instance.requests === 0;
    return over ? WAIT_DONE : wait;
  }

  keep(): () => void {
    const { instance } = this;
    const [started, closed, wishes] = [this.#started, this.#closed, [...this.#wishes]];
    const putBack = instance.keep();
    return () => {
      this.#started = started;
      this.#closed = closed;
      this.#wishes = [...wishes];
      putBack();
    };
  }

  #start(cpu: Cpu): void {
    const { instance } = this;
    if (cpu.bringStorage === undefined)
      throw new Error('this vCPU takes no storage from its program (expected one of a machine)');
    instance.use(cpu);
    cpu.bringStorage(instance.memory);
    const version = instance.call('apemu_version');
    if (version !== CONTRACT_VERSION)
      throw new Error(
        `${instance.module.name} was built with version ${version} of ap.h (expected ${CONTRACT_VERSION}: build it again)`,
      );
    this.#started = true;
    instance.call('apemu_start');
  }

  #grant(wish: Wish): void {
    const { instance } = this;
    if (wish.kind === 'scan') instance.call('apemu_scan');
    if (wish.kind === 'close') {
      this.#closed = true;
      instance.call('apemu_close');
    }
    if (wish.kind === 'submit') this.#submit(wish.request);
  }

  #submit({ id, apqn, message }: DriverRequest): void {
    const { instance } = this;
    if (this.#closed) {
      instance.ended.push({ id, error: 'ENODEV' });
      return;
    }
    const at =
      instance.call('apemu_request', id, apqn ?? ANY_QUEUE, message.length, REPLY_MAX) >>> 0;
    if (at === 0) {
      instance.ended.push({ id, error: 'ENOMEM' });
      return;
    }
    instance.memory.set(message, instance.word(at + R_MESSAGE));
    instance.call('apemu_submit', at);
  }

  /** What the driver holds, by name; for memory by the line that allocated it. */
  held(): Record<string, number> {
    const { instance } = this;
    instance.call('apemu_check');
    const held: Record<string, number> = { requests: instance.requests, timers: instance.timers };
    for (let n = 0; n < HELD_MAX; n++) {
      const at = instance.call('apemu_held', n);
      if (at === 0) break;
      const place = textAt(instance.memory, at);
      if (REQUEST_PLACES.includes(place)) continue;
      const name = `allocation of ${place}`;
      held[name] = (held[name] ?? 0) + 1;
    }
    return held;
  }
}

/** Byte offset of `message` in `struct ap_request`. */
const R_MESSAGE = 8;

/**
 * The program of a module. `first` is the instance that its first start uses, whose counters the caller reads. Its `init` throws
 * ApemuError `APEMU_ERR_DRIVER_VCPU` for any vCPU but the first.
 */
export const cDriver = (
  module: DriverModule,
  first = new DriverInstance(module),
): DriverProgram<DriverState> => {
  let unused: DriverInstance | undefined = first;
  return {
    name: module.name,
    init: ({ vcpu }) => {
      if (typeof vcpu === 'number' && vcpu > 0)
        throw new ApemuError(
          'APEMU_ERR_DRIVER_VCPU',
          `${module.name} runs on one vCPU (expected a guest without everyVcpu)`,
        );
      const state = new DriverState(unused ?? new DriverInstance(module));
      unused = undefined;
      return state;
    },
    step: (cpu, state) => state.step(cpu),
    submit: (_cpu, state, request) => state.wish({ kind: 'submit', request }),
    close: (_cpu, state) => state.wish({ kind: 'close' }),
    scan: (_cpu, state) => state.wish({ kind: 'scan' }),
    endings: ({ instance }) => (instance.ended.length === 0 ? NONE : instance.ended.splice(0)),
    gone: ({ instance }, apqn) => instance.call('apemu_gone', apqn) !== 0,
    believes: ({ instance }, apqn) => BELIEFS[instance.call('apemu_believes', apqn)] ?? 'ready',
    resources: (state) => state.held(),
    remember: (state) => state.keep(),
    place: ({ instance }) => instance.place(),
    log: ({ instance }) => instance.log,
  };
};
