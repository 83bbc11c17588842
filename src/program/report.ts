// SPDX-License-Identifier: Apache-2.0
// What a reader sees of a mismatch: place, both values side by side, the command that replays it.
// Source: docs/design.md section 6.

import type { Mismatch } from './run.ts';

/**
 * Several lines, without a last newline.
 * @param replay the command that shows the mismatch again.
 */
export function formatMismatch(mismatch: Mismatch, replay: string): string {
  const width = Math.max(...mismatch.differences.map(({ field }) => field.length));
  const rows = mismatch.differences.map(({ field, expected, got }) => {
    const head = `  ${field.padEnd(width)}  `;
    const oneLine = `${head}expected ${expected}  got ${got}`;
    if (oneLine.length <= 80) return oneLine;
    return `${head}expected ${expected}\n${' '.repeat(head.length)}got      ${got}`;
  });
  return [
    `${mismatch.file}:${mismatch.line}: ${mismatch.operation}`,
    ...rows,
    `  replay: ${replay}`,
  ].join('\n');
}

/** A word in the syntax of a POSIX shell. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
