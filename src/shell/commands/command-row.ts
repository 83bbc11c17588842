// SPDX-License-Identifier: Apache-2.0
// One command of the shell: its row in the table of commands.
// Source: docs/design.md section 7.
import type { Operation } from '../../ap-bus/operation.ts';
import { LINE_COLUMNS, wrapped } from '../../s390-tools/options.ts';
import type { CommandResult } from '../../sysfs/command.ts';
import type { ShellContext } from '../context.ts';
import type { Input } from '../language/input.ts';
import type { Streams } from '../language/sinks.ts';

export interface Invocation {
  readonly context: ShellContext;
  /** The command's name as it was typed, for messages. */
  readonly name: string;
  readonly args: readonly string[];
  /** All commands that exist, by name. */
  readonly commands: ReadonlyMap<string, CommandRow>;
  readonly input: Input;
  /** Whether output goes to a terminal, where names can be printed in columns. */
  readonly toTerminal: boolean;
  readonly streams: Streams;
  /** Runs a text with these streams. The context then has its status. */
  execute(text: string): Promise<void>;
  /** Runs a command with these streams, or with another standard input. The context then has its status. */
  invoke(
    words: readonly string[],
    options?: { readonly stdin?: Input; readonly functions?: boolean },
  ): Promise<void>;
  /** Number of operands that are assignments. */
  readonly declared: number;
  /** Makes the assignments among the operands, and calls `before` ahead of each. Returns the names. */
  declare(before: (name: string, isArray: boolean) => void): Promise<string[]>;
  /** The value of an arithmetic expression. Throws ExpansionError. */
  evaluate(text: string): bigint;
  /** For `exec`: keeps the streams of this command for those that follow. */
  replaceStreams(): void;
}

export type Run = (
  invocation: Invocation,
) => CommandResult | Operation<CommandResult> | Promise<CommandResult>;

export interface CommandRow {
  readonly name: string;
  /** The operands, for `help`. */
  readonly usage: string;
  readonly meaning: string;
  /** More lines for `help`, about verbs and options; about one verb if it is given. */
  readonly details?: (verb?: string) => string;
  /** Options, for completion. */
  readonly options?: readonly string[];
  /** Values of the first operand, for completion. */
  readonly verbs?: readonly string[];
  /** Set for a builtin of bash: its messages begin with `bash: `, and its output is written line by line. */
  readonly builtin?: true;
  readonly run: Run;
}

/** Prints a table with left-aligned columns that are two blanks apart. */
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

/** Words and what they mean, for `help`: side by side where all of it fits, else one below the other. */
export function described(rows: readonly (readonly [string, string])[]): string {
  const table = columns(rows.map(([words, meaning]) => [`  ${words}`, meaning]));
  if (table.split('\n').every((line) => line.length <= LINE_COLUMNS)) return table;
  return rows
    .map(([words, meaning]) => `  ${wrapped(words, 6, 2)}\n      ${wrapped(meaning, 6)}\n`)
    .join('');
}
