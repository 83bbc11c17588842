// SPDX-License-Identifier: Apache-2.0
// Words and operators of the grammar, and the mistakes against it.
// Source: POSIX.1-2017, shell command language, section 2.4 (reserved words) and 2.7; messages of bash 5.2.
import { type Assignment, type Redirect, ShellSyntaxError, type Word } from './ast.ts';
import type { Token } from './lexer.ts';

/** Words that begin, join or end compound commands where a command may begin. */
export const RESERVED = [
  'if',
  'then',
  'elif',
  'else',
  'fi',
  'for',
  'while',
  'until',
  'do',
  'done',
  '{',
  '}',
  '!',
] as const;
export type Reserved = (typeof RESERVED)[number];
/** Words of bash that this shell does not have. */
export const REFUSED: Readonly<Record<string, string>> = {
  case: 'case is not supported (use if)',
  select: 'select is not supported',
  function: 'functions are not supported',
  '[[': '[[ is not supported (use [)',
};
/** Compound commands in each other at most. */
export const MAX_DEPTH = 100;
const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)=/;

export const REDIRECTS: Readonly<Record<string, Redirect['form']>> = {
  '>': 'write',
  '>>': 'append',
  '<': 'read',
  '>&': 'duplicate',
  '<<': 'document',
};

/** `NAME=word`, if the name is not quoted. */
export function assignmentOf(word: Word): Assignment | undefined {
  const [first, ...rest] = word;
  const match = first?.kind === 'text' && !first.quoted ? ASSIGNMENT.exec(first.text) : null;
  if (match === null || first?.kind !== 'text') return undefined;
  const text = first.text.slice(match[0].length);
  const value: Word = text === '' ? rest : [{ ...first, text }, ...rest];
  return { name: match[1] as string, value };
}

export function unexpected(token: Token): ShellSyntaxError {
  if (token.kind === 'end')
    return new ShellSyntaxError('syntax error: unexpected end of file', true);
  return new ShellSyntaxError(`syntax error near unexpected token \`${token.text}'`);
}
