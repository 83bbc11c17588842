// SPDX-License-Identifier: Apache-2.0
// A QMP client: JSON lines over a Unix socket. Commands are answered in order, and events are passed on. Every message is checked. If a
// peer breaks the protocol, the connection is closed, with one sentence that tells what the peer did.
// Source: QEMU, docs/interop/qmp-spec.

import { createConnection, type Socket } from 'node:net';
import type { TSchema } from 'typebox';
import { Check, Errors } from 'typebox/value';
import { ApemuError } from '../errors.ts';
import {
  COMMANDS,
  type Command,
  EVENT,
  GREETING,
  REFUSAL,
  RETURN,
  type Returned,
} from './qmp-schema.ts';
import { owned } from './streams.ts';

/** An asynchronous message of QEMU, for example RESET or SHUTDOWN. */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The part of the monitor that most of this folder needs. */
export interface Monitor {
  execute<C extends Command>(command: C, args?: Record<string, unknown>): Promise<Returned<C>>;
}

interface Waiting {
  readonly command: Command;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Milliseconds that one command may take. QEMU answers in far less than a millisecond, unless it hangs. */
const COMMAND_TIMEOUT_MS = 10_000;
/** Milliseconds. QEMU sends its greeting at once, but to one client at a time. */
const GREETING_TIMEOUT_MS = 3_000;
/** Length in bytes of the longest line. The registers of all CPUs take a quarter of it. */
const LINE_MAX = 0x400000;
/** Number of characters of a peer's message that are shown. */
const SHOWN = 60;

/** How to connect. */
export interface QmpOptions {
  /** Ends the attempt to connect. */
  readonly signal?: AbortSignal | undefined;
  readonly greetingTimeoutMs?: number;
  readonly commandTimeoutMs?: number;
}

/** A connection to QEMU's monitor. */
export class Qmp implements Monitor {
  /** Called for every event. */
  onEvent: (event: QmpEvent) => void = () => {};
  /** Resolves when the connection has ended and every message that came has been passed on. */
  readonly ended: Promise<void>;
  readonly #path: string;
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #waiting: Waiting[] = [];
  readonly #greeting: Promise<void>;
  #greeted: () => void = () => {};
  #text = '';
  #closed = false;
  /** Reason why this side ended the connection. */
  #reason: ApemuError | undefined;

