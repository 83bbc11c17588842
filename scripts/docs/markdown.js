// SPDX-License-Identifier: Apache-2.0
// Markdown tables and numbers as the generated pages write them.

/** A table: a line of headings, then one line a row. */
export const table = (headings, rows) =>
  [headings, headings.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');

/** A hexadecimal number of at least `digits` digits, as the architecture writes it. */
export const hex = (value, digits = 2) =>
  (value >>> 0).toString(16).toUpperCase().padStart(digits, '0');

export const yes = (value) => (value ? 'yes' : '');
