// SPDX-License-Identifier: Apache-2.0
// The file of `--trace`: for Perfetto and Chromium where its name ends in .json, else a line for each AP instruction: text, or JSON in .jsonl.

import { closeSync, openSync, writeSync } from 'node:fs';
import { ApemuError } from '../errors.ts';
import { KernelMessages } from '../trace/kernel-messages.ts';
import type { MachineWatch } from '../trace/machine-event.ts';
import { recordJson, recordText, type TraceRecord } from '../trace/record.ts';
import type { TakeTrace } from '../trace/ring.ts';
import { FILE_BEGIN, fileEnd, TraceEvents } from '../trace/trace-events.ts';
import type { CommandIo } from './io.ts';
import { packageVersion } from './version.ts';

export const TRACE_HELP =
  'write each AP instruction: *.json for Perfetto and Chromium, *.jsonl JSON lines, else text';

/** What becomes of records in a kind of file. */
interface Format extends MachineWatch {
  readonly onTrace: TakeTrace;
  end(): void;
  console?(guest: string, piece: string, nowNs: number): void;
}

/** Bytes that are gathered before they are written. */
const PIECE = 0x10000;

/** A file of lines. */
const lineFormat = (write: (text: string) => void, line: (one: TraceRecord) => string): Format => ({
  onTrace: (records) => write(records.map(line).join('')),
  end: () => {},
});

/** A file in the Trace Event Format. */
function eventFormat(write: (text: string) => void): Format {
  let pending = FILE_BEGIN;
  let separator = '';
  const events = new TraceEvents((event) => {
    pending += `${separator}${JSON.stringify(event)}`;
    separator = ',\n';
    if (pending.length < PIECE) return;
    write(pending);
    pending = '';
  });
  const log = new KernelMessages();
  return {
    onTrace: events.onTrace,
    onEvent: events.onEvent,
    console: (guest, piece, nowNs) => log.console(guest, piece, nowNs),
    end: () => {
      for (const { guest, timeNs, text } of log.all()) events.kernelMessage(guest, timeNs, text);
      events.end();
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
    else this.#format = lineFormat(write, name.endsWith('.jsonl') ? recordJson : recordText);
  }

  /** What the machine is to be watched by. */
  get watch(): Required<Pick<MachineWatch, 'onTrace'>> & MachineWatch {
    const { onEvent } = this.#format;
    return { onTrace: this.#trace, ...(onEvent === undefined ? {} : { onEvent }) };
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

  readonly #trace: TakeTrace = (records, lost, services) => {
    this.#format.onTrace(records, lost, services);
    this.#written += records.length;
    this.#lost = lost;
  };
}
