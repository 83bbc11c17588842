// SPDX-License-Identifier: Apache-2.0
// The administrator's shell on a Unix socket: it reads lines and writes output and a prompt; programs (`apemu shell --connect`) send
// requests and get answers as lines of JSON. The socket has mode 0600, so that only its owner can use it.

import { lstatSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ApemuError } from '../errors.ts';
import { isHello, type ShellProgram, serveProgram } from './shell-protocol.ts';
import { connectTo, linesOf, owned, send } from './streams.ts';

/** Most bytes of a Unix socket's path (sun_path without the final zero). A longer path would be cut off. */
const PATH_BYTES_MAX = 107;

/** The shell that one connection uses. */
export interface ShellSession {
  /** Executes a line and returns what it prints. It throws for a failure, whose message is printed. */
  run(line: string): Promise<string> | string;
  /** The same for a program, which also needs the exit status. */
  readonly program?: ShellProgram;
  /** Whether `exit` was called. */
  readonly ended?: boolean;
  /** Called when the client has gone: what it runs is ended, and the session is not used again. */
  close?(): void;
}

/** An open shell socket. */
export interface ShellSocket {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Opens the socket. One that a killed process left behind is replaced.
 *
 * @param open called for each connection
 * @throws ApemuError APEMU_ERR_USAGE_SHELL for a path that is too long, in use, something else than a socket, or cannot be made
 */
export async function openShellSocket(
  path: string,
  open: () => ShellSession,
  prompt = 'apemu> ',
): Promise<ShellSocket> {
  if (Buffer.byteLength(path) > PATH_BYTES_MAX)
    throw unusable(path, `a socket's path has at most ${PATH_BYTES_MAX} bytes`);
  await makeRoom(path);
  const clients = new Set<Socket>();
  const server = createServer((socket) => {
    clients.add(owned(socket));
    const session = open();
    socket.on('close', () => {
      clients.delete(socket);
      session.close?.();
    });
    serveClient(socket, session, prompt);
  });
  // The mode must be right from the first moment on, so it comes from the mask and not from a later chmod.
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(unusable(path, `${error.code}; does its folder exist, and may you write to it?`)),
      );
      server.listen(path, resolve);
    });
  } finally {
    process.umask(mask);
  }
  return {
    path,
    async close() {
      for (const socket of clients) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(path, { force: true });
    },
  };
}

const unusable = (path: string, why: string): ApemuError =>
  new ApemuError('APEMU_ERR_USAGE_SHELL', `the shell's socket cannot be ${path}: ${why}`);

/** Removes a socket on which nobody listens. */
async function makeRoom(path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isSocket()) throw unusable(path, 'there is something else');
  if (await isListening(path)) throw unusable(path, 'another process listens there');
  rmSync(path, { force: true });
}

async function isListening(path: string): Promise<boolean> {
  try {
    (await connectTo(path)).destroy();
    return true;
  } catch {
    return false;
  }
}

/** Serves a client until either side ends. It never rejects. */
async function serveClient(socket: Socket, session: ShellSession, prompt: string): Promise<void> {
  let here = await send(socket, prompt);
  const lines = linesOf(socket);
  for await (const line of lines) {
    if (!here) break;
    // Guests and other clients get their turns between any two lines.
    await nextTurn();
    if (session.program !== undefined && isHello(line)) {
      await serveProgram(socket, lines, session.program);
      break;
    }
    const text = await answerTo(line, session);
    const shown = `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}`;
    here = await send(socket, session.ended === true ? shown : `${shown}${prompt}`);
    if (session.ended === true) break;
  }
  socket.end();
}

async function answerTo(line: string, session: ShellSession): Promise<string> {
  try {
    return await session.run(line);
  } catch (error) {
    return (error as Error).message;
  }
}
