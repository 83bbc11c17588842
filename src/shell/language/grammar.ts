// SPDX-License-Identifier: Apache-2.0
// The words and operators of the grammar, and the messages about mistakes.
// Source: POSIX.1-2017, shell command language, sections 2.4 (reserved words) and 2.7; messages of bash 5.2.
import { type Redirect, ShellSyntaxError, type Word } from './ast.ts';
import type { Token } from './lexer.ts';

/** Words that begin, join or end compound commands, where a command can begin. */
export const RESERVED = [
  ...['if', 'then', 'elif', 'else', 'fi', 'for', 'while', 'until', 'do', 'done'],
  ...['case', 'esac', 'function', '[[', '{', '}', '!'],
] as const;
export type Reserved = (typeof RESERVED)[number];
/** Words of bash that this shell does not support. */
export const REFUSED: Readonly<Record<string, string>> = {
  select: 'select is not supported',
  coproc: 'coproc is not supported',
};
/** Words that end a list of commands. */
export const LIST_ENDS = ['then', 'elif', 'else', 'fi', 'do', 'done', 'esac', '}'] as const;
/** Commands whose operands can be assignments of arrays. */
export const DECLARING = ['declare', 'typeset', 'local', 'readonly', 'export'];

export const REDIRECTS: Readonly<Record<string, Redirect['form']>> = {
  '>': 'write',
  '>|': 'write',
  '>>': 'append',
  '<': 'read',
  '>&': 'duplicate',
  '<&': 'duplicate',
  '<<': 'document',
  '<<-': 'document',
  '<<<': 'string',
};
/** Redirections of both standard output and standard error. */
export const BOTH: Readonly<Record<string, Redirect['form']>> = { '&>': 'write', '&>>': 'append' };

export const textWord = (text: string): Word => [{ kind: 'text', text, quoted: true }];

/** The text of a word that consists of unquoted text only. */
export const plainText = (word: Word): string | undefined => {
  const [first] = word;
  if (word.length !== 1 || first?.kind !== 'text' || first.quoted) return undefined;
  return first.text;
};

export function unexpected(token: Token): ShellSyntaxError {
  if (token.kind === 'end')
    return new ShellSyntaxError('syntax error: unexpected end of file', true);
  return new ShellSyntaxError(`syntax error near unexpected token \`${token.text}'`);
}
