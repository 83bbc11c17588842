// SPDX-License-Identifier: Apache-2.0
// The user of a kernel under test: makes requests to its crypto devices, uses files of sysfs, sends signals, and keeps what becomes of
// each.
// Source: docs/design.md section 10.
import { getSystemErrorName } from 'node:util';
import type { MachineConfig } from '../config/types.ts';
import { formatApqn } from '../config/units.ts';
import type { RequestKind, UserEvent } from '../program/events.ts';
import type { EndingFact, RequestFact } from '../target/outcome.ts';
import type { OrderResult } from './agent/agent.ts';
import { type Block, OPEN, open, read, type SystemCall, write } from './agent/orders.ts';
import { HealthyAnswers } from './healthy-answers.ts';
import type { KernelGuest } from './kernel-guest.ts';
import { ownRequests } from './own-requests.ts';
import { requestsOf, type UserRequest } from './requests.ts';
import { requestCountOf } from './sysfs-files.ts';

/** The device node for which the kernel chooses a queue. */
const ANY_NODE = '/dev/z90crypt';
/** Highest number of requests of one event. There are fewer processes than that. */
const COUNT_MAX = 12;
const SYSFS_BYTES = 4096;
/** Number of bytes that are read of a file with a number. */
const NUMBER_BYTES = 64;
/** Number of files for which one order has room. */
const FILES_OF_ORDER = 48;

