// SPDX-License-Identifier: Apache-2.0
// What a program printed and how it ended, and the ways the programs of s390-tools end.
// Source: err(3); outputs of s390-tools 2.16 to 2.43 in test/golden/s390-tools.

/** What a program printed and how it ended. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

export const done = (stdout: string): CommandResult => ({ stdout, stderr: '', status: 0 });
export const failed = (stderr: string, status = 1): CommandResult => ({
  stdout: '',
  stderr: `${stderr}\n`,
  status,
});

/** A program at work. What it printed before it gave up stays printed, as a terminal shows it. */
export class ToolRun {
  readonly program: string;
  #stdout = '';
  #stderr = '';

  constructor(program: string) {
    this.program = program;
  }

  /** Text on standard output, as it is. */
  print(text: string): void {
    this.#stdout += text;
  }

  /** A message on standard error with the program's name before it. */
  warn(message: string): void {
    this.#stderr += `${this.program}: ${message}\n`;
  }

  /** Ends with status 0. */
  success(): CommandResult {
    return { stdout: this.#stdout, stderr: this.#stderr, status: 0 };
  }

  /** The end with status 1, after a line as it is. */
  failureWith(line: string): CommandResult {
    this.#stderr += `${line}\n`;
    return { ...this.success(), status: 1 };
  }

  /** The end with status 1, after a message. */
  failure(message: string): CommandResult {
    this.warn(message);
    return { ...this.success(), status: 1 };
  }
}
