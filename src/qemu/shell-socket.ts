// SPDX-License-Identifier: Apache-2.0
// The administrator's shell on a Unix socket: one command a line in, its output and a prompt out. Mode 0600: its owner only.

import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** An open shell socket. */
export interface ShellSocket {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Opens the socket.
 *
 * @param run executes one line and gives what it prints; it throws for a failure, whose message is printed
 */
export async function openShellSocket(
  path: string,
  run: (line: string) => Promise<string> | string,
  prompt = 'apemu> ',
): Promise<ShellSocket> {
  const clients = new Set<Socket>();
  const server = createServer((socket) => {
    clients.add(socket);
    socket.on('close', () => clients.delete(socket));
    socket.on('error', () => {});
    serveClient(socket, run, prompt);
  });
  // The mode must hold from the first moment on, so it comes from the mask and not from a later chmod.
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
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

async function serveClient(
  socket: Socket,
  run: (line: string) => Promise<string> | string,
  prompt: string,
): Promise<void> {
  socket.write(prompt);
  for await (const line of createInterface({ input: socket })) {
    let text: string;
    try {
      text = await run(line);
    } catch (error) {
      text = (error as Error).message;
    }
    if (socket.destroyed) return;
    socket.write(`${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${prompt}`);
  }
}
