// SPDX-License-Identifier: Apache-2.0
// The console of a guest whose init reads commands (guest-image): waits for lines, runs a command, and returns its output and status.

import type { Readable, Writable } from 'node:stream';
import { ApemuError } from '../errors.ts';
import { READY_MARK, STATUS_MARK } from './guest-image/guest-files.ts';
import { KeptText } from './kept-text.ts';
import { owned } from './streams.ts';

/** Kernel parameter that makes the guest image read commands instead of giving a shell. */
export const SCRIPT_CONSOLE = 'apemu.console=script';

/** The result of a command in the guest. */
export interface GuestCommand {
  readonly status: number;
  readonly output: string;
}

/** What a shell shows when it waits for a command. The shell of busybox then also asks its terminal for the place of the cursor. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what that shell sends
export const SHELL_PROMPT = /[#$] (?:\u001b\[6n)?$/;

/** Beginning of the lines before and after the output of a command. */
const MARK = 'apemu-run';
const END_MARK = `${MARK}: end `;

/** Places in a command at which one of the texts begins. */
function beginnings(command: string, texts: readonly string[]): Set<number> {
  const places = new Set<number>();
  for (const text of texts.filter((one) => one !== ''))
    for (let at = command.indexOf(text); at >= 0; at = command.indexOf(text, at + 1))
      places.add(at);
  return places;
}

/** A character written so that `printf %b` makes it again. */
const octal = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `\\0${byte.toString(8).padStart(3, '0')}`).join('');

const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', "'": `'\\''` };

/**
 * A command of any number of lines as a single line, since a terminal takes one at a time.
 *
 * @param texts that must not occur in what is typed
 */
function inOneLine(command: string, texts: readonly string[]): string {
  const hidden = beginnings(command, texts);
  let at = 0;
  const characters = [...command].map((character) => {
    const place = at;
    at += character.length;
    return hidden.has(place) ? octal(character) : (ESCAPED[character] ?? character);
  });
  return `sh -c "$(printf %b '${characters.join('')}')"`;
}

/**
 * What `perform` types for a command.
 *
 * @param texts that are looked for on the console; they are typed in another form, so that an echo is not taken for them
 */
export function typedLine(command: string, texts: readonly string[] = []): string {
  const mark = (what: string, value: string) => `printf '${MARK}: %s %s\\n' ${what} ${value}`;
  return `${mark('begin', '1')}; ${inOneLine(command, texts)}; ${mark('end', '$?')}\n`;
}

/** Where output ends of which no more may come: before the mark, or before what may be its beginning. */
function outputEnd(text: string): number {
  const mark = text.indexOf(END_MARK);
  if (mark >= 0) return mark;
  for (let length = END_MARK.length - 1; length > 0; length--)
    if (text.endsWith(END_MARK.slice(0, length))) return text.length - length;
  return text.length;
}

/** A match, and where it begins. */
interface Found {
  readonly match: RegExpExecArray;
  readonly at: number;
}

interface Waiting {
  readonly pattern: RegExp;
  /** What is before it was looked through. */
  from: number;
  readonly resolve: (found: Found) => void;
  readonly reject: () => void;
}

/** What is waited for is shorter: what was looked through is looked through again from so far before its end, or its last line. */
const LOOKED_AGAIN = 4096;

/** Longest time a guest may take from its start to its first prompt. */
export const BOOT_MS = 120_000;

/** A guest's console as text. */
export class GuestConsole {
  /** Called with each piece of output. */
  onText: (piece: string) => void = () => {};
  readonly #input: Writable;
  readonly #kept = new KeptText();
  #waiting: Waiting[] = [];
  #commands = 0;
  #ended = false;

  constructor(output: Readable, input: Writable) {
    this.#input = owned(input);
    owned(output);
    output.setEncoding('latin1');
    output.on('data', (chunk: string) => {
      const piece = chunk.replaceAll('\r', '');
      this.#kept.add(piece);
      this.onText(piece);
      this.#match();
    });
    output.on('close', () => {
      this.#ended = true;
      this.#match();
    });
  }

  /** What the guest has printed, without carriage returns: the newest of it. */
  get text(): string {
    return this.#kept.text;
  }

  /** The place of what it prints next. */
  get end(): number {
    return this.#kept.end;
  }

  /**
   * Waits until the text from the place `from` on matches.
   *
   * @throws ApemuError APEMU_ERR_GUEST_CONSOLE when QEMU ends first or the time is over; the last lines are part of the message
   */
  waitFor(pattern: RegExp, timeoutMs?: number, from = 0): Promise<Found> {
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMs === undefined ? undefined : setTimeout(() => fail('does not answer'), timeoutMs);
      const fail = (what: string) => {
        clearTimeout(timer);
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        const last = this.text.split('\n').slice(-15).join('\n');
        reject(
          new ApemuError('APEMU_ERR_GUEST_CONSOLE', `the guest ${what} (${pattern}):\n${last}`),
        );
      };
      const waiting: Waiting = {
        pattern,
        from,
        resolve: (found) => {
          clearTimeout(timer);
          resolve(found);
        },
        reject: () => fail('has ended'),
      };
      this.#waiting.push(waiting);
      this.#match();
    });
  }

  /** Waits until the guest's init reads commands. */
  async ready(timeoutMs: number): Promise<void> {
    await this.waitFor(new RegExp(READY_MARK), timeoutMs);
  }

  /** Forgets what the guest has printed and its number of commands, because it is about to restart. */
  restart(): void {
    this.#kept.clear();
    this.#commands = 0;
  }

  /** Runs one shell command in the guest. Only one can run at a time. */
  async run(command: string, timeoutMs = 60_000): Promise<GuestCommand> {
    const number = ++this.#commands;
    const from = this.end;
    this.#input.write(`${command.replaceAll('\n', '; ')}\n`);
    const pattern = new RegExp(`^${STATUS_MARK} ${number} (\\d+)$`, 'm');
    const { match, at } = await this.waitFor(pattern, timeoutMs, from);
    return { status: Number(match[1]), output: this.#kept.between(from, at) };
  }

  /**
   * Runs a command in any shell that reads from this console, whether it shows what is typed or not.
   *
   * @param onOutput takes what the command prints, and nothing else, while it does
   * @param texts that others look for on the console: see `typedLine`
   * @returns its exit status
   */
  async perform(
    command: string,
    onOutput: (text: string) => void,
    texts: readonly string[] = [],
  ): Promise<number> {
    const from = this.end;
    this.#input.write(typedLine(command, texts));
    const begin = await this.waitFor(new RegExp(`${MARK}: begin 1\n`), undefined, from);
    const start = begin.at + begin.match[0].length;
    let shown = start;
    const show = (end: number) => {
      if (end > shown) onOutput(this.#kept.between(shown, end));
      shown = Math.max(shown, end);
    };
    const showMore = () => show(shown + outputEnd(this.#kept.between(shown)));
    this.onText = showMore;
    // This shows what came together with the mark.
    showMore();
    const { match, at } = await this.waitFor(new RegExp(`${END_MARK}(\\d+)\n`), undefined, start);
    this.onText = () => {};
    show(at);
    return Number(match[1]);
  }

  #match(): void {
    const { end } = this.#kept;
    for (const waiting of [...this.#waiting]) {
      const found = this.#kept.find(waiting.pattern, waiting.from);
      if (found !== undefined) {
        this.#waiting = this.#waiting.filter((other) => other !== waiting);
        waiting.resolve(found);
      } else if (this.#ended) waiting.reject();
      else waiting.from = Math.max(waiting.from, this.#kept.lineBefore(end - LOOKED_AGAIN));
    }
  }
}
