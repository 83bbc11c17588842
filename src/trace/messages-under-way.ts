// SPDX-License-Identifier: Apache-2.0
// The life of messages, put together from a trace: accepted by NQAP, taken by an engine, ready, fetched by DQAP.
// Source: docs/reference/ap-architecture.md sections 1.8 and 1.9 (PSMID), messages.md section 7.2 (service).
import type { ServiceRecord, TraceRecord } from './record.ts';

/** A message of a queue. Times are the machine's, in nanoseconds. */
export interface Message {
  readonly number: number;
  readonly apqn: string;
  readonly psmid: string;
  /** The instruction that sent it; undefined if an adapter has taken it and no traced guest has sent it. */
  readonly sender: TraceRecord | undefined;
  readonly acceptedNs: number;
  /** Undefined: no adapter has taken it. */
  service?: ServiceRecord;
}

/** How a message ended. */
export type Ending = 'fetched' | 'flushed' | 'unanswered';

const keyOf = ({
  apqn,
  psmid,
}: {
  readonly apqn?: string | undefined;
  readonly psmid?: string | undefined;
}): string => `${apqn} ${psmid}`;

/** Lists by key, first in, first out. */
class Lists<T> {
  readonly #lists = new Map<string, T[]>();

  add(key: string, one: T): void {
    const list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, [one]);
    else list.push(one);
  }

  take(key: string): T | undefined {
    const list = this.#lists.get(key);
    const first = list?.shift();
    if (list?.length === 0) this.#lists.delete(key);
    return first;
  }

  first(key: string, is: (one: T) => boolean): T | undefined {
    return this.#lists.get(key)?.find(is);
  }

  /** Takes all elements for which `is` is true. */
  takeAll(is: (one: T) => boolean): T[] {
    const taken: T[] = [];
    for (const [key, list] of [...this.#lists]) {
      taken.push(...list.filter(is));
      const left = list.filter((one) => !is(one));
      if (left.length === 0) this.#lists.delete(key);
      else this.#lists.set(key, left);
    }
    return taken;
  }
}

export class MessagesUnderWay {
  readonly #open = new Lists<Message>();
  /** Requests that were taken before their NQAP is known: both come in one batch. */
  readonly #taken = new Lists<ServiceRecord>();
  #count = 0;

  /** Notes that an adapter has taken a request. */
  taken(service: ServiceRecord): void {
    const key = keyOf(service);
    const message = this.#open.first(key, (one) => one.service === undefined);
    if (message === undefined) this.#taken.add(key, service);
    else message.service = service;
  }

  /** Notes that an NQAP was accepted. */
  accepted(record: TraceRecord): Message {
    const { apqn = '', psmid = '' } = record;
    const key = keyOf(record);
    const service = this.#taken.take(key);
    const message: Message = {
      number: ++this.#count,
      apqn,
      psmid,
      sender: record,
      acceptedNs: record.timeNs,
      ...(service === undefined ? {} : { service }),
    };
    this.#open.add(key, message);
    return message;
  }

  /** DQAP has taken a reply; undefined: its message is not known (another part of a reply, or the trace has a gap). */
  fetched(record: TraceRecord): Message | undefined {
    return this.#open.take(keyOf(record));
  }

  /** All messages of queues that `lost` says have lost them. */
  flushed(lost: (apqn: string) => boolean): Message[] {
    return this.#open.takeAll(({ apqn }) => lost(apqn));
  }

  /**
   * Requests that adapters have taken and that nobody in the trace has sent. Those of virtual queues go to real ones with numbers of
   * their own.
   */
  strangers(): Message[] {
    return this.#taken
      .takeAll(() => true)
      .map((service) => ({
        number: ++this.#count,
        apqn: service.apqn,
        psmid: service.psmid,
        sender: undefined,
        acceptedNs: service.acceptedNs,
        service,
      }));
  }
}
