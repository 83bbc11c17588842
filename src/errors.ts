// SPDX-License-Identifier: Apache-2.0
// The one error class of the project: what went wrong, with a stable code, the offending value and its cause.

/** Where in a text a mistake stands. Lines and columns count from 1. */
export interface SourcePlace {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/**
 * An error a user can act on. Architected outcomes (condition codes, response codes, program interruptions) are values and
 * never take this form.
 */
export class ApemuError extends Error {
  /** Stable code, `APEMU_ERR_<AREA>_<WHAT>`. */
  readonly code: string;
  /** errno name where the error stands for a failed system call (`EADDRINUSE`), else undefined. */
  readonly errno: string | undefined;
  /** Where the mistake stands, if it stands in a text. */
  readonly place: SourcePlace | undefined;

  constructor(
    code: string,
    message: string,
    options: { errno?: string; place?: SourcePlace; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ApemuError';
    this.code = code;
    this.errno = options.errno;
    this.place = options.place;
  }
}