/** Name of an errno, such as `ENODEV`; 0 is no error. */
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
  /** Whether replies were changed in ways that nobody can notice, so that results mean nothing. */
  blind = false;
  /** The guest that it uses now. */
  guest: KernelGuest;
  /** Returns the time since the kept moment in nanoseconds. */
  now: () => number = () => 0;
  /** For each queue, the number of requests that it had been given at the moment. */
  readonly counted = new Map<number, number>();
  #open = 0;
  /** Work with files that is under way, in words. */
  readonly #files = new Set<{ readonly doing: string }>();
  readonly #stocks: readonly Stock[];
  readonly #healthy = new HealthyAnswers();

  constructor(guest: KernelGuest, config: MachineConfig, queues: readonly number[], seed: number) {
    this.guest = guest;
    this.#stocks = queues
      .map((apqn) => {
        const mode = config.machine.adapters.get(apqn >>> 8)?.mode ?? 'loopback';
        return { apqn, requests: requestsOf(mode, apqn, seed) };
      })
      .filter(({ requests }) => requests.length > 0)
      .map(({ apqn, requests }) => ({ apqn, requests: [...requests, ...ownRequests()] }));
  }

  /** Number of requests that have not ended. */
  get open(): number {
    return this.#open;
  }

  /** Number of files that are still being read or written. */
  get errands(): number {
    return this.#files.size;
  }

  /** Queues of which something can be requested. */
  get queues(): readonly number[] {
    return this.#stocks.map(({ apqn }) => apqn);
  }

  reset(): void {
    this.facts = [];
    this.blind = false;
    this.#open = 0;
    this.#files.clear();
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
        this.#read(event.file);
        return;
      case 'signal':
        this.guest.agent.signal();
    }
  }

  write(file: string, text: string, ended?: (errno: number) => void): void {
    const calls = [open(file, OPEN.write), write(text)];
    this.#errand(`a write of ${text} to ${file}`, calls, ({ errno }) => ended?.(errno));
  }

  /** Writes files one after the other. Refused writes are no error. */
  writeAll(files: readonly { readonly file: string; readonly text: string }[]): void {
    const some = files.slice(0, FILES_OF_ORDER);
    const calls = some.flatMap(({ file, text }) => [open(file, OPEN.write), write(text)]);
    const rest = files.slice(FILES_OF_ORDER);
    this.#errand(
      `writes to ${some[0]?.file} and others`,
      calls.map((call) => ({ ...call, goesOn: true })),
      () => {
        if (rest.length > 0) this.writeAll(rest);
      },
    );
  }

  /** Reads a file and ignores its contents. */
  #read(file: string): void {
    const into: Block = { bytes: new Uint8Array(SYSFS_BYTES) };
    this.#errand(`a read of ${file}`, [open(file, OPEN.read), read(into)]);
  }

  /** Reads the numbers at the beginning of files. A file that cannot be read, or has no number, is left out. */
  readNumbers(files: readonly string[], told: (file: string, number: number) => void): void {
    for (let at = 0; at < files.length; at += FILES_OF_ORDER) {
      const some = files.slice(at, at + FILES_OF_ORDER);
      const blocks: Block[] = some.map(() => ({ bytes: new Uint8Array(NUMBER_BYTES) }));
      const calls = some.flatMap((file, n) => [open(file, OPEN.read), read(blocks[n])]);
      this.#errand(
        `reads of ${some[0]} and others`,
        calls.map((call) => ({ ...call, goesOn: true })),
        ({ bytes }, places) => {
          for (const [n, file] of some.entries()) {
            const from = places.get(blocks[n]) ?? 0;
            const text = bytes.toString('latin1', from, from + NUMBER_BYTES);
            const number = Number.parseInt(text, 10);
            if (!Number.isNaN(number)) told(file, number);
          }
        },
      );
    }
  }

  /** Makes one request. A queue or kind that is not named, or that is not possible, is chosen in turn. */
  request(
    apqn: number | undefined,
    what: RequestKind | undefined,
    probe: boolean,
  ): RequestFact | undefined {
    const id = this.facts.length + 1;
    const stock =
      this.#stocks.find((one) => one.apqn === apqn) ?? this.#stocks[id % this.#stocks.length];
    if (stock === undefined) return undefined;
    const possible = stock.requests.filter(({ local }) => !probe || local !== true);
    const fitting = possible.filter(({ kind }) => kind === what);
    const choice = fitting.length > 0 ? fitting : possible;
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
    const node =
      (target === undefined ? undefined : this.guest.prepared.nodes.get(target)) ?? ANY_NODE;
    const doing = `request ${id} (${kind} to ${target === undefined ? 'any queue' : formatApqn(target)})`;
    this.guest.agent.perform(doing, request.calls(node), (result, order) => {
      if (endings.length === 0) this.#open--;
      const error = result.errno === 0 ? undefined : errorName(result.errno);
      const output = request.output(result, order);
      const judged = error === undefined && !this.blind;
      const chosen = target === undefined;
      const wrong = judged ? this.#healthy.judge(request, output, chosen) : undefined;
      endings.push({ atNs: this.now(), error, wrong });
    });
    return fact;
  }

  /** Asks for the present counts of the queues. */
  count(): void {
    const files = new Map(this.queues.map((apqn) => [requestCountOf(apqn), apqn]));
    this.readNumbers([...files.keys()], (file, count) => {
      this.counted.set(files.get(file) ?? 0, count);
    });
  }

  /** Makes each request of each queue once, with healthy hardware. The answers are taken for right. */
  learn(): void {
    for (const { apqn, requests } of this.#stocks)
      for (const request of requests.filter(({ local }) => local !== true)) {
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
          request.kind,
          request.calls(this.guest.prepared.nodes.get(apqn) ?? ANY_NODE),
          (result, order) => {
            this.#open--;
            const output = request.output(result, order);
            const error = result.errno === 0 ? undefined : errorName(result.errno);
            if (error === undefined) this.#healthy.learn(request, output);
            const wrong =
              error === undefined ? this.#healthy.judge(request, output, false) : undefined;
            fact.endings.push({ atNs: this.now(), error, wrong });
          },
        );
      }
  }

  /**
   * Marks all that is open now as overdue, even if something that is requested later should end it. Returns the files that are still
   * being read or written.
   */
  markOverdue(): readonly string[] {
    for (const fact of this.facts) fact.overdue ||= fact.endings.length === 0;
    return [...this.#files].map(({ doing }) => doing);
  }

  #errand(
    doing: string,
    calls: readonly SystemCall[],
    ended: (result: OrderResult, places: ReadonlyMap<Block, number>) => void = () => {},
  ): void {
    const errand = { doing };
    this.#files.add(errand);
    this.guest.agent.perform(doing, calls, (result, { places }) => {
      ended(result, places);
      this.#files.delete(errand);
    });
  }
}
