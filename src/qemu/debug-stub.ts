// SPDX-License-Identifier: Apache-2.0
// QEMU's debug stub: packets of the remote serial protocol with one question at a time, and the stops of the guest.
// Source: the remote serial protocol of gdb; docs/reference/qemu-attach.md section 8 (no acknowledgements, what the stub sends).

import type { Socket } from 'node:net';
import { connectTo } from './streams.ts';

/** A connection to a debug stub. Making it stops the guest. */
export class DebugStub {
  readonly #socket: Socket;
  readonly #packets: AsyncGenerator<string, void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#packets = packetsOf(socket);
  }

  /** @param path of its Unix socket */
  static async connect(path: string): Promise<DebugStub> {
    const socket = await connectTo(path);
    socket.setEncoding('latin1');
    return new DebugStub(socket);
  }

  /** Whether the connection has ended. */
  get gone(): boolean {
    return this.#socket.destroyed;
  }

  /** Sends a packet. Its answer, if any, is taken by another call. */
  send(text: string): void {
    this.#socket.write(packet(text));
  }

  /** The next packet: the answer to what was sent, or a stop; undefined if the stub has gone. */
  async next(): Promise<string | undefined> {
    const { value } = await this.#packets.next();
    return value ?? undefined;
  }

  /** Sends a packet and returns its answer; empty if the stub does not know the request, or has gone. */
  async ask(text: string): Promise<string> {
    this.send(text);
    return (await this.next()) ?? '';
  }

  /** Stops the guest if it runs; a packet reports the stop. */
  interrupt(): void {
    this.#socket.write('\x03');
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** A text as a packet: `$text#sum`, with the sum of its bytes in two hexadecimal digits. None of ours needs escaping. */
function packet(text: string): string {
  let sum = 0;
  for (const byte of Buffer.from(text, 'latin1')) sum += byte;
  return `$${text}#${(sum & 0xff).toString(16).padStart(2, '0')}`;
}

/** The texts of the packets. Acknowledgements are skipped, and none is sent, because any byte stops a running guest. */
async function* packetsOf(socket: Socket): AsyncGenerator<string, void> {
  let text = '';
  try {
    for await (const piece of socket) {
      text += piece;
      for (
        let end = text.indexOf('#');
        end >= 0 && text.length >= end + 3;
        end = text.indexOf('#')
      ) {
        yield text.slice(text.indexOf('$') + 1, end);
        text = text.slice(end + 3);
      }
    }
  } catch {
    // The socket has been closed.
  }
}

/** The request that makes CPUs stop (`Z`) at an instruction, or stop no more (`z`). */
export const breakpoint = (what: 'Z' | 'z', place: bigint | number): string =>
  `${what}0,${place.toString(16)},2`;

/**
 * QEMU gives single registers only to who has asked for their description. It has stopped a running guest when it was connected to, and may say so
 * first: that is no answer to anything.
 */
export async function askForDescription(stub: DebugStub): Promise<void> {
  let answer: string | undefined = await stub.ask('qXfer:features:read:target.xml:0,1');
  while (answer?.startsWith('T') === true) answer = await stub.next();
}

/** Does something with a stub that holds the guest. When it fails the guest goes on: nobody else would let it. */
export async function letGoAfter<T>(stub: DebugStub, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await stub.ask('D').catch(() => {});
    stub.close();
    throw error;
  }
}
