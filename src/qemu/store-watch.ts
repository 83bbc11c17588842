// SPDX-License-Identifier: Apache-2.0
// Stops a guest of ours after each store into one place of its storage, by a watchpoint of QEMU's debug stub: a test kernel may
// execute its first AP instruction a microsecond after it has set its program-new PSW, and polling would be too late.
// Source: the remote serial protocol of gdb (Z2, c, stop replies); docs/reference/qemu-attach.md section 8 (no acknowledgements,
// what the stub sends).

import { connect, type Socket } from 'node:net';
import { ApemuError } from '../errors.ts';

/** Write watchpoint in the protocol. */
const WATCH = 'Z2';
/** Begins the reply of a CPU that stopped at a watchpoint: signal 5, then `watch:` and the address. */
const STOPPED = /^T05.*watch:/;

/** A watched guest. */
export interface StoreWatch {
  /** Resolves when QEMU has gone. */
  readonly ended: Promise<void>;
  close(): void;
}

/**
 * Watches a guest that has not been started yet (`-S`) and starts it.
 *
 * @param path Unix socket of the debug stub
 * @param onStore called after each store, while the guest stands still
 * @throws ApemuError APEMU_ERR_QEMU_START when the stub has no watchpoints
 */
export async function watchStores(
  path: string,
  address: number,
  length: number,
  onStore: () => void,
): Promise<StoreWatch> {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const made = connect(path, () => resolve(made));
    made.once('error', reject);
  });
  socket.on('error', () => {});
  socket.setEncoding('latin1');
  const packets = packetsOf(socket);
  send(socket, `${WATCH},${address.toString(16)},${length.toString(16)}`);
  const { value: answer } = await packets.next();
  if (answer !== 'OK') {
    socket.destroy();
    const text = `QEMU's debug stub refuses a watchpoint (it answered ${answer}), which --hook bare needs`;
    throw new ApemuError('APEMU_ERR_QEMU_START', text);
  }
  const ended = serve(socket, packets, onStore);
  return { ended, close: () => socket.destroy() };
}

async function serve(
  socket: Socket,
  packets: AsyncGenerator<string, void>,
  onStore: () => void,
): Promise<void> {
  send(socket, 'c');
  for await (const packet of packets) {
    // Another stop is somebody's command at the monitor, who will also start the guest again.
    if (!STOPPED.test(packet)) continue;
    onStore();
    send(socket, 'c');
  }
}

/** `$text#sum`: two hexadecimal digits of the sum of its bytes. None of ours needs escaping. */
function send(socket: Socket, text: string): void {
  let sum = 0;
  for (const byte of Buffer.from(text, 'latin1')) sum += byte;
  socket.write(`$${text}#${(sum & 0xff).toString(16).padStart(2, '0')}`);
}

/** The text of each packet; acknowledgements are skipped and none is sent: a byte stops a running guest. */
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
