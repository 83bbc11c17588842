// SPDX-License-Identifier: Apache-2.0
// Lines about a vCPU (`Guest1.0: …`, `host: …`): instructions, psw, mem, io.
// Source: docs/design.md section 6.

import { nearest } from '../config/mistakes.ts';
import { parseApqn } from '../config/units.ts';
import type {
  CpuName,
  InstructionStatement,
  IoStatement,
  MachineCheckStatement,
  MemoryReadStatement,
  MemoryWriteStatement,
  PswStatement,
} from './ast.ts';
import { LineError, type LineParts, type Token, tokenize } from './lexer.ts';
import {
  EXPECTATION_ROWS,
  IO_ROWS,
  MNEMONIC_ROWS,
  type Mnemonic,
  PAIR_EXPECTATIONS,
  PSW_ROWS,
  REGISTER_ROWS,
} from './operands.ts';
import {
  MAX_LINE_BYTES,
  noExpectation,
  noMore,
  parseBytes,
  parseFields,
  parseMixed,
} from './parse-fields.ts';

/** Addresses end where the machine image must (IMAGE_LIMIT). */
const MAX_ADDRESS = 2 ** 31 - 1;

type Head = { readonly line: number; readonly comment: string | undefined; readonly cpu: CpuName };
type CpuStatement =
  | InstructionStatement
  | PswStatement
  | MemoryWriteStatement
  | MemoryReadStatement
  | IoStatement
  | MachineCheckStatement;

/** Everything behind the `:`. `tokens` are the words before `=>`. */
export function parseCpuLine(head: Head, tokens: readonly Token[], parts: LineParts): CpuStatement {
  const [verb] = tokens;
  if (verb === undefined) {
    throw new LineError(
      'SYNTAX',
      parts.body.length + 1,
      'the line says nothing',
      'an instruction, psw, mem, io or mchk',
    );
  }
  if (verb.text === 'psw') return parsePsw(head, tokens, parts);
  if (verb.text === 'mem') return parseMemory(head, tokens, parts);
  if (verb.text === 'io') return parseIo(head, tokens, parts);
  if (verb.text === 'mchk') return parseMachineCheck(head, tokens, parts);
  return parseInstruction(head, verb, tokens, parts);
}

function parseInstruction(
  head: Head,
  verb: Token,
  tokens: readonly Token[],
  parts: LineParts,
): InstructionStatement {
  const row = MNEMONIC_ROWS.get(verb.text);
  if (row === undefined) {
    const all = [...MNEMONIC_ROWS.keys(), 'psw', 'mem', 'io', 'mchk'];
    const candidate = nearest(verb.text, all);
    const hint = candidate === undefined ? '' : `, did you mean ${candidate}?`;
    throw new LineError(
      'UNKNOWN_WORD',
      verb.column,
      `unknown operation ${verb.text}${hint}`,
      `one of ${all.join(', ')}`,
    );
  }
  let rest = tokens.slice(1);
  let apqn: number | undefined;
  if (row.queue) {
    apqn = rest[0] === undefined ? undefined : parseApqn(rest[0].text);
    if (apqn === undefined) {
      const at = rest[0]?.column ?? verb.column + verb.text.length;
      throw new LineError(
        'APQN',
        at,
        `${row.mnemonic} needs an APQN${rest[0] ? `, not ${rest[0].text}` : ''}`,
        'aa.dddd, such as 05.0004',
      );
    }
    rest = rest.slice(1);
  }
  if (row.shape === 'raw') rest = withWordName(rest, verb);
  const operands = parseFields(rest, [...row.operands, ...REGISTER_ROWS]);
  return {
    kind: 'instruction',
    ...head,
    mnemonic: row.mnemonic as Mnemonic,
    apqn,
    operands,
    expect: parseExpectations(parts, row.shape === 'nqap' || row.shape === 'dqap'),
  };
}

/** `insn b2af0000` is written without a name; it becomes `word=b2af0000`. */
function withWordName(tokens: readonly Token[], verb: Token): Token[] {
  const [word] = tokens;
  if (word === undefined || !/^(?:0[xX])?[0-9a-fA-F]{8}$/.test(word.text)) {
    throw new LineError(
      'WORD',
      word?.column ?? verb.column + verb.text.length,
      `${word?.text ?? 'nothing'} is no instruction word`,
      'eight hexadecimal digits, such as b2af0000',
    );
  }
  const digits = word.text.replace(/^0[xX]/, '');
  return [{ ...word, text: `word=${digits}`, column: word.column - 5 }, ...tokens.slice(1)];
}