  private constructor(path: string, socket: Socket, options: QmpOptions) {
    this.#path = path;
    this.#socket = socket;
    this.#timeoutMs = options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS;
    this.#greeting = new Promise((resolve) => {
      this.#greeted = resolve;
    });
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => this.#receive(chunk));
    owned(socket);
    this.ended = new Promise((resolve) =>
      socket.on('close', () => {
        this.#end();
        resolve();
      }),
    );
  }

  /**
   * Connects to a monitor's Unix socket and leaves its greeting mode.
   *
   * @throws ApemuError APEMU_ERR_QEMU_QMP when nobody answers there, or not as a monitor does
   */
  static async connect(path: string, options: QmpOptions = {}): Promise<Qmp> {
    const socket = createConnection(path);
    const qmp = new Qmp(path, socket, options);
    return whileNotAborted(qmp, options.signal, () => qmp.#ready(options));
  }

  async #ready(options: QmpOptions): Promise<Qmp> {
    const path = this.#path;
    const socket = this.#socket;
    const connected = new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', (cause) =>
        reject(
          failure(
            `no QEMU monitor answers at ${path}: ${cause.message}. Start QEMU with -qmp unix:${path},server=on,wait=off`,
            cause,
          ),
        ),
      );
    });
    // A socket that is destroyed before it has connected reports neither success nor failure.
    await Promise.race([connected, this.ended]);
    const timer = setTimeout(
      () => this.#leave('is silent: is another program connected to it?'),
      options.greetingTimeoutMs ?? GREETING_TIMEOUT_MS,
    );
    await Promise.race([this.#greeting, this.ended]);
    clearTimeout(timer);
    await this.execute('qmp_capabilities');
    return this;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Runs a command and gives its `return` member.
   *
   * @throws ApemuError APEMU_ERR_QEMU_QMP when it is refused, is not answered, or with something else
   */
  execute<C extends Command>(command: C, args?: Record<string, unknown>): Promise<Returned<C>> {
    if (this.#closed) return Promise.reject(this.#gone(command));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#leave(`does not answer ${command} within ${this.#timeoutMs / 1000} s`),
        this.#timeoutMs,
      );
      this.#waiting.push({ command, resolve, reject, timer });
      const request =
        args === undefined ? { execute: command } : { execute: command, arguments: args };
      this.#socket.write(`${JSON.stringify(request)}\r\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: string): void {
    this.#text += chunk;
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      const line = this.#text.slice(0, end).trim();
      this.#text = this.#text.slice(end + 1);
      if (line !== '') this.#message(line);
      if (this.#reason !== undefined) return;
    }
    if (this.#text.length > LINE_MAX) this.#leave(`sends a line of more than ${LINE_MAX} bytes`);
  }

  #message(line: string): void {
    const message = parsed(line);
    if (Check(GREETING, message)) this.#greeted();
    else if (Check(EVENT, message))
      this.onEvent({ event: message.event, data: message.data ?? {} });
    else if (Check(RETURN, message)) this.#returned(message.return);
    else if (Check(REFUSAL, message)) this.#refused(message.error.desc);
    else this.#leave(`speaks no QMP: it sent ${shown(line)}`);
  }

  #returned(value: unknown): void {
    const waiting = this.#answered();
    if (waiting === undefined) return;
    const { command } = waiting;
    const mistake = mistakeOf(COMMANDS[command], value);
    if (mistake === undefined) waiting.resolve(value as never);
    else {
      const error = `answers ${command} with ${shown(jsonOf(value))}: ${mistake}`;
      this.#leave(error);
      waiting.reject(this.#gone(command));
    }
  }

  #refused(desc: string): void {
    const waiting = this.#answered();
    waiting?.reject(failure(`QEMU refuses ${waiting.command}: ${shown(desc)}`));
  }

  #answered(): Waiting | undefined {
    const waiting = this.#waiting.shift();
    clearTimeout(waiting?.timer);
    return waiting;
  }

  /** Ends the connection because of what the peer did. */
  #leave(what: string): void {
    this.#reason ??= failure(`the monitor at ${this.#path} ${what}`);
    this.#text = '';
    this.#socket.destroy();
  }

  #end(): void {
    this.#closed = true;
    const half = this.#text.trim();
    if (half !== '') this.#leave(`has gone in the middle of a line: ${shown(half)}`);
    for (const waiting of this.#waiting.splice(0)) {
      clearTimeout(waiting.timer);
      waiting.reject(this.#gone(waiting.command));
    }
  }

  #gone(command: Command): ApemuError {
    return this.#reason ?? failure(`QEMU has gone: the monitor at ${this.#path} (${command})`);
  }
}

/** Does something with a connection that `signal` can end meanwhile. */
export async function whileNotAborted<T>(
  qmp: Qmp,
  signal: AbortSignal | undefined,
  action: () => Promise<T>,
): Promise<T> {
  const stop = () => qmp.close();
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  try {
    return await action();
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** Where a value differs from the schema, and what it should be. */
function mistakeOf(schema: TSchema, value: unknown): string | undefined {
  if (Check(schema, value)) return undefined;
  const [first] = Errors(schema, value);
  const place = first?.instancePath === '' ? '' : `${first?.instancePath} `;
  return `${place}${first?.message ?? 'is something else'}`;
}

/** A value as text; what is nested without end has none. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'lists in lists';
  }
}

const shown = (text: string): string =>
  text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}… (${text.length} characters)`;

function failure(text: string, cause?: unknown): ApemuError {
  return new ApemuError('APEMU_ERR_QEMU_QMP', text, cause === undefined ? {} : { cause });
}
