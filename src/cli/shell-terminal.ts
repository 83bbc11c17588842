// SPDX-License-Identifier: Apache-2.0
// The shell on a terminal: prompt, line editing, history, completion, Ctrl-C.
// Source: node:readline; XDG Base Directory Specification (state files).

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Machine } from '../host/machine/machine.ts';
import { Shell } from '../shell/shell.ts';
import { type CommandIo, EXIT_OK } from './io.ts';
import { shellOptions } from './shell-process.ts';

const HISTORY_LINES = 1000;
const GREETING = 'apemu: help lists the commands, Tab completes, exit ends. Time is virtual.\n';

interface TerminalOptions {
  readonly parameters: readonly string[];
  readonly seed: number | undefined;
  readonly hostFiles: boolean;
}

/** $XDG_STATE_HOME/apemu/history; undefined where the variable is not set. */
function historyFile(): string | undefined {
  const state = process.env['XDG_STATE_HOME'];
  return state === undefined || state === '' ? undefined : join(state, 'apemu', 'history');
}

/** Newest line first, as readline keeps them. A missing file is an empty history. */
function readHistory(file: string | undefined): string[] {
  if (file === undefined) return [];
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.filter((line) => line !== '').reverse();
  } catch {
    return [];
  }
}

function writeHistory(file: string | undefined, history: readonly string[], io: CommandIo): void {
  if (file === undefined) return;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(
      file,
      [...history]
        .reverse()
        .map((line) => `${line}\n`)
        .join(''),
      { mode: 0o600 },
    );
  } catch (error) {
    io.log.warn({ err: error }, `history not saved to ${file}`);
  }
}

/** Runs until `exit` or Ctrl-D; the exit status. */
export async function runTerminal(
  machine: Machine,
  { parameters, seed, hostFiles }: TerminalOptions,
  keepHistory: boolean,
  io: CommandIo,
): Promise<number> {
  let stop = false;
  const shell = new Shell(machine, {
    ...shellOptions(io, hostFiles),
    parameters,
    columns: io.columns,
    directory: '/sys',
    interactive: true,
    interrupted: () => stop,
    ...(seed === undefined ? {} : { seed }),
  });
  const file = keepHistory ? historyFile() : undefined;
  let history = readHistory(file);
  const lines = createInterface({
    input: io.input,
    output: process.stdout,
    terminal: true,
    history: [...history],
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
    completer: (line: string) => {
      const { candidates, word } = shell.complete(line);
      return [[...candidates], word];
    },
  });
  lines.on('history', (all: string[]) => {
    history = [...all];
  });
  const name = basename(machine.config.file ?? 'machine').replace(/\.ya?ml$/, '');
  const session = new Session(shell, lines, name, (interrupted) => {
    stop = interrupted;
  });
  io.out(GREETING);
  try {
    return await session.run();
  } finally {
    lines.close();
    writeHistory(file, history, io);
    shell.close();
  }
}

/** Lines in, prompts out. */
class Session {
  readonly #shell: Shell;
  readonly #lines: Interface;
  readonly #name: string;
  readonly #interrupt: (on: boolean) => void;
  #text = '';
  #running = false;

  constructor(shell: Shell, lines: Interface, name: string, interrupt: (on: boolean) => void) {
    this.#shell = shell;
    this.#lines = lines;
    this.#name = name;
    this.#interrupt = interrupt;
    lines.on('SIGINT', () => this.#ctrlC());
  }

  async run(): Promise<number> {
    this.#prompt();
    for await (const line of this.#lines) {
      await this.#line(line);
      if (this.#shell.ended) break;
      this.#prompt();
    }
    if (!this.#shell.ended) process.stdout.write('\n');
    return this.#shell.context.exitStatus ?? EXIT_OK;
  }

  #prompt(): void {
    const { directory } = this.#shell.context.files;
    this.#lines.setPrompt(this.#text === '' ? `${this.#name}:${directory}# ` : '> ');
    this.#lines.prompt();
  }

  async #line(line: string): Promise<void> {
    this.#text += `${line}\n`;
    if (this.#shell.isIncomplete(this.#text)) return;
    const text = this.#text;
    this.#text = '';
    this.#running = true;
    this.#interrupt(false);
    await this.#shell.run(text);
    this.#running = false;
  }

  /** While a command runs: end it. At the prompt: forget what was typed. */
  #ctrlC(): void {
    process.stdout.write('^C\n');
    if (this.#running) {
      this.#interrupt(true);
      return;
    }
    this.#text = '';
    this.#lines.write(null, { ctrl: true, name: 'u' });
    this.#lines.write(null, { ctrl: true, name: 'k' });
    this.#prompt();
  }
}
