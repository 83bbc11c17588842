// SPDX-License-Identifier: Apache-2.0
// Limits for scripts, so that nothing in one makes the process wait for long or use memory without end.

/** Characters of one text: a variable, the output of a command, a file, or a line with its expansions. */
export const MAX_TEXT = 0x100000;
/** Characters of all variables together. */
export const MAX_VARIABLES = 32 * 0x100000;
/** Number of fields of one command. */
export const MAX_FIELDS = 200_000;
/** Number of rounds of one loop. One with more is a loop that never ends. */
export const MAX_ROUNDS = 100_000;
/** Nesting of compound commands and substitutions. */
export const MAX_COMMAND_DEPTH = 100;
/** Nesting of functions, sourced files and `eval`. */
export const MAX_CALLS = 100;

/** Width or precision of a conversion in printf. A higher one must be a mistake. */
export const MAX_WIDTH = 4096;

/** The script has used more than it may. It ends with this message and status 1. */
export class ShellLimitError extends Error {}

/** Returns a text, or throws ShellLimitError if it is too long. */
export function bounded(text: string, what: string): string {
  if (text.length <= MAX_TEXT) return text;
  throw new ShellLimitError(`${what} is longer than ${MAX_TEXT / 0x100000} MiB`);
}
