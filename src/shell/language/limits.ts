// SPDX-License-Identifier: Apache-2.0
// What a script may use: nothing it says makes the process wait for long or use memory without an end.

/** Characters of one text: a variable, what a command prints, a file, a line with its expansions. */
export const MAX_TEXT = 0x100000;
/** Characters of all variables together. */
export const MAX_VARIABLES = 32 * 0x100000;
/** Fields of one command. */
export const MAX_FIELDS = 200_000;
/** Rounds of one loop; more is a loop that never ends. */
export const MAX_ROUNDS = 100_000;
/** Compound commands and substitutions in each other at most. */
export const MAX_COMMAND_DEPTH = 100;
/** Functions, sourced files and `eval` in each other. */
export const MAX_CALLS = 100;

/** Width or precision of a conversion of printf; beyond this it is a mistake, not a wish. */
export const MAX_WIDTH = 4096;

/** The script used more than it may: it ends with this message and status 1. */
export class ShellLimitError extends Error {}

/** A text that is not too long. */
export function bounded(text: string, what: string): string {
  if (text.length <= MAX_TEXT) return text;
  throw new ShellLimitError(`${what} is longer than ${MAX_TEXT / 0x100000} MiB`);
}
