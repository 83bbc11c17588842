// SPDX-License-Identifier: Apache-2.0
// CommandIo of a real process: standard streams, Ctrl-C, a reader that went away.

import { pino } from 'pino';
import type { CommandIo } from './io.ts';
import { EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE } from './io.ts';

/** A second Ctrl-C ends the process at once: the first one asks for a clean end. */
export function processIo(): CommandIo & { close(): void } {
  const stop = new AbortController();
  const interrupt = () => {
    if (stop.signal.aborted) process.exit(EXIT_INTERRUPTED);
    stop.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  process.on('SIGHUP', interrupt);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // `apemu … | head`: the reader has what it wanted.
    if (error.code === 'EPIPE') process.exit(EXIT_OK);
    process.stderr.write(
      `apemu: cannot write the results: ${error.code} [APEMU_ERR_USAGE_OUTPUT]\n`,
    );
    process.exit(EXIT_USAGE);
  });
  // Nobody reads the messages: what the command does, and its exit code, stay.
  process.stderr.on('error', () => {});
  return {
    out: (text) => {
      process.stdout.write(text);
    },
    err: (text) => {
      process.stderr.write(text);
    },
    log: pino({ level: 'warn', base: null }, pino.destination({ fd: 2, sync: true })),
    readInput: async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks).toString('utf8');
    },
    input: process.stdin,
    isTerminal: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 80,
    signal: stop.signal,
    close: () => {
      process.off('SIGINT', interrupt);
      process.off('SIGTERM', interrupt);
      process.off('SIGHUP', interrupt);
    },
  };
}
