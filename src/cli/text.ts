// SPDX-License-Identifier: Apache-2.0
// Text for a terminal: counts with their noun, tables, warnings.

import type { ConfigWarning, LoadedCluster, LoadedConfig } from '../config/types.ts';
import type { CommandIo } from './io.ts';

/** `1 line`, `2 lines`, `1,000 lines`. */
export const count = (number: number, noun: string): string =>
  `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;

/** Left-aligned columns, two blanks apart; the last one is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  }
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i]))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** Warnings of a configuration go to people, on standard error. */
export function showWarnings(
  { config, warnings }: LoadedConfig | LoadedCluster,
  io: CommandIo,
): void {
  for (const warning of warnings) io.err(formatWarning(warning, config.file));
}

function formatWarning(
  { code, message, line, column }: ConfigWarning,
  file: string | undefined,
): string {
  const where = [file ?? 'configuration', line, column]
    .filter((part) => part !== undefined)
    .join(':');
  return `${where}: warning: ${message} [${code}]\n`;
}
