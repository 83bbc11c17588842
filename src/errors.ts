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

/**
 * Whose fault an error is: the command line's, the input's (configuration, program, recording, script), a guest's (its program threw, its
 * kernel ended badly), the computer's (a file, memory, a permission), or ours.
 */
export type Fault = 'usage' | 'input' | 'guest' | 'system' | 'internal';

/** Codes of errors that a guest caused. */
const GUEST_CODES = ['APEMU_ERR_GUEST_ENDED', 'APEMU_ERR_GUEST_FAILED', 'APEMU_ERR_GUEST_ENDLESS'];
/** V8's words for memory that there is not. */
const NO_MEMORY = /allocat|out of memory|Invalid typed array length|Invalid array buffer length/i;

/** The one place that tells whose fault an error is; exit codes and messages follow from it. */
export function faultOf(error: unknown): Fault {
  if (error instanceof ApemuError) {
    if (GUEST_CODES.includes(error.code)) return 'guest';
    return error.code.startsWith('APEMU_ERR_USAGE') ? 'usage' : 'input';
  }
  if (isSystemError(error)) return 'system';
  return error instanceof RangeError && NO_MEMORY.test(error.message) ? 'system' : 'internal';
}

/** A system call that failed, as Node.js reports it. */
export const isSystemError = (
  error: unknown,
): error is Error & {
  readonly code: string;
  readonly syscall: string;
  readonly path?: string;
} =>
  error instanceof Error &&
  'syscall' in error &&
  typeof (error as { code?: unknown }).code === 'string';
