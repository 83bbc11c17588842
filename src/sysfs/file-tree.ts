// SPDX-License-Identifier: Apache-2.0
// What commands on files share: the files as they see them, options in letters, what they report.
// Source: GNU coreutils 9.1 (getopt messages).
import type { Errno } from '../ap-bus/errno.ts';
import type { Operation } from '../ap-bus/operation.ts';
import type { CommandResult } from './command.ts';
import type { Listing, ReadResult, Status } from './sysfs.ts';

/** Highest number of levels below a starting point. sysfs has no loops except by links, which are not followed. */
export const MAX_TREE_DEPTH = 32;

/** Files as commands see them: sysfs alone, or sysfs within more. */
export interface FileTree {
  readOperation(path: string): Operation<ReadResult>;
  list(path: string): Listing;
  readlink(path: string): ReadResult;
  realpath(path: string): ReadResult;
  lstat(path: string): Status;
  stat(path: string): Status;
}

/** What a file command ends with; `errno` of the first file that failed. */
export interface FileResult extends CommandResult {
  readonly errno?: Errno;
}

export interface FileCommandInput {
  readonly tree: FileTree;
  readonly args: readonly string[];
  readonly stdin: string;
  /** Width for columns; undefined: one name a line. */
  readonly columns?: number;
}

/** A command that never sleeps gives its result at once. */
export type FileCommand = (input: FileCommandInput) => FileResult | Operation<FileResult>;

/** Collects what a command prints and how it ends. */
export class Report {
  stdout = '';
  stderr = '';
  status = 0;
  errno: Errno | undefined;

  /** A file failed: its message, and the status the program ends with. */
  fail(message: string, status: number, errno?: Errno): void {
    this.stderr += `${message}\n`;
    this.status = Math.max(this.status, status);
    this.errno ??= errno;
  }

  result(): FileResult {
    const { stdout, stderr, status, errno } = this;
    return { stdout, stderr, status, ...(errno === undefined ? {} : { errno }) };
  }
}

/** Options in letters, as getopt takes them. `refused`: the first that is not known, with its message. */
export interface Letters {
  readonly flags: ReadonlySet<string>;
  readonly operands: readonly string[];
  readonly refused: string | undefined;
}

/** Splits `-la x` into letters and operands; `--` ends the options, `-` is an operand. */
export function lettersOf(name: string, args: readonly string[], known: string): Letters {
  const flags = new Set<string>();
  const operands: string[] = [];
  let refused: string | undefined;
  let ended = false;
  for (const arg of args) {
    if (ended || arg === '-' || !arg.startsWith('-')) operands.push(arg);
    else if (arg === '--') ended = true;
    else if (arg.startsWith('--')) refused ??= `${name}: unrecognized option '${arg}'`;
    else
      for (const letter of arg.slice(1)) {
        if (known.includes(letter)) flags.add(letter);
        else refused ??= `${name}: invalid option -- '${letter}'`;
      }
  }
  return { flags, operands, refused };
}
