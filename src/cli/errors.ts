// SPDX-License-Identifier: Apache-2.0
// Errors as users read them: place, message, code; never a stack trace.
// Source: docs/design.md section 7.

import { MistakesError } from '../config/mistakes.ts';
import { ApemuError } from '../errors.ts';
import { EXIT_BAD_INPUT, EXIT_USAGE } from './io.ts';

/** Lines for standard error, each with its newline. */
export function formatError(error: unknown): string {
  if (error instanceof MistakesError) return `${error.message}\n`;
  if (error instanceof ApemuError) {
    const { file, line, column } = error.place ?? {};
    const where = [file, line, column].filter((part) => part !== undefined).join(':');
    const errno =
      error.errno === undefined || error.message.includes(error.errno) ? '' : ` (${error.errno})`;
    return `${where === '' ? 'apemu' : where}: ${error.message}${errno} [${error.code}]\n`;
  }
  const message = error instanceof Error ? error.message : String(error);
  return `apemu: internal error: ${message.split('\n')[0]} [APEMU_ERR_INTERNAL] (--log-level debug shows where)\n`;
}

/** The exit code an error ends the process with. */
export function exitCodeOf(error: unknown): number {
  return error instanceof ApemuError && error.code.startsWith('APEMU_ERR_USAGE')
    ? EXIT_USAGE
    : EXIT_BAD_INPUT;
}
