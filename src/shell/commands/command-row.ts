// SPDX-License-Identifier: Apache-2.0
// What one command of the shell is: its row in the table of commands.
// Source: docs/design.md section 7.
import type { Operation } from '../../ap-bus/operation.ts';
import type { CommandResult } from '../../sysfs/command.ts';
import type { ShellContext } from '../context.ts';
import type { Input } from '../language/input.ts';
import type { Streams } from '../language/sinks.ts';

export interface Invocation {
  readonly context: ShellContext;
  /** The command's name as it was typed, for messages. */
  readonly name: string;
  readonly args: readonly string[];
  /** Every command there is, by name. */
  readonly commands: ReadonlyMap<string, CommandRow>;
  readonly input: Input;
  /** Whether output goes to a terminal, so that names may stand in columns. */
  readonly toTerminal: boolean;
  readonly streams: Streams;
  /** Runs a text in these streams; its status is in the context. */
  execute(text: string): Promise<void>;
  /** Runs a command in these streams, or with another standard input; its status is in the context. */
  invoke(
    words: readonly string[],
    options?: { readonly stdin?: Input; readonly functions?: boolean },
  ): Promise<void>;
  /** How many operands are assignments. */
  readonly declared: number;
  /** Makes the assignments among the operands; `before` is called ahead of each. The names. */
  declare(before: (name: string, isArray: boolean) => void): Promise<string[]>;
  /** The value of an arithmetic expression. Throws ExpansionError. */
  evaluate(text: string): bigint;
  /** `exec`: the streams of this command stay. */
  replaceStreams(): void;
}

export type Run = (
  invocation: Invocation,
) => CommandResult | Operation<CommandResult> | Promise<CommandResult>;

export interface CommandRow {
  readonly name: string;
  /** Operands, for `help`. */
  readonly usage: string;
  readonly meaning: string;
  /** More lines for `help`: verbs, options; of one verb where it is given. */
  readonly details?: (verb?: string) => string;
  /** Options, for completion. */
  readonly options?: readonly string[];
  /** First operands with a fixed choice, for completion. */
  readonly verbs?: readonly string[];
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