function parseExpectations(parts: LineParts, pairs: boolean): InstructionStatement['expect'] {
  if (parts.expectation === undefined) return [];
  const tokens = tokenize(parts.expectation, parts.expectationColumn);
  if (tokens.length === 0) {
    throw new LineError(
      'SYNTAX',
      parts.expectationColumn,
      'nothing follows =>',
      'cc=, rc=, pgm=, grN=',
    );
  }
  const rows = pairs
    ? EXPECTATION_ROWS
    : EXPECTATION_ROWS.filter((row) => !PAIR_EXPECTATIONS.has(row.name));
  const fields = parseFields(tokens, rows);
  const cc = fields.find((field) => field.name === 'cc');
  if (cc !== undefined && cc.value > 3n) {
    throw new LineError(
      'RANGE',
      tokens[0].column,
      `cc is ${cc.value.toString(16)}`,
      'a condition code, 0 to 3',
    );
  }
  return fields;
}

function parsePsw(head: Head, tokens: readonly Token[], parts: LineParts): PswStatement {
  const fields = parseFields(tokens.slice(1), PSW_ROWS);
  const am = fields.find((field) => field.name === 'am');
  if (am !== undefined && ![24n, 31n, 64n].includes(am.value)) {
    throw new LineError(
      'RANGE',
      tokens[0].column,
      `am is ${am.value}`,
      'an addressing mode, 24, 31 or 64',
    );
  }
  const expect =
    parts.expectation === undefined
      ? []
      : parseFields(tokenize(parts.expectation, parts.expectationColumn), PSW_ROWS);
  if (fields.length === 0 && expect.length === 0) {
    throw new LineError(
      'SYNTAX',
      tokens[0].column,
      'psw says nothing',
      `one of ${PSW_ROWS.map((r) => r.name).join(', ')}`,
    );
  }
  return { kind: 'psw', ...head, fields, expect };
}

function parseMemory(
  head: Head,
  tokens: readonly Token[],
  parts: LineParts,
): MemoryWriteStatement | MemoryReadStatement {
  const [verb, at, third, bytes] = tokens;
  if (at === undefined || third === undefined) {
    throw new LineError(
      'SYNTAX',
      verb.column,
      'mem needs more',
      'mem ADDRESS = BYTES, or mem ADDRESS LENGTH',
    );
  }
  const address = parseMixed(at, 'the address', MAX_ADDRESS);
  if (third.text === '=' && !third.quoted) {
    if (bytes === undefined)
      throw new LineError('BYTES', third.column + 1, 'nothing follows =', 'bytes');
    noMore(tokens, 4);
    noExpectation(parts.expectation, parts.expectationColumn, 'writing storage');
    return { kind: 'write', ...head, address, bytes: parseBytes(bytes) };
  }
  noMore(tokens, 3);
  const length = parseMixed(third, 'the length', MAX_LINE_BYTES);
  if (length === 0) throw new LineError('RANGE', third.column, 'the length is 0', 'at least 1');
  if (parts.expectation === undefined)
    return { kind: 'read', ...head, address, length, expect: undefined };
  const expected = tokenize(parts.expectation, parts.expectationColumn);
  if (expected[0] === undefined)
    throw new LineError('BYTES', parts.expectationColumn, 'nothing follows =>', 'bytes');
  noMore(expected, 1);
  const expect = parseBytes(expected[0]);
  if ((expect.hex.length / 2) * expect.times !== length) {
    const got = (expect.hex.length / 2) * expect.times;
    throw new LineError(
      'BYTES',
      expected[0].column,
      `${got} bytes are expected of ${length} read`,
      `${length} bytes`,
    );
  }
  return { kind: 'read', ...head, address, length, expect };
}

function parseIo(head: Head, tokens: readonly Token[], parts: LineParts): IoStatement {
  noMore(tokens, 1);
  if (parts.expectation === undefined) return { kind: 'io', ...head, expect: [] };
  const expected = tokenize(parts.expectation, parts.expectationColumn);
  if (expected.length === 1 && expected[0].text === 'none')
    return { kind: 'io', ...head, expect: 'none' };
  if (expected.length === 0) {
    throw new LineError(
      'SYNTAX',
      parts.expectationColumn,
      'nothing follows =>',
      'isc=, word= or none',
    );
  }
  return { kind: 'io', ...head, expect: parseFields(expected, IO_ROWS) };
}

function parseMachineCheck(
  head: Head,
  tokens: readonly Token[],
  parts: LineParts,
): MachineCheckStatement {
  noMore(tokens, 1);
  if (parts.expectation === undefined) return { kind: 'mchk', ...head, expect: undefined };
  const [word, ...more] = tokenize(parts.expectation, parts.expectationColumn);
  if (more.length === 0 && (word?.text === 'none' || word?.text === 'crw'))
    return { kind: 'mchk', ...head, expect: word.text };
  throw new LineError(
    'SYNTAX',
    parts.expectationColumn,
    'that is no machine check',
    'none, or crw (a channel report)',
  );
}
