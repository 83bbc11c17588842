// SPDX-License-Identifier: Apache-2.0
// Pieces that several kinds of lines share: `name=value` lists, bytes, outcomes, addresses.
// Source: docs/design.md section 6.

import { nearest } from '../config/mistakes.ts';
import type { Bytes, Field, OutcomeExpectation } from './ast.ts';
import { LineError, type Token, tokenize } from './lexer.ts';
import { type FieldRow, parseField, rowOf } from './operands.ts';

/** More bytes in one line are an attempt to blow up memory: the largest message is 61440 bytes (AD-08). */
export const MAX_LINE_BYTES = 2 ** 24;

/** Reads `name=value` words; the result is in the order of `rows`. */
export function parseFields(tokens: readonly Token[], rows: readonly FieldRow[]): Field[] {
  const found = new Map<string, bigint>();
  for (const token of tokens) {
    const equals = token.text.indexOf('=');
    if (token.quoted || equals <= 0) {
      throw new LineError('SYNTAX', token.column, `${token.text} is no name=value`, names(rows));
    }
    const name = token.text.slice(0, equals);
    const row = rowOf(rows, name);
    if (row === undefined) {
      throw new LineError(
        'UNKNOWN_FIELD',
        token.column,
        `unknown field ${name}${hint(name, rows)}`,
        names(rows),
      );
    }
    if (found.has(name))
      throw new LineError('TWICE', token.column, `${name} stands here a second time`);
    found.set(name, fieldValue(row, token.text.slice(equals + 1), token.column + equals + 1));
  }
  return rows
    .filter((row) => found.has(row.name))
    .map((row) => ({ name: row.name, value: found.get(row.name) ?? 0n }));
}

function fieldValue(row: FieldRow, text: string, column: number): bigint {
  const value = parseField(row, text);
  const notation = row.notation === 'hex' ? 'hexadecimal' : 'decimal, or hexadecimal with 0x';
  if (value === undefined) {
    throw new LineError('NUMBER', column, `${row.name} is ${show(text)}`, `a number, ${notation}`);
  }
  if (value > row.max) {
    const limit =
      row.notation === 'hex' || row.max > 0xffffn ? `0x${row.max.toString(16)}` : row.max;
    throw new LineError(
      'RANGE',
      column,
      `${row.name} is ${show(text)}`,
      `a number up to ${limit}, ${notation}`,
    );
  }
  return value;
}

const show = (text: string) => (text === '' ? 'empty' : text);

function names(rows: readonly FieldRow[]): string {
  const listed = rows.map((row) => row.name).filter((name) => !/^gr\d/.test(name));
  const registers = rows.some((row) => row.name === 'gr0') ? ['gr0 to gr15'] : [];
  return `one of ${[...listed, ...registers].join(', ')}`;
}

function hint(name: string, rows: readonly FieldRow[]): string {
  const candidate = nearest(
    name,
    rows.map((row) => row.name),
  );
  return candidate === undefined ? '' : `, did you mean ${candidate}?`;
}

/** Parses bytes: `000102ff`, `0x0001`, `00*4096`. */
export function parseBytes(token: Token): Bytes {
  const match = /^(?:0[xX])?([0-9a-fA-F]*)(?:\*(\d{1,9}))?$/.exec(token.text);
  const digits = match?.[1] ?? '';
  if (match === null || digits.length === 0 || digits.length % 2 !== 0 || token.quoted) {
    throw new LineError(
      'BYTES',
      token.column,
      `${token.text} are no bytes`,
      'hexadecimal digits, two a byte, such as 00ff, or 00*4096',
    );
  }
  const times = match[2] === undefined ? 1 : Number(match[2]);
  if (times === 0 || (digits.length / 2) * times > MAX_LINE_BYTES) {
    throw new LineError(
      'RANGE',
      token.column,
      `${token.text} are ${(digits.length / 2) * times} bytes`,
      `1 to ${MAX_LINE_BYTES}`,
    );
  }
  return { hex: digits.toLowerCase(), times };
}

/** A storage address or a count of bytes. */
export function parseMixed(token: Token, what: string, max: number): number {
  const row: FieldRow = { name: what, notation: 'mixed', max: BigInt(max), digits: 0 };
  return Number(fieldValue(row, token.text, token.column));
}

/** `ok`, `pending`, an errno name, or a quoted text; undefined for nothing. */
export function parseOutcome(
  text: string | undefined,
  column: number,
): OutcomeExpectation | undefined {
  if (text === undefined) return undefined;
  const tokens = tokenize(text, column);
  const [token] = tokens;
  const expected = 'ok, pending, an errno name or a quoted text';
  if (token === undefined) throw new LineError('SYNTAX', column, 'nothing follows =>', expected);
  if (tokens.length > 1)
    throw new LineError('SYNTAX', tokens[1].column, `${tokens[1].text} is too much`, expected);
  if (token.quoted) return { kind: 'text', text: token.text };
  if (token.text === 'ok' || token.text === 'pending') return { kind: token.text };
  if (/^E[A-Z0-9]+$/.test(token.text)) return { kind: 'errno', name: token.text };
  throw new LineError('SYNTAX', token.column, `${token.text} is no outcome`, expected);
}

/** Refuses an expectation on a line that has nothing to check. */
export function noExpectation(text: string | undefined, column: number, what: string): void {
  if (text !== undefined)
    throw new LineError('SYNTAX', column - 2, `${what} has nothing to check`, 'no =>');
}

/** Refuses words after the last one a line can have. */
export function noMore(tokens: readonly Token[], count: number): void {
  const extra = tokens[count];
  if (extra !== undefined) throw new LineError('SYNTAX', extra.column, `${extra.text} is too much`);
}
