// SPDX-License-Identifier: Apache-2.0
// What a command of the command line is.

import type { Command } from 'commander';
import type { CommandIo } from './io.ts';

/** Runs a command line, behind `apemu`; the result is its exit code. */
export type RunCommand = (args: readonly string[], io: CommandIo) => Promise<number>;

/** Adds a command to the program; the result of its action becomes the exit code. `run` is for commands that run others. */
export type AddCommand = (
  program: Command,
  io: CommandIo,
  done: (code: number) => void,
  run: RunCommand,
) => void;
