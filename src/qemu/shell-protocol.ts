// SPDX-License-Identifier: Apache-2.0
// What `apemu shell --connect` and the shell socket say to each other: a greeting, then one JSON object a line.
//   {"run": TEXT}         {"out": TEXT}… {"err": TEXT}… {"status": N, "ended": BOOLEAN, "directory": PATH}
//   {"incomplete": TEXT}  {"incomplete": BOOLEAN}
//   {"complete": LINE}    {"candidates": [TEXT…], "word": TEXT}
//   {"interrupt": true}   no answer; what runs ends

import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { send } from './streams.ts';

/** The first line of a program that connects, and the answer to it. */
export const HELLO = '{"apemu":"shell","version":1}';

export const isHello = (line: string): boolean => line === HELLO;

/** A shell as a program uses it. */
export interface ShellProgram {
  /** Runs a text and returns its exit status. */
  run(text: string, show: (stream: 'out' | 'err', text: string) => void): Promise<number>;
  isIncomplete(text: string): boolean;
  complete(line: string): { readonly candidates: readonly string[]; readonly word: string };
  /** Ends what is running, as Ctrl-C does. */
  interrupt(): void;
  readonly directory: string;
  readonly ended: boolean;
}

/** The object of a line, or undefined for a line that is none. */
export function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Requests that wait: whoever sends more without an answer is not listened to any more. */
const WAITING_MAX = 1000;
/** The same for output that nobody reads: twice what the files of a shell hold. */
const UNREAD_MAX = 0x10000000;

/** Answers requests in order until the peer ends; an interruption is heard while one runs. */
export async function serveProgram(
  socket: Socket,
  lines: AsyncIterable<string>,
  program: ShellProgram,
): Promise<void> {
  let last = answer(socket, HELLO);
  let waiting = 0;
  for await (const line of lines) {
    // Guests and other clients get their turns between any two lines.
    await nextTurn();
    const request = objectOf(line);
    if (request?.['interrupt'] === true) program.interrupt();
    else if (++waiting > WAITING_MAX) socket.destroy();
    else
      last = last
        .then(() => one(socket, request ?? {}, program))
        .catch(() => {})
        .finally(() => waiting--);
    if (socket.destroyed || program.ended) break;
  }
  await last;
}

const answer = async (socket: Socket, text: string): Promise<void> => {
  await send(socket, `${text}\n`);
};

async function one(
  socket: Socket,
  request: Record<string, unknown>,
  program: ShellProgram,
): Promise<void> {
  const { run, incomplete, complete } = request;
  if (typeof run === 'string') {
    const show = (stream: 'out' | 'err', text: string): void => {
      // A client that does not read is not waited for within a command.
      if (socket.writableLength > UNREAD_MAX) socket.destroy();
      if (!socket.destroyed) socket.write(`${JSON.stringify({ [stream]: text })}\n`);
    };
    const status = await program.run(run, show);
    const { ended, directory } = program;
    await answer(socket, JSON.stringify({ status, ended, directory }));
    if (ended) socket.end();
  } else if (typeof incomplete === 'string')
    await answer(socket, JSON.stringify({ incomplete: program.isIncomplete(incomplete) }));
  else if (typeof complete === 'string')
    await answer(socket, JSON.stringify(program.complete(complete)));
  else
    await answer(
      socket,
      JSON.stringify({ err: 'expected run, incomplete, complete or interrupt\n' }),
    );
}
