// SPDX-License-Identifier: Apache-2.0
// The file of `--trace`: for Perfetto and Chromium where its name ends in .json, else a line for each AP instruction: text, JSON in .jsonl, a
// kernel's trace events in .ftrace.

import { closeSync, openSync, writeSync } from 'node:fs';
import { ApemuError } from '../errors.ts';
import { FTRACE_HEAD, ftraceText } from '../trace/ftrace.ts';
import { KernelMessages } from '../trace/kernel-messages.ts';
import type { MachineWatch } from '../trace/machine-event.ts';
import { recordJson, recordText, type TraceRecord } from '../trace/record.ts';
import type { TakeTrace } from '../trace/ring.ts';
import { FILE_BEGIN, fileEnd, type TraceEvent, TraceEvents } from '../trace/trace-events.ts';
import type { CommandIo } from './io.ts';
import { packageVersion } from './version.ts';

export const TRACE_HELP =
  'write each AP instruction: *.json for Perfetto and Chromium, *.jsonl JSON lines, *.ftrace NQAP and DQAP as events of Linux, else text';

type Watch = MachineWatch & Required<Pick<MachineWatch, 'onTrace'>>;

/** What becomes of records in a kind of file. */
interface Format extends MachineWatch {
  readonly onTrace: TakeTrace;
  /** Begins another machine in the same file. */
  machine(name: string): Watch;
  end(): void;
  console?(guest: string, piece: string, nowNs: number): void;
}

/** Bytes that are gathered before they are written. */
const PIECE = 0x10000;

/** The format with one line for each record. */
const lineFormat = (write: (text: string) => void, line: (one: TraceRecord) => string): Format => ({
  onTrace: (records) => write(records.map(line).join('')),
  machine: (name) => ({
    onTrace: (records) =>
      write(records.map((one) => line({ ...one, guest: `${name}/${one.guest}` })).join('')),
  }),
  end: () => {},
});

/** Processes of one of several machines have numbers from here on, those of the next one as many higher. */
const MACHINE_PROCESSES = 10_000;

/** An event of one of several machines: its processes and messages have numbers of their own, and its processes its name. */
const inMachine = (event: TraceEvent, name: string, number: number): TraceEvent => ({
  ...event,
  pid: event.pid + number * MACHINE_PROCESSES,
  ...(event.id === undefined ? {} : { id: `${event.id}.${number}` }),
  ...(event.name === 'process_name' ? { args: { name: `${name}: ${event.args?.['name']}` } } : {}),
});

/** The Trace Event Format. */
function eventFormat(write: (text: string) => void): Format {
  let pending = FILE_BEGIN;
  let separator = '';
  const take = (event: TraceEvent): void => {
    pending += `${separator}${JSON.stringify(event)}`;
    separator = ',\n';
    if (pending.length < PIECE) return;
    write(pending);
    pending = '';
  };
  const machines: TraceEvents[] = [];
  // A file of several machines has no machine of its own.
  let own: TraceEvents | undefined;
  const events = (): TraceEvents => {
    own ??= new TraceEvents(take);
    return own;
  };
  const log = new KernelMessages();
  return {
    onTrace: (...taken) => events().onTrace(...taken),
    onEvent: (event) => events().onEvent(event),
    machine: (name) => {
      const number = machines.length;
      const made = new TraceEvents((event) => take(inMachine(event, name, number)));
      machines.push(made);
      return made;
    },
    console: (guest, piece, nowNs) => log.console(guest, piece, nowNs),
    end: () => {
      for (const { guest, timeNs, text } of log.all()) events().kernelMessage(guest, timeNs, text);
      own?.end();
      for (const machine of machines) machine.end();
      write(`${pending}${fileEnd({ program: `apemu ${packageVersion()}` })}`);
    },
  };
}

export class TraceFile {
  readonly #name: string;
  readonly #file: number;
  readonly #format: Format;
  #written = 0;
  #lost = 0;

  /** @throws ApemuError APEMU_ERR_USAGE_TRACE if the file cannot be written */
  constructor(name: string) {
    this.#name = name;
    try {
      this.#file = openSync(name, 'w');
    } catch (cause) {
      const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
      const message = `cannot write the trace ${name}: ${errno}`;
      throw new ApemuError('APEMU_ERR_USAGE_TRACE', message, { errno, cause });
    }
    const write = (text: string): void => {
      writeSync(this.#file, text);
    };
    if (name.endsWith('.json')) this.#format = eventFormat(write);
    else if (name.endsWith('.jsonl')) this.#format = lineFormat(write, recordJson);
    else if (name.endsWith('.ftrace')) {
      write(FTRACE_HEAD);
      this.#format = lineFormat(write, ftraceText);
    } else this.#format = lineFormat(write, recordText);
  }

  /** What the machine is to be watched by. */
  get watch(): Watch {
    return this.#counted(this.#format);
  }

  /** What one of several machines is to be watched by. */
  watchMachine(name: string): Watch {
    return this.#counted(this.#format.machine(name));
  }

  /** Output of a guest's console, which came at the machine's time `nowNs`. */
  console(guest: string, piece: string, nowNs: number): void {
    this.#format.console?.(guest, piece, nowNs);
  }

  /** Closes the file and says what is in it. */
  close(io: CommandIo): void {
    this.#format.end();
    closeSync(this.#file);
    const missing = this.#lost === 0 ? '' : `; ${this.#lost} more came too fast to be written`;
    io.err(`trace: ${this.#written} instructions in ${this.#name}${missing}\n`);
  }

  #counted({ onTrace, onEvent }: Watch): Watch {
    let before = 0;
    const counted: TakeTrace = (records, lost, services) => {
      onTrace(records, lost, services);
      this.#written += records.length;
      this.#lost += lost - before;
      before = lost;
    };
    return { onTrace: counted, ...(onEvent === undefined ? {} : { onEvent }) };
  }
}
