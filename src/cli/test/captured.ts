// SPDX-License-Identifier: Apache-2.0
// Runs one of apemu's commands for its result: its output is kept, and it has no input.

import { Readable } from 'node:stream';
import { pino } from 'pino';
import type { RunCommand } from '../add-command.ts';
import type { CommandIo } from '../io.ts';

export interface Captured {
  readonly code: number;
  /** Results and messages, in the order they came. */
  readonly text: string;
}

/** What is kept of a command that does not stop to speak: its last part. */
const TEXT_MAX = 0x10000;

/** Runs the command line `args`, behind `apemu`, with `run`. */
export async function captured(
  run: RunCommand,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Captured> {
  let text = '';
  const take = (piece: string): void => {
    text = `${text}${piece}`.slice(-TEXT_MAX);
  };
  const io: CommandIo = {
    out: take,
    err: take,
    log: pino({ level: 'warn', base: null }, { write: take }),
    taken: async () => {},
    readInput: () => Promise.resolve(''),
    input: Readable.from([]),
    isTerminal: false,
    columns: 80,
    signal,
    blocking: (work) => work(),
  };
  const code = await run(args, io);
  return { code, text };
}
