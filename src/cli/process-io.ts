// SPDX-License-Identifier: Apache-2.0
// The CommandIo of a real process: standard streams, Ctrl-C, and a reader that has gone. Node.js calls a handler of a signal only when
// the thread has nothing to do. So there is a handler only while a command has something to end in an orderly way and looks often; at
// other times the system ends the process at once.

import { pino } from 'pino';
import { type FileKind, textOf, tooLong } from '../config/text-file.ts';
import { owned } from '../qemu/streams.ts';
import type { CommandIo } from './io.ts';
import { EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE } from './io.ts';

/** How standard input is called in messages. */
const STANDARD_INPUT = '<stdin>';

/** Time the reader of the results has after Ctrl-C. */
const LAST_WORDS_MS = 300;

const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The signals that ask for an end. A second one ends the process at once: the first asks for an end in order. */
class EndingSignals {
  readonly #stop = new AbortController();
  #listens = false;
  readonly #interrupt = (): void => {
    if (this.#stop.signal.aborted) process.exit(EXIT_INTERRUPTED);
    this.#stop.abort();
  };

  /** Whether there was a signal, for code that does not want to listen. */
  get ended(): boolean {
    return this.#stop.signal.aborted;
  }

  get signal(): AbortSignal {
    this.listen(true);
    return this.#stop.signal;
  }

  /** Does work, or waits for it, while signals end the process at once. */
  without<T>(work: () => T): T {
    const listened = this.#listens;
    this.listen(false);
    const again = (): void => this.listen(listened);
    let waits = false;
    try {
      const result = work();
      waits = result instanceof Promise;
      return waits ? ((result as Promise<unknown>).finally(again) as T) : result;
    } finally {
      if (!waits) again();
    }
  }

  /** Whether signals come to us, or end the process at once. */
  listen(listens: boolean): void {
    if (listens === this.#listens) return;
    this.#listens = listens;
    for (const name of ENDING_SIGNALS) process[listens ? 'on' : 'off'](name, this.#interrupt);
  }
}

export function processIo(): CommandIo & { close(): void } {
  const signals = new EndingSignals();
  owned(process.stdout, (error) => {
    // `apemu … | head`: the reader has what it wanted.
    if (error.code === 'EPIPE') process.exit(EXIT_OK);
    process.stderr.write(
      `apemu: cannot write the results: ${error.code} [APEMU_ERR_USAGE_OUTPUT]\n`,
    );
    process.exit(EXIT_USAGE);
  });
  // If nobody reads the messages, the command goes on, and its exit code stays the same.
  owned(process.stderr);
  return {
    out: (text) => {
      process.stdout.write(text);
    },
    taken: () => (process.stdout.writableNeedDrain ? drained(signals.signal) : Promise.resolve()),
    err: (text) => {
      process.stderr.write(text);
    },
    log: pino({ level: 'warn', base: null }, pino.destination({ fd: 2, sync: true })),
    readInput: (kind) => signals.without(() => readStandardInput(kind)),
    input: process.stdin,
    isTerminal: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 80,
    get signal() {
      return signals.signal;
    },
    blocking: (work) => signals.without(work),
    close: () => {
      // What was written before Ctrl-C is delivered if there is a reader; without one, the process does not wait.
      if (signals.ended) setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
      signals.listen(false);
    },
  };
}

/** Until the reader of standard output has caught up, or an end is wanted. */
const drained = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    process.stdout.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

async function readStandardInput(kind: FileKind): Promise<string> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of process.stdin) {
    chunks.push(Buffer.from(chunk));
    total += chunk.length;
    if (total > kind.maxBytes) throw tooLong(STANDARD_INPUT, kind);
  }
  return textOf(Buffer.concat(chunks), STANDARD_INPUT, kind);
}
