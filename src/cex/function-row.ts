// SPDX-License-Identifier: Apache-2.0
// A row of a mode's function table: what the card does with a function code, or why it does not.

/** What the emulator does with one function. */
export interface FunctionRow {
  /** Code as in the message: two letters (CCA), a number (EP11), a format name (accelerator). */
  readonly code: string;
  readonly name: string;
  /** `full`: computed; `part`: some forms only; `none`: refused as the reference says. */
  readonly support: 'full' | 'part' | 'none';
  /** For `part` and `none`: what is missing, and why. */
  readonly reason?: string;
  /** Allowed on a card with the restricted function set: clear key, random numbers, queries. */
  readonly clear?: boolean;
  /** Whether it exists only with the special bit of NQAP. */
  readonly special?: boolean;
}
