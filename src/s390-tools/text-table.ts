// SPDX-License-Identifier: Apache-2.0
// Tables as the programs of s390-tools print them: fixed columns one blank apart, a rule under the heading.
// Source: test/golden/s390-tools.

export interface Column<Row> {
  readonly title: string;
  readonly width: number;
  readonly right?: boolean;
  readonly value: (row: Row) => string;
}

const cell = <Row>(text: string, { width, right }: Column<Row>): string =>
  right === true ? text.padStart(width) : text.padEnd(width);

/** The two lines with heading and rule. */
export function tableHeading<Row>(columns: readonly Column<Row>[]): string {
  const heading = columns.map((column) => cell(column.title, column)).join(' ');
  return `${heading}\n${'-'.repeat(heading.length)}\n`;
}

/** One line of the table. */
export const tableLine = <Row>(columns: readonly Column<Row>[], row: Row): string =>
  `${columns.map((column) => cell(column.value(row), column)).join(' ')}\n`;
