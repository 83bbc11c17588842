// SPDX-License-Identifier: Apache-2.0
// What one command of the shell is: its row in the table of commands.
// Source: docs/design.md section 7.
import type { Operation } from '../ap-bus/operation.ts';
import type { CommandResult } from '../sysfs/command.ts';
import type { ShellContext } from './context.ts';

/** Standard input: what one command leaves, the next one gets. */
export class Input {
  #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Everything up to the end. */
  all(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }

  /** One line without its newline; undefined at the end. */
  line(): string | undefined {
    if (this.#text === '') return undefined;
    const end = this.#text.indexOf('\n');
    const line = end < 0 ? this.#text : this.#text.slice(0, end);
    this.#text = end < 0 ? '' : this.#text.slice(end + 1);
    return line;
  }
}

export interface Invocation {
  readonly context: ShellContext;
  /** As typed, for messages. */
  readonly name: string;
  readonly args: readonly string[];
  readonly input: Input;
  /** Whether output goes to a terminal, so that names may stand in columns. */
  readonly toTerminal: boolean;
}

export type Run = (
  invocation: Invocation,
) => CommandResult | Operation<CommandResult> | Promise<CommandResult>;

export interface CommandRow {
  readonly name: string;
  /** Operands, for `help`. */
  readonly usage: string;
  readonly meaning: string;
  /** A builtin of bash: its messages begin with `bash: `, its output is written line by line. */
  readonly builtin?: true;
  readonly run: Run;
}

/** Prints a table: left-aligned columns, two blanks apart. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, n) => {
      widths[n] = Math.max(widths[n] ?? 0, cell.length);
    });
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, n) => cell.padEnd(widths[n]))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
