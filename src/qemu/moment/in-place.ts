// SPDX-License-Identifier: Apache-2.0
// The fast way back to a moment: a plugin inside QEMU puts its devices, and what the guest has written, back, and QEMU runs on.
// Source: src/qemu/plugin/moment.c; docs/reference/fuzzing.md section 3.
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { ApemuError } from '../../errors.ts';
import type { RunningQemu } from '../launch.ts';
import type { Poller } from '../poller.ts';
import type { ServedGuest } from '../serve.ts';
import { owned } from '../streams.ts';
import type { Moment } from './moment.ts';
import { openProcessRam } from './process-ram.ts';

/** Milliseconds. A command takes a few, and so does loading the state for the self-test. */
const ANSWER_MS = 10_000;

/** Options for a QEMU in which moments are to be kept in place. */
export interface InPlaceLaunch {
  readonly extra: readonly string[];
  readonly socket: string;
}

/**
 * @param plugin path of the built plugin `moment`
 * @param folder where its socket will be
 */
export const inPlaceLaunch = (plugin: string, folder: string): InPlaceLaunch => {
  const socket = join(folder, 'moment');
  // Only the state of the devices is loaded, so it must not begin with what a whole migration begins with.
  const machine = ['-global', 'migration.send-configuration=off', '-machine', 'suppress-vmdesc=on'];
  const ends = ['-action', 'panic=pause,shutdown=pause'];
  return { extra: ['-plugin', `${plugin},sock=${socket}`, ...machine, ...ends], socket };
};

/** The plugin in one QEMU. */
class MomentPlugin {
  readonly #socket: Socket;
  readonly #waiting: ((line: string | undefined) => void)[] = [];
  #text = '';

  constructor(path: string) {
    this.#socket = createConnection(path);
    this.#socket.setEncoding('latin1');
    owned(this.#socket);
    this.#socket.on('data', (chunk: string) => this.#receive(chunk));
    this.#socket.on('close', () => {
      for (const answer of this.#waiting.splice(0)) answer(undefined);
    });
  }

  /**
   * The words after `ok` in the plugin's answer.
   *
   * @throws ApemuError APEMU_ERR_QEMU_MOMENT for `no`, or if QEMU has gone
   */
  async ask(command: string): Promise<string> {
    const line = await new Promise<string | undefined>((resolve) => {
      const timer = setTimeout(() => this.#socket.destroy(), ANSWER_MS);
      this.#waiting.push((answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      if (this.#socket.destroyed) this.#waiting.pop()?.(undefined);
      else this.#socket.write(`${command}\n`);
    });
    if (line?.startsWith('ok') === true) return line.slice(3);
    const why = line === undefined ? 'QEMU has gone' : line.slice(3);
    throw new ApemuError('APEMU_ERR_QEMU_MOMENT', `the guest cannot be taken back: ${why}`);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: string): void {
    const lines = (this.#text + chunk).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) this.#waiting.shift()?.(line);
  }
}

interface InPlaceParts {
  readonly poller: Poller;
  /** Takes the machine behind the cards back to the moment. */
  readonly restoreMachine: () => void;
}

export class InPlaceMoment implements Moment {
  readonly level = 'in place';
  readonly guest: ServedGuest;
  readonly #qemu: RunningQemu;
  readonly #plugin: MomentPlugin;
  readonly #parts: InPlaceParts;

  private constructor(
    guest: ServedGuest,
    qemu: RunningQemu,
    plugin: MomentPlugin,
    parts: InPlaceParts,
  ) {
    this.guest = guest;
    this.#qemu = qemu;
    this.#plugin = plugin;
    this.#parts = parts;
  }

  /**
   * Keeps the moment at which a guest stands that was booted with `launch`.
   *
   * @throws ApemuError APEMU_ERR_QEMU_MOMENT if the plugin's self-test fails; then that QEMU must be ended
   */
  static async keep(
    guest: ServedGuest,
    { socket }: InPlaceLaunch,
    parts: InPlaceParts,
  ): Promise<InPlaceMoment> {
    const { qemu } = guest;
    if (qemu === undefined)
      throw new ApemuError('APEMU_ERR_QEMU_MOMENT', 'only a guest we have started has moments');
    const plugin = new MomentPlugin(socket);
    try {
      await plugin.ask('save');
      qemu.ram.become(openProcessRam(qemu.pid, qemu.ram));
    } catch (error) {
      plugin.close();
      throw error;
    }
    return new InPlaceMoment(guest, qemu, plugin, parts);
  }

  get output(): Readable {
    return this.#qemu.output as Readable;
  }

  get input(): Writable {
    return this.#qemu.input as Writable;
  }

  async restore(): Promise<void> {
    const { attachment } = this.guest;
    const { poller, restoreMachine } = this.#parts;
    // While storage is put back, it is a mixture, so nobody may look at the mailboxes.
    poller.remove(attachment);
    // A restart that is on its way to a CPU would arrive after the return.
    await attachment.pause.alone(() => this.#plugin.ask('load'));
    restoreMachine();
    if (attachment.state !== 'ended') poller.add(attachment);
    attachment.interruptions.reset();
    if (attachment.state === 'attached') return;
    const why = attachment.problem ?? 'it was reset';
    throw new ApemuError('APEMU_ERR_QEMU_MOMENT', `the guest cannot be taken back: ${why}`);
  }

  async go(): Promise<void> {
    // Whoever tried to hold the guest at this moment would think that its user has stopped it.
    await this.guest.attachment.pause.alone(() => this.#plugin.ask('go'));
  }

  async skip(leastNs: number, mostNs: number): Promise<number> {
    const { pause } = this.guest.attachment;
    const by = await pause.alone(() =>
      this.#plugin.ask(`skip ${Math.round(leastNs)} ${Math.round(mostNs)}`),
    );
    return Number(by);
  }

  async close(): Promise<void> {
    this.#plugin.close();
    await this.guest.close();
  }
}
