// SPDX-License-Identifier: Apache-2.0
// The shell on a terminal: prompt, line editing, history, Ctrl-R, completion, Ctrl-C. The shell may be one in this process or that
// of a running apemu.
// Source: node:readline.

import { createInterface, type Interface } from 'node:readline';
import type { Completion } from '../shell/complete.ts';
import { type CommandIo, EXIT_OK } from './io.ts';
import { type Editor, type Key, ReverseSearch } from './reverse-search.ts';
import { HISTORY_LINES, historyFile, readHistory, writeHistory } from './shell-history.ts';

const GREETING = 'apemu: help lists the commands, Tab completes, exit ends. Time is virtual.\n';

/** A shell to which a person types. */
export interface TerminalShell {
  /** Runs a text and returns its exit status. */
  run(text: string): Promise<number>;
  /** Whether more lines are needed before the text can run. */
  isIncomplete(text: string): boolean | Promise<boolean>;
  complete(line: string): Completion | Promise<Completion>;
  /** Called at Ctrl-C: ends what is running. */
  interrupt(): void;
  readonly directory: string;
  readonly ended: boolean;
  /** Exit status of the last command, or that of `exit`. */
  readonly status: number;
  close(): void;
}

/** The line editor with the method that gets each key. */
interface KeyedEditor extends Interface {
  _ttyWrite(text: string | undefined, key: Key): void;
}

/** Runs until `exit` or Ctrl-D; the exit status. */
export async function runTerminal(
  shell: TerminalShell,
  name: string,
  keepHistory: boolean,
  io: CommandIo,
): Promise<number> {
  const file = keepHistory ? historyFile(process.env) : undefined;
  let history = readHistory(file);
  const lines = createInterface({
    input: io.input,
    output: process.stdout,
    terminal: true,
    history: [...history],
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
    completer: (line: string, done: (error: Error | null, result?: [string[], string]) => void) => {
      Promise.resolve(shell.complete(line)).then(
        ({ candidates, word }) => done(null, [[...candidates], word]),
        () => done(null, [[], line]),
      );
    },
  });
  lines.on('history', (all: string[]) => {
    history = [...all];
  });
  searchable(lines as KeyedEditor, () => history);
  const session = new Session(shell, lines, name);
  io.out(GREETING);
  try {
    return await session.run();
  } finally {
    lines.close();
    const failure = writeHistory(file, history);
    if (failure !== undefined) io.log.warn({ err: failure }, `history not saved to ${file}`);
    shell.close();
  }
}

/** Makes keys go to the search first. */
function searchable(lines: KeyedEditor, history: () => readonly string[]): void {
  const search = new ReverseSearch(lines as unknown as Editor, history);
  const edit = lines._ttyWrite.bind(lines);
  lines._ttyWrite = (text, key) => {
    if (!search.key(text, key)) edit(text, key);
  };
}

/** Reads lines from the terminal and shows prompts until the shell ends. */
class Session {
  readonly #shell: TerminalShell;
  readonly #lines: Interface;
  readonly #name: string;
  #text = '';
  #running = false;

  constructor(shell: TerminalShell, lines: Interface, name: string) {
    this.#shell = shell;
    this.#lines = lines;
    this.#name = name;
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
    return this.#shell.ended ? this.#shell.status : EXIT_OK;
  }

  #prompt(): void {
    const { directory } = this.#shell;
    this.#lines.setPrompt(this.#text === '' ? `${this.#name}:${directory}# ` : '> ');
    this.#lines.prompt();
  }

  async #line(line: string): Promise<void> {
    this.#text += `${line}\n`;
    // A shell elsewhere may not answer this either.
    this.#running = true;
    if (!(await this.#shell.isIncomplete(this.#text))) {
      const text = this.#text;
      this.#text = '';
      await this.#shell.run(text);
    }
    this.#running = false;
  }

  /** Ctrl-C ends a command that is running; at the prompt it discards what was typed. */
  #ctrlC(): void {
    process.stdout.write('^C\n');
    if (this.#running) {
      this.#shell.interrupt();
      return;
    }
    this.#text = '';
    this.#lines.write(null, { ctrl: true, name: 'u' });
    this.#lines.write(null, { ctrl: true, name: 'k' });
    this.#prompt();
  }
}
