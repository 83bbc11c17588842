// SPDX-License-Identifier: Apache-2.0
// Errors as users read them: place, message, code; never a stack trace.
// Source: docs/design.md section 7.

import { formatMistake, MistakesError } from '../config/mistakes.ts';
import { ApemuError, type Fault, faultOf, isSystemError } from '../errors.ts';
import { EXIT_BAD_INPUT, EXIT_INTERNAL, EXIT_MISMATCH, EXIT_USAGE } from './io.ts';
import { count } from './text.ts';

/** Most mistakes of a file that are shown: a file of another kind has one on every line. */
const MISTAKES_SHOWN = 20;
/** Longest line shown; of a longer one the beginning (the place) and the end (what was expected). */
const LINE_SHOWN = 1000;

/** Lines for standard error, each with its newline. */
export function formatError(error: unknown): string {
  return printable(textOf(error));
}

/** What a file said, safe for a terminal: control characters become `\\x1b`. */
export function printable(text: string): string {
  return text
    .split('\n')
    .map((line) =>
      line.length <= LINE_SHOWN
        ? line
        : `${line.slice(0, LINE_SHOWN / 2)} … ${line.slice(-LINE_SHOWN / 2)}`,
    )
    .join('\n')
    .replace(CONTROL, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

function textOf(error: unknown): string {
  if (error instanceof MistakesError) return mistakesText(error);
  if (error instanceof ApemuError) {
    const { file, line, column } = error.place ?? {};
    const where = [file, line, column].filter((part) => part !== undefined).join(':');
    const errno =
      error.errno === undefined || error.message.includes(error.errno) ? '' : ` (${error.errno})`;
    return `${where === '' ? 'apemu' : where}: ${error.message}${errno} [${error.code}]\n`;
  }
  if (isSystemError(error)) {
    const { syscall, path, code } = error;
    return `apemu: the computer refuses ${syscall}${path === undefined ? '' : ` ${path}`}: ${code} [APEMU_ERR_SYSTEM]\n`;
  }
  const message = error instanceof Error ? error.message : String(error);
  if (faultOf(error) === 'system')
    return `apemu: there is not enough memory: ${message} [APEMU_ERR_SYSTEM]\n`;
  return `apemu: internal error: ${message.split('\n')[0]} [APEMU_ERR_INTERNAL] (--log-level debug shows where)\n`;
}

function mistakesText({ mistakes, place }: MistakesError): string {
  const lines = mistakes.slice(0, MISTAKES_SHOWN).map((mistake) => `${formatMistake(mistake)}\n`);
  const more = mistakes.length - lines.length;
  if (more > 0) lines.push(`${place?.file}: and ${count(more, 'mistake')} more\n`);
  return lines.join('');
}

/** The exit code an error ends the process with. */
export const exitCodeOf = (error: unknown): number => EXIT_CODES[faultOf(error)];

const EXIT_CODES: Readonly<Record<Fault, number>> = {
  usage: EXIT_USAGE,
  input: EXIT_BAD_INPUT,
  guest: EXIT_MISMATCH,
  system: EXIT_BAD_INPUT,
  internal: EXIT_INTERNAL,
};
