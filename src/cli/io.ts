// SPDX-License-Identifier: Apache-2.0
// What a command sees of the process it runs in. Tests bring their own.

import type { Logger } from 'pino';

export interface CommandIo {
  /** Results; with their newlines. */
  out(text: string): void;
  /** Messages for people. */
  err(text: string): void;
  /** Logs, on standard error. */
  readonly log: Logger;
  /** Everything on standard input. */
  readInput(): Promise<string>;
  readonly input: NodeJS.ReadableStream;
  /** Whether standard output is a terminal: progress only then. */
  readonly isTerminal: boolean;
  /** Columns of the terminal; 80 where there is none. */
  readonly columns: number;
  /** Aborted by Ctrl-C, or when nobody reads the output any more. */
  readonly signal: AbortSignal;
}

/** Exit codes. Source: docs/design.md section 7; 130 as shells have it for SIGINT. */
export const EXIT_OK = 0;
export const EXIT_MISMATCH = 1;
export const EXIT_USAGE = 2;
export const EXIT_BAD_INPUT = 3;
export const EXIT_INTERRUPTED = 130;

/** Lets signals and other events in. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
