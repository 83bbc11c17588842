// SPDX-License-Identifier: Apache-2.0
// QMP client: JSON lines over a Unix socket; commands answered in order, events handed on.
// Source: QEMU, docs/interop/qmp-spec.

import { createConnection, type Socket } from 'node:net';
import { ApemuError } from '../errors.ts';

/** An asynchronous message of QEMU, for example RESET or SHUTDOWN. */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What most of this folder needs of the monitor. */
export interface Monitor {
  execute<T = unknown>(command: string, args?: Record<string, unknown>): Promise<T>;
}

interface Waiting {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** How long one command may take. QEMU answers in well under a millisecond unless it hangs. */
const COMMAND_TIMEOUT_MS = 10_000;
/** QEMU greets at once; it does not greet a second client. */
const GREETING_TIMEOUT_MS = 3_000;

/** A connection to QEMU's monitor. */
export class Qmp implements Monitor {
  /** Called for every event. */
  onEvent: (event: QmpEvent) => void = () => {};
  /** Called once when the connection has ended. */
  onClose: () => void = () => {};
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  #greeting: (() => void) | undefined;
  #text = '';
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => this.#receive(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#end());
  }

  /**
   * Connects to a monitor's Unix socket and leaves its greeting mode.
   *
   * @throws ApemuError APEMU_ERR_QEMU_QMP when nobody answers there
   */
  static async connect(path: string): Promise<Qmp> {
    const socket = createConnection(path);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (cause) =>
        reject(
          new ApemuError(
            'APEMU_ERR_QEMU_QMP',
            `no QEMU monitor answers at ${path}: ${cause.message}. Start QEMU with -qmp unix:${path},server=on,wait=off`,
            { cause },
          ),
        ),
      );
    });
    const qmp = new Qmp(socket);
    await qmp.#ready(path);
    await qmp.execute('qmp_capabilities');
    return qmp;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Runs a command and gives its `return` member. */
  execute<T = unknown>(command: string, args?: Record<string, unknown>): Promise<T> {
    if (this.#closed) return Promise.reject(gone(command));
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new ApemuError('APEMU_ERR_QEMU_QMP', `QEMU does not answer ${command}`));
        this.#socket.destroy();
      }, GREETING_TIMEOUT_MS);
      this.#waiting.push({ command, resolve: resolve as (value: unknown) => void, reject, timer });
      const request =
        args === undefined ? { execute: command } : { execute: command, arguments: args };
      this.#socket.write(`${JSON.stringify(request)}\r\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #ready(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#socket.destroy();
        const hint = 'is another program connected to it?';
        reject(new ApemuError('APEMU_ERR_QEMU_QMP', `the monitor at ${path} is silent: ${hint}`));
      }, COMMAND_TIMEOUT_MS);
      this.#greeting = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#text !== '') this.#receive('');
    });
  }

  #receive(chunk: string): void {
    this.#text += chunk;
    const lines = this.#text.split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() !== '') this.#message(JSON.parse(line) as Record<string, unknown>);
    }
  }

  #message(message: Record<string, unknown>): void {
    if ('QMP' in message) this.#greeting?.();
    else if ('event' in message) {
      const data = (message['data'] ?? {}) as Record<string, unknown>;
      this.onEvent({ event: String(message['event']), data });
    } else {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) return;
      clearTimeout(waiting.timer);
      if ('return' in message) waiting.resolve(message['return']);
      else waiting.reject(refused(waiting.command, message['error']));
    }
  }

  #end(): void {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) {
      clearTimeout(waiting.timer);
      waiting.reject(gone(waiting.command));
    }
    this.onClose();
  }
}

function refused(command: string, error: unknown): ApemuError {
  const text = (error as { desc?: string } | undefined)?.desc ?? JSON.stringify(error);
  return new ApemuError('APEMU_ERR_QEMU_QMP', `QEMU refuses ${command}: ${text}`, { cause: error });
}

function gone(command: string): ApemuError {
  return new ApemuError('APEMU_ERR_QEMU_QMP', `QEMU has gone (${command})`);
}
