// SPDX-License-Identifier: Apache-2.0
// A machine's trace in the Trace Event Format, which Perfetto and Chromium open: a process for each guest with a thread for each vCPU, and one
// for the partition with a track for each queue.
// Source: the Trace Event Format (events X, i, b, e, s, f, C, M; times in microseconds); docs/load.md.
import { RESPONSE_CODES } from '../../native-like/arch/response-codes.ts';
import type { MachineEvent, MachineWatch } from './machine-event.ts';
import { type Ending, type Message, MessagesUnderWay } from './messages-under-way.ts';
import { outcomeOf, type ServiceRecord, type TraceRecord } from './record.ts';

/** An event of the Trace Event Format. */
export interface TraceEvent {
  readonly ph: 'X' | 'i' | 'b' | 'e' | 's' | 'f' | 'C' | 'M';
  readonly pid: number;
  readonly tid: number;
  readonly name: string;
  /** Time in microseconds. */
  readonly ts: number;
  readonly cat?: string;
  readonly dur?: number;
  readonly id?: string;
  /** Scope of an instant: its thread or its process. */
  readonly s?: 't' | 'p';
  /** A flow ends in the slice around it. */
  readonly bp?: 'e';
  readonly args?: Readonly<Record<string, unknown>>;
}

const PARTITION = 1;
/** Threads of the partition's process. */
const OPERATOR = 1;
const FAULTS = 2;
/** Threads of a guest's process beside its vCPUs, which are 1 and more. */
const MASKS = 1000;
const KERNEL = 1001;

/** Nanoseconds for which an instruction is drawn. In virtual time it takes none, so those of one moment are drawn beside each other. */
const DRAWN_NS = 1;

const microseconds = (ns: number): number => Math.round(ns) / 1000;

const rcText = (rc: number): string => rc.toString(16).padStart(2, '0');

/** Name of a response code, such as `RC 10 queue full`. */
const responseName = (rc: number): string => {
  const row = RESPONSE_CODES.find(({ code }) => code === rc);
  return `RC ${rcText(rc)}${row === undefined ? '' : ` ${row.meaning}`}`;
};

/** The events of one machine, as they come; `take` gets each. Its functions are what a machine is watched by. */
export class TraceEvents implements MachineWatch {
  readonly #take: (event: TraceEvent) => void;
  readonly #messages = new MessagesUnderWay();
  readonly #processes = new Map<string, number>();
  readonly #threads = new Set<string>();
  /** End of the last instruction of each vCPU. */
  readonly #ends = new Map<string, number>();
  readonly #depths = new Map<string, number>();
  #lastNs = 0;

  constructor(take: (event: TraceEvent) => void) {
    this.#take = take;
    this.#name('process_name', PARTITION, 0, 'partition');
  }

