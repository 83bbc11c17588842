// SPDX-License-Identifier: Apache-2.0
// What `apemu shell --connect` and the shell socket say to each other: a greeting, then one JSON object a line.
//   {"run": TEXT}         {"out": TEXT}… {"err": TEXT}… {"status": N, "ended": BOOLEAN, "directory": PATH}
//   {"incomplete": TEXT}  {"incomplete": BOOLEAN}
//   {"complete": LINE}    {"candidates": [TEXT…], "word": TEXT}
//   {"interrupt": true}   no answer; what runs ends

import type { Socket } from 'node:net';
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

/** The request in a line; undefined if the line is not a request. */
function requestOf(line: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Answers requests in their order until the peer ends. An interruption is accepted while a request runs. */
export async function serveProgram(
  socket: Socket,
  lines: AsyncIterable<string>,
  program: ShellProgram,
): Promise<void> {
  let last = answer(socket, HELLO);
  for await (const line of lines) {
    const request = requestOf(line);
    if (request?.['interrupt'] === true) program.interrupt();
    else last = last.then(() => one(socket, request ?? {}, program)).catch(() => {});
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
      // A command does not wait for a client that does not read. The amount of waiting output is limited by what commands print.
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
