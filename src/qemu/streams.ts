// SPDX-License-Identifier: Apache-2.0
// Streams of other processes: sockets, pipes, consoles. Their errors are handled here, so that nothing a peer does can end this process.
// What is read comes in lines of limited length, and what is written waits for its reader.
// Source: Node.js, events ("error" without a listener is thrown), stream (back pressure).

import { createConnection, type Socket } from 'node:net';

/** Something that can emit an error. */
interface Failing {
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/**
 * Handles the errors of a stream, process or server for the rest of its life.
 *
 * @param lost what to do about an error; by default nothing, since `close` follows and tells that the peer has gone
 */
export function owned<T extends Failing>(
  stream: T,
  lost: (error: NodeJS.ErrnoException) => void = () => {},
): T {
  stream.on('error', lost);
  return stream;
}

/** Connects to a Unix socket; it rejects with the system's error when nobody listens there. */
export function connectTo(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = owned(createConnection(path), reject);
    socket.once('connect', () => resolve(socket));
  });
}

/** Longest line in bytes that is accepted. Whoever sends a longer one is not listened to any more. */
const LINE_BYTES_MAX = 0x100000;

/**
 * The lines of a stream, without line ends. The generator ends, and never throws, when the peer ends, fails, or sends a line that is too
 * long. A last line without a newline counts too, unless the stream has failed.
 */
export async function* linesOf(
  stream: NodeJS.ReadableStream,
  maxBytes = LINE_BYTES_MAX,
): AsyncGenerator<string, void> {
  stream.setEncoding('utf8');
  let text = '';
  try {
    for await (const piece of stream) {
      text += piece;
      let from = 0;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', from)) {
        yield text.slice(from, end).replace(/\r$/, '');
        from = end + 1;
      }
      text = text.slice(from);
      if (text.length > maxBytes) return;
    }
  } catch {
    // The peer has gone; part of a line is of no use.
    return;
  }
  if (text !== '') yield text;
}

/** Writes a text and waits until the peer has room for more. Returns false if the peer has gone. */
export async function send(socket: Socket, text: string): Promise<boolean> {
  if (socket.destroyed || !socket.writable) return false;
  if (socket.write(text)) return true;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      socket.off('drain', go).off('close', go);
      resolve();
    };
    socket.on('drain', go).on('close', go);
  });
  return !socket.destroyed;
}
