// SPDX-License-Identifier: Apache-2.0
// Streams of other processes: sockets, pipes, consoles. Their errors are owned here, so that nothing a peer does ends this process;
// what is read comes in bounded lines, and what is written waits for its reader.
// Source: Node.js, events ("error" without a listener is thrown), stream (back pressure).

import { createConnection, type Socket } from 'node:net';

/** What an error can come from. */
interface Failing {
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/**
 * Takes the errors of a stream, process or server for the rest of its life.
 *
 * @param lost what to do about one; by default nothing: `close` follows and says that the peer has gone
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

/** A line longer than this is no line of ours: whoever sends it is not listened to any more. */
const LINE_BYTES_MAX = 0x100000;

/**
 * Lines of a stream without their ends. It ends, and never throws, when the peer ends, fails, or sends a line without end;
 * a last line without a newline is a line too, unless the stream failed.
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
    // The peer has gone; what it sent of a line is worth nothing.
    return;
  }
  if (text !== '') yield text;
}

/** Writes a text and waits until the peer has room for more; false: it has gone. */
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
