// SPDX-License-Identifier: Apache-2.0
// The one error class of the project: what went wrong, with a stable code, the offending value and its cause.

/** Place of a mistake in a text. Lines and columns count from 1. */
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
  /** Name of the errno if the error stands for a failed system call (`EADDRINUSE`), else undefined. */
  readonly errno: string | undefined;
  /** Place of the mistake, if it is in a text. */
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
 * What has caused an error: the command line, the input (configuration, program, recording, script), a guest (its program threw, or its
 * kernel ended badly), the computer (a file, memory, a permission), or a mistake in apemu.
 */
export type Fault = 'usage' | 'input' | 'guest' | 'system' | 'internal';

/** Codes of errors that a guest caused. */
const GUEST_CODES = ['APEMU_ERR_GUEST_ENDED', 'APEMU_ERR_GUEST_FAILED', 'APEMU_ERR_GUEST_ENDLESS'];
/** V8's words for memory that there is not. */
const NO_MEMORY = /allocat|out of memory|Invalid typed array length|Invalid array buffer length/i;

/** Decides what has caused an error. Exit codes and messages follow from this alone. */
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