  readonly onTrace = (
    records: readonly TraceRecord[],
    _lost: number,
    services: readonly ServiceRecord[],
  ): void => {
    for (const service of services) this.#messages.taken(service);
    for (const record of records) this.#instruction(record);
    for (const message of this.#messages.strangers())
      this.#life(message, message.service?.readyNs ?? message.acceptedNs, 'fetched');
  };

  readonly onEvent = (event: MachineEvent): void => {
    const { timeNs, kind, text, guest, flushed } = event;
    this.#lastNs = Math.max(this.#lastNs, timeNs);
    if (flushed !== undefined) {
      const prefix = `${flushed.toString(16).padStart(2, '0')}.`;
      this.#flush((apqn) => apqn.startsWith(prefix), timeNs);
    }
    const [pid, tid] =
      guest === undefined
        ? [PARTITION, kind === 'fault' ? FAULTS : OPERATOR]
        : [this.#process(guest), MASKS];
    this.#thread(
      pid,
      tid,
      kind === 'fault' ? 'faults' : guest === undefined ? 'operator' : 'masks',
    );
    this.#instant(pid, tid, kind, text, timeNs, {});
  };

  /** Adds a line of a guest's kernel log. */
  kernelMessage(guest: string, timeNs: number, text: string): void {
    const pid = this.#process(guest);
    this.#thread(pid, KERNEL, 'kernel messages');
    this.#instant(pid, KERNEL, 'kernel', text, timeNs, {});
  }

  /** Ends the messages that nobody has fetched. */
  end(): void {
    for (const message of this.#messages.flushed(() => true))
      this.#life(message, Math.max(this.#lastNs, message.service?.readyNs ?? 0), 'unanswered');
  }

  #instruction(record: TraceRecord): void {
    const { guest, vcpu, instruction, apqn, timeNs, rc, program, psmid } = record;
    this.#lastNs = Math.max(this.#lastNs, timeNs);
    const pid = this.#process(guest);
    const tid = vcpu + 1;
    this.#thread(pid, tid, `vCPU ${vcpu}`);
    const key = `${pid}.${tid}`;
    const beginNs = Math.max(timeNs, this.#ends.get(key) ?? 0);
    this.#ends.set(key, beginNs + DRAWN_NS);
    const name = apqn === undefined ? instruction : `${instruction} ${apqn}`;
    const args = {
      ended: outcomeOf(record),
      gr0: record.gr0.toString(16).padStart(8, '0'),
      ...(psmid === undefined ? {} : { psmid }),
    };
    const place = { pid, tid, ts: microseconds(beginNs) };
    this.#take({ ph: 'X', ...place, name, cat: 'instruction', dur: DRAWN_NS / 1000, args });
    if (program !== undefined)
      this.#instant(pid, tid, 'program interruption', outcomeOf(record), beginNs, { name });
    else if (rc !== undefined && rc !== 0)
      this.#instant(pid, tid, 'response code', responseName(rc), beginNs, { name });
    else this.#moved(record, place);
  }

  /** What an instruction that went well has done to messages. */
  #moved(record: TraceRecord, place: Pick<TraceEvent, 'pid' | 'tid' | 'ts'>): void {
    const { instruction, apqn = '', timeNs } = record;
    const flow = { ...place, name: 'message', cat: 'message' };
    if (instruction === 'NQAP') {
      const message = this.#messages.accepted(record);
      this.#depth(apqn, 1, timeNs);
      this.#take({ ph: 's', ...flow, id: idOf(message) });
    }
    if (instruction === 'DQAP') {
      const message = this.#messages.fetched(record);
      if (message === undefined) return;
      this.#take({ ph: 'f', bp: 'e', ...flow, id: idOf(message) });
      this.#life(message, timeNs, 'fetched');
    }
    if (instruction === 'RAPQ' || instruction === 'ZAPQ')
      this.#flush((one) => one === apqn, timeNs);
  }

  #flush(lost: (apqn: string) => boolean, timeNs: number): void {
    for (const message of this.#messages.flushed(lost)) this.#life(message, timeNs, 'flushed');
  }

  /** A message on its queue's track, and within it: waiting for an engine, in service, ready. */
  #life(message: Message, endNs: number, ending: Ending): void {
    const { apqn, psmid, sender, acceptedNs, service } = message;
    if (sender !== undefined) this.#depth(apqn, -1, endNs);
    const from = sender === undefined ? {} : { guest: sender.guest };
    this.#span(message, apqn, acceptedNs, endNs, { psmid, ending, ...from });
    if (service === undefined) return;
    const begunNs = Math.min(service.begunNs, endNs);
    const readyNs = Math.min(service.readyNs, endNs);
    if (begunNs > acceptedNs) this.#span(message, 'waiting', acceptedNs, begunNs, {});
    if (readyNs > begunNs) this.#span(message, 'in service', begunNs, readyNs, {});
    if (endNs > readyNs) this.#span(message, 'ready', readyNs, endNs, {});
  }

  #span(
    message: Message,
    name: string,
    fromNs: number,
    toNs: number,
    args: Readonly<Record<string, unknown>>,
  ): void {
    const event = { pid: PARTITION, tid: 0, cat: `queue ${message.apqn}`, name, id: idOf(message) };
    this.#take({ ph: 'b', ...event, ts: microseconds(fromNs), args });
    this.#take({ ph: 'e', ...event, ts: microseconds(toNs) });
  }

  #depth(apqn: string, change: number, timeNs: number): void {
    const messages = (this.#depths.get(apqn) ?? 0) + change;
    this.#depths.set(apqn, messages);
    const name = `${apqn} messages`;
    const args = { messages };
    this.#take({ ph: 'C', pid: PARTITION, tid: 0, name, ts: microseconds(timeNs), args });
  }

  #instant(
    pid: number,
    tid: number,
    cat: string,
    name: string,
    timeNs: number,
    args: Readonly<Record<string, unknown>>,
  ): void {
    this.#take({ ph: 'i', s: 't', pid, tid, cat, name, ts: microseconds(timeNs), args });
  }

  #process(guest: string): number {
    const known = this.#processes.get(guest);
    if (known !== undefined) return known;
    const pid = PARTITION + 1 + this.#processes.size;
    this.#processes.set(guest, pid);
    this.#name('process_name', pid, 0, guest);
    return pid;
  }

  #thread(pid: number, tid: number, name: string): void {
    const key = `${pid}.${tid}`;
    if (this.#threads.has(key)) return;
    this.#threads.add(key);
    this.#name('thread_name', pid, tid, name);
  }

  #name(what: 'process_name' | 'thread_name', pid: number, tid: number, name: string): void {
    this.#take({ ph: 'M', pid, tid, name: what, ts: 0, args: { name } });
  }
}

const idOf = ({ number }: Message): string => `0x${number.toString(16)}`;

/** How a file begins and ends; between them its events, with commas. */
export const FILE_BEGIN = '{"displayTimeUnit":"ns","traceEvents":[\n';
export const fileEnd = (metadata: Readonly<Record<string, unknown>>): string =>
  `\n],"metadata":${JSON.stringify(metadata)}}\n`;

/** A whole file as text, for a caller that has all events: those of `TraceEvents` in the order in which they came. */
export const traceFile = (
  events: readonly TraceEvent[],
  metadata: Readonly<Record<string, unknown>> = {},
): string =>
  FILE_BEGIN + events.map((event) => JSON.stringify(event)).join(',\n') + fileEnd(metadata);
