// SPDX-License-Identifier: Apache-2.0
// What a command sees of the process it runs in. Tests bring their own.

import type { Logger } from 'pino';
import type { FileKind } from '../config/text-file.ts';

export interface CommandIo {
  /** Writes results to standard output; the text has its newlines. */
  out(text: string): void;
  /**
   * Waits while the reader of the results is far behind, unless the command is to end. Otherwise results that nobody reads could fill the
   * memory.
   */
  taken(): Promise<void>;
  /** Writes messages for people to standard error. */
  err(text: string): void;
  /** Writes logs to standard error. */
  readonly log: Logger;
  /** Everything on standard input. @throws ApemuError as readText of a file does */
  readInput(kind: FileKind): Promise<string>;
  readonly input: NodeJS.ReadableStream;
  /** Whether standard output is a terminal: progress only then. */
  readonly isTerminal: boolean;
  /** Columns of the terminal; 80 if there is none. */
  readonly columns: number;
  /**
   * Aborted by Ctrl-C (SIGINT), SIGTERM and SIGHUP. Until a command asks for it, these signals end the process at once. A command that
   * does must let events in (`breathe`) several times a second, and wrap work that cannot do so in `blocking`.
   */
  readonly signal: AbortSignal;
  /** Does work that may take long and lets no events in, such as parsing a large file. Meanwhile, a signal ends the process at once. */
  blocking<T>(work: () => T): T;
}

/** Exit codes. Source: docs/design.md section 7; 130 as shells have it for SIGINT. */
export const EXIT_OK = 0;
export const EXIT_MISMATCH = 1;
export const EXIT_USAGE = 2;
export const EXIT_BAD_INPUT = 3;
/** A mistake of apemu itself; EX_SOFTWARE of sysexits.h. */
export const EXIT_INTERNAL = 70;
export const EXIT_INTERRUPTED = 130;

/** Lets signals and other events be handled. */
export const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Lets events in. Whether the command is to stop. */
export const pause = async (io: CommandIo): Promise<boolean> => {
  await breathe();
  await io.taken();
  return io.signal.aborted;
};

/** Longest time without letting signals in. */
const BREATH_MS = 20;

/** A `breathe` that may be called very often: it waits only where the last wait was long ago. */
export function breathing(
  besides: () => Promise<void> = async () => {},
): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < BREATH_MS) return undefined;
    return breathe()
      .then(besides)
      .then(() => {
        last = performance.now();
      });
  };
}
