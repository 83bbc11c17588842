// SPDX-License-Identifier: Apache-2.0
// Parser of AP programs: text in, statements or all mistakes out.
// Source: docs/design.md section 6.

import { type Mistake, MistakesError } from '../config/mistakes.ts';
import type { CpuName, Program, Statement } from './ast.ts';
import { LineError, type LineParts, splitLine, tokenize } from './lexer.ts';
import { parseCpuLine } from './parse-cpu.ts';
import { isEventLine, parseEventLine } from './parse-event.ts';
import { parseClock, parseFault, parseLpar, parseSysfs } from './parse-host.ts';
import { parseMigrate } from './parse-migrate.ts';
import { parseStep } from './parse-step.ts';

/** First line of every program; the number is the version of the format. */
export const PROGRAM_HEADER = 'apemu-program 1';

const SUBJECT = /^\s*(?:([A-Za-z][A-Za-z0-9_-]*)\/)?([A-Za-z][A-Za-z0-9_-]*)(?:\.(\d{1,3}))?\s*:/;
/** Lines that can be about one of several machines. */
const OF_A_MACHINE = new Set(['host', 'sysfs', 'lpar', 'fault']);
const CONFIG = /^\s*config(?:\s|$)/;

/**
 * Reads a program. `file` is used in messages and kept.
 * @throws MistakesError with every mistake of the text, codes `APEMU_ERR_PROGRAM_…`.
 */
export function parseProgram(text: string, file: string): Program {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const mistakes: Mistake[] = [];
  const statements: Statement[] = [];
  const threads = new Set<string>();
  let config: string | undefined;
  const fail = (line: number, error: unknown) => {
    if (!(error instanceof LineError)) throw error;
    const { what, message, expected, column } = error;
    mistakes.push({
      code: `APEMU_ERR_PROGRAM_${what}`,
      message,
      expected,
      place: { file, line, column },
    });
  };
  if (splitLine(lines[0] ?? '').body.trim() !== PROGRAM_HEADER) {
    fail(
      1,
      new LineError('HEADER', 1, 'this is no AP program', `the first line ${PROGRAM_HEADER}`),
    );
  }
  for (let index = 1; index < lines.length; index++) {
    try {
      if (CONFIG.test(lines[index])) {
        const late = config !== undefined || statements.some(({ kind }) => kind !== 'comment');
        config = parseConfigLine(lines[index], late);
      } else statements.push(parseLine(lines[index], index + 1, threads));
    } catch (error) {
      fail(index + 1, error);
    }
  }
  if (mistakes.length > 0) throw new MistakesError(mistakes);
  return { file, config, statements };
}

function parseConfigLine(text: string, late: boolean): string {
  const tokens = tokenize(splitLine(text).body, 1);
  if (late)
    throw new LineError(
      'SYNTAX',
      tokens[0].column,
      'config stands too late',
      'one config line, before all others',
    );
  if (tokens.length !== 2) {
    throw new LineError('SYNTAX', tokens[0].column, 'config takes one file', 'config FILE');
  }
  return tokens[1].text;
}

/**
 * Parses one line that is neither the header nor `config`. `threads` are those that `step:` lines have begun.
 *
 * @throws LineError
 */
function parseLine(text: string, line: number, threads: Set<string>): Statement {
  if (isEventLine(text)) return parseEventLine(text, line);
  const parts = splitLine(text);
  const head = { line, comment: parts.comment };
  if (parts.body.trim() === '' && parts.expectation === undefined)
    return { kind: 'comment', ...head };
  const match = SUBJECT.exec(parts.body);
  if (match === null) {
    const column = parts.body.length - parts.body.trimStart().length + 1;
    throw new LineError(
      'SUBJECT',
      column,
      `the line names no subject: ${parts.body.trim().slice(0, 40)}`,
      'GUEST.VCPU:, host:, clock:, sysfs:, lpar:, fault:, migrate:, step:, user:, on, at or idle',
    );
  }
  const [{ length }, machine, name, vcpu] = match;
  if (machine === undefined)
    return parseSubject({ name, vcpu, length }, text, head, parts, threads);
  if (vcpu !== undefined || !OF_A_MACHINE.has(name)) {
    const column = text.length - text.trimStart().length + 1;
    throw new LineError(
      'SUBJECT',
      column,
      `${machine}/${name} is no part of a machine`,
      [...OF_A_MACHINE].map((one) => `${machine}/${one}:`).join(', '),
    );
  }
  const statement = parseSubject({ name, vcpu, length }, text, head, parts, threads);
  return 'cpu' in statement
    ? { ...statement, cpu: { ...statement.cpu, machine } }
    : ({ ...statement, machine } as Statement);
}

interface Subject {
  readonly name: string;
  readonly vcpu: string | undefined;
  /** Characters up to the colon, with it. */
  readonly length: number;
}

/** The line behind its subject. @throws LineError */
function parseSubject(
  { name, vcpu, length }: Subject,
  text: string,
  head: { readonly line: number; readonly comment: string | undefined },
  parts: LineParts,
  threads: Set<string>,
): Statement {
  if (vcpu === undefined && name === 'sysfs') return parseSysfs(head, length, parts);
  if (vcpu === undefined && name === 'step') return parseStep(head, length, parts, threads);
  const tokens = tokenize(parts.body.slice(length), length + 1);
  if (vcpu === undefined) {
    if (name === 'clock') return parseClock(head, tokens, parts);
    if (name === 'lpar') return parseLpar(head, tokens, parts);
    if (name === 'fault') return parseFault(head, tokens, parts);
    if (name === 'migrate') return parseMigrate(head, tokens, parts);
  }
  return parseCpuLine({ ...head, cpu: cpuName(name, vcpu, text) }, tokens, parts);
}

function cpuName(name: string, vcpu: string | undefined, text: string): CpuName {
  if (name === 'host' && vcpu === undefined) return { guest: undefined, vcpu: 0 };
  if (vcpu === undefined) {
    const column = text.length - text.trimStart().length + 1;
    throw new LineError(
      'SUBJECT',
      column,
      `${name} names no vCPU`,
      `${name}.0:, or host:, clock:, sysfs:, lpar:, fault:, migrate:, step:, user:, on, at, idle`,
    );
  }
  return { guest: name, vcpu: Number(vcpu) };
}
