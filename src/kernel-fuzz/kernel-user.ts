// SPDX-License-Identifier: Apache-2.0
// The user of a kernel under test: requests to its crypto devices, files of sysfs, signals; and what became of each.
// Source: docs/design.md section 10.
import { getSystemErrorName } from 'node:util';
import { sameBytes } from '../cex/messages/bytes.ts';
import type { MachineConfig } from '../config/types.ts';
import type { RequestKind, UserEvent } from '../program/events.ts';
import type { EndingFact, RequestFact } from '../target/outcome.ts';
import type { OrderResult } from './agent/agent.ts';
import { type Block, OPEN, open, read, type SystemCall, write } from './agent/orders.ts';
import type { KernelGuest } from './kernel-guest.ts';
import { requestsOf, type UserRequest } from './requests.ts';

/** The device that chooses a queue itself. */
const ANY_NODE = '/dev/z90crypt';
/** Requests of one event: there are fewer processes. */
const COUNT_MAX = 12;
const SYSFS_BYTES = 4096;

/** `ENODEV`; 0 is no error. */
const errorName = (errno: number): string => {
  try {
    return getSystemErrorName(-errno);
  } catch {
    return `errno ${errno}`;
  }
};

interface Stock {
  readonly apqn: number;
  readonly requests: readonly UserRequest[];
}

export class KernelUser {
  facts: RequestFact[] = [];
  /** Replies were changed in ways nobody notices: results say nothing. */
  blind = false;
  /** Of this guest. */
  guest: KernelGuest;
  /** Time since the kept moment. */
  now: () => number = () => 0;
  #open = 0;
  #errands = 0;
  readonly #stocks: readonly Stock[];
  /** What healthy queues answered, where nothing else tells what is right. */
  readonly #golden = new Map<UserRequest, Uint8Array>();

  constructor(guest: KernelGuest, config: MachineConfig, queues: readonly number[], seed: number) {
    this.guest = guest;
    this.#stocks = queues
      .map((apqn) => {
        const mode = config.machine.adapters.get(apqn >>> 8)?.mode ?? 'loopback';
        return { apqn, requests: requestsOf(mode, apqn, seed) };
      })
      .filter(({ requests }) => requests.length > 0);
  }

  /** Requests that have not ended. */
  get open(): number {
    return this.#open;
  }

  /** Files that are still being read or written. */
  get errands(): number {
    return this.#errands;
  }

  /** Queues something can be asked of. */
  get queues(): readonly number[] {
    return this.#stocks.map(({ apqn }) => apqn);
  }

  reset(): void {
    this.facts = [];
    this.blind = false;
    this.#open = 0;
    this.#errands = 0;
  }

  act(event: UserEvent): void {
    switch (event.kind) {
      case 'request':
        for (let n = 0; n < Math.min(event.count, COUNT_MAX); n++)
          this.request(event.apqn, event.what, false);
        return;
      case 'write':
        this.write(event.file, event.text);
        return;
      case 'read':
        this.#errand([open(event.file, OPEN.read), read({ bytes: new Uint8Array(SYSFS_BYTES) })]);
        return;
      case 'signal':
        this.guest.agent.signal();
    }
  }

  write(file: string, text: string, ended?: (errno: number) => void): void {
    this.#errand([open(file, OPEN.write), write(text)], ({ errno }) => ended?.(errno));
  }

  /** Writes files one after the other; what is refused is refused. */
  writeAll(files: readonly { readonly file: string; readonly text: string }[]): void {
    const calls = files.flatMap(({ file, text }) => [open(file, OPEN.write), write(text)]);
    this.#errand(calls.map((call) => ({ ...call, goesOn: true })));
  }

  /** The text of a file; undefined: it cannot be read. */
  read(file: string, ended: (text: string | undefined) => void): void {
    const into: Block = { bytes: new Uint8Array(SYSFS_BYTES) };
    this.#errand([open(file, OPEN.read), read(into)], ({ errno, value, bytes }, places) => {
      const at = places.get(into) ?? 0;
      ended(errno === 0 ? bytes.toString('latin1', at, at + value) : undefined);
    });
  }

  /** One request; a queue or kind that is not named, or that cannot be, is chosen in turn. */
  request(
    apqn: number | undefined,
    what: RequestKind | undefined,
    probe: boolean,
  ): RequestFact | undefined {
    const id = this.facts.length + 1;
    const stock =
      this.#stocks.find((one) => one.apqn === apqn) ?? this.#stocks[id % this.#stocks.length];
    if (stock === undefined) return undefined;
    const fitting = stock.requests.filter(({ kind }) => kind === what);
    const choice = fitting.length > 0 ? fitting : stock.requests;
    const request = choice[id % choice.length] as UserRequest;
    const { kind } = request;
    const target = apqn === undefined ? undefined : stock.apqn;
    const endings: EndingFact[] = [];
    const fact: RequestFact = {
      id,
      apqn: target,
      kind,
      atNs: this.now(),
      probe,
      overdue: false,
      endings,
    };
    this.facts.push(fact);
    this.#open++;
    const node = (target === undefined ? undefined : this.guest.nodes.get(target)) ?? ANY_NODE;
    this.guest.agent.perform(request.calls(node), (result, order) => {
      if (endings.length === 0) this.#open--;
      const error = result.errno === 0 ? undefined : errorName(result.errno);
      const output = request.output(result, order);
      const wrong = error === undefined && !this.blind ? this.#judge(request, output) : undefined;
      endings.push({ atNs: this.now(), error, wrong });
    });
    return fact;
  }

  /** Each request of each queue once, of healthy hardware: what is answered is right. */
  learn(): void {
    for (const { apqn, requests } of this.#stocks)
      for (const request of requests) {
        const fact: RequestFact = {
          id: this.facts.length + 1,
          apqn,
          kind: request.kind,
          atNs: 0,
          probe: true,
          overdue: false,
          endings: [],
        };
        this.facts.push(fact);
        this.#open++;
        this.guest.agent.perform(
          request.calls(this.guest.nodes.get(apqn) ?? ANY_NODE),
          (result, order) => {
            this.#open--;
            const output = request.output(result, order);
            const error = result.errno === 0 ? undefined : errorName(result.errno);
            if (error === undefined && request.expected === undefined)
              this.#golden.set(request, output);
            const wrong = error === undefined ? this.#judge(request, output) : undefined;
            fact.endings.push({ atNs: this.now(), error, wrong });
          },
        );
      }
  }

  markOverdue(): void {
    for (const fact of this.facts) fact.overdue = fact.endings.length === 0;
  }

  #judge(request: UserRequest, output: Uint8Array): string | undefined {
    const right = request.expected ?? this.#golden.get(request);
    if (right === undefined || sameBytes(right, output)) return undefined;
    return request.expected === undefined
      ? 'the answer is not the one a healthy queue gave'
      : 'the RSA result is wrong';
  }

  #errand(
    calls: readonly SystemCall[],
    ended: (result: OrderResult, places: ReadonlyMap<Block, number>) => void = () => {},
  ): void {
    this.#errands++;
    this.guest.agent.perform(calls, (result, { places }) => {
      this.#errands--;
      ended(result, places);
    });
  }
}
