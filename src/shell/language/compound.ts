// SPDX-License-Identifier: Apache-2.0
// Compound commands: if, for, while, case, groups, functions, [[ ]] and (( )).
// Source: POSIX.1-2017, shell command language, section 2.9.4; bash 5.2, manual, sections 3.2.5 and 3.3.
import type { CaseItem, Clause, Command, Condition, List, Redirect, Word } from './ast.ts';
import { ShellSyntaxError } from './ast.ts';
import { expandBraces } from './braces.ts';
import { plainText, type Reserved, unexpected } from './grammar.ts';
import type { Parser } from './parser.ts';

/** A compound command before its redirections. */
type Compound =
  Exclude<Command, { kind: 'simple' }> extends infer C
    ? C extends { redirects: readonly Redirect[] }
      ? Omit<C, 'redirects'>
      : never
    : never;

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Parses a compound command; undefined if none begins here. */
export function parseCompound(parser: Parser): Compound | undefined {
  const token = parser.peek();
  if (parser.operator('(')) {
    const word = parser.arithmetic();
    if (word !== undefined) return { kind: 'arithmetic', word };
    parser.take();
    const body = parser.list(false);
    parser.skipNewlines();
    parser.expectOperator(')');
    return { kind: 'subshell', body };
  }
  const parse = token.kind === 'word' ? BEGINNINGS.get(token.text) : undefined;
  return parse?.(parser);
}

const BEGINNINGS: ReadonlyMap<string, (parser: Parser) => Compound> = new Map([
  ['if', parseIf],
  ['for', parseFor],
  ['while', (parser: Parser) => parseWhile(parser, false)],
  ['until', (parser: Parser) => parseWhile(parser, true)],
  ['case', parseCase],
  ['function', parseFunction],
  ['[[', parseCondition],
  [
    '{',
    (parser: Parser) => {
      parser.take();
      const body = parser.list(false);
      parser.expect('}');
      return { kind: 'group', body } as const;
    },
  ],
] as const);

function parseIf(parser: Parser): Compound {
  const clauses: Clause[] = [];
  do {
    parser.take();
    const condition = parser.list(false);
    parser.expect('then');
    clauses.push({ condition, body: parser.list(false) });
    parser.skipNewlines();
  } while (parser.reserved('elif'));
  let otherwise: List = [];
  if (parser.reserved('else')) {
    parser.take();
    otherwise = parser.list(false);
  }
  parser.expect('fi');
  return { kind: 'if', clauses, otherwise };
}

function parseFor(parser: Parser): Compound {
  parser.take();
  const steps = parser.arithmetic();
  if (steps !== undefined) {
    if (parser.operator(';')) parser.take();
    return { kind: 'for', name: '', words: [], steps: threeSteps(steps), body: doGroup(parser) };
  }
  const name = parser.take();
  if (name.kind !== 'word') throw unexpected(name);
  if (!IDENTIFIER.test(name.text))
    throw new ShellSyntaxError(`\`${name.text}': not a valid identifier`);
  parser.skipNewlines();
  let words: Word[] | undefined;
  const token = parser.peek();
  if (token.kind === 'word' && token.text === 'in') {
    parser.take();
    words = [];
    for (let word = parser.peek(); word.kind === 'word'; word = parser.peek()) {
      words.push(...expandBraces(word.word));
      parser.take();
    }
    const end = parser.peek();
    if (end.kind !== 'newline' && !parser.operator(';')) throw unexpected(end);
  }
  if (parser.operator(';')) parser.take();
  return { kind: 'for', name: name.text, words, body: doGroup(parser) };
}

/** The three expressions of `for (( ; ; ))`, which are separated by semicolons in the text. */
function threeSteps(word: Word): readonly [Word, Word, Word] {
  const steps: Word[] = [[]];
  for (const part of word) {
    if (part.kind !== 'text') {
      steps.push([...(steps.pop() as Word), part]);
      continue;
    }
    for (const [n, text] of part.text.split(';').entries()) {
      if (n > 0) steps.push([]);
      steps.push([...(steps.pop() as Word), { ...part, text }]);
    }
  }
  const [first, second, third, more] = steps;
  if (first === undefined || second === undefined || third === undefined || more !== undefined)
    throw new ShellSyntaxError('syntax error: arithmetic expression required');
  return [first, second, third];
}

function parseWhile(parser: Parser, until: boolean): Compound {
  parser.take();
  const condition = parser.list(false);
  return { kind: 'while', until, condition, body: doGroup(parser) };
}

function doGroup(parser: Parser): List {
  parser.expect('do');
  const body = parser.list(false);
  parser.expect('done');
  return body;
}

function parseCase(parser: Parser): Compound {
  parser.take();
  const word = takeWord(parser);
  parser.skipNewlines();
  const token = parser.take();
  if (token.kind !== 'word' || token.text !== 'in') throw unexpected(token);
  const items: CaseItem[] = [];
  for (parser.skipNewlines(); !parser.reserved('esac'); parser.skipNewlines()) {
    if (parser.operator('(')) parser.take();
    const patterns = [takeWord(parser)];
    while (parser.operator('|')) {
      parser.take();
      patterns.push(takeWord(parser));
    }
    parser.expectOperator(')');
    parser.skipNewlines();
    const empty = parser.operator(';;', ';&', ';;&') || parser.reserved('esac');
    const body = empty ? [] : parser.list(false);
    parser.skipNewlines();
    if (!parser.operator(';;', ';&', ';;&')) {
      items.push({ patterns, body, end: ';;' });
      break;
    }
    items.push({ patterns, body, end: parser.take().text as ';;' });
  }
  parser.expect('esac');
  return { kind: 'case', word, items };
}

function takeWord(parser: Parser): Word {
  const token = parser.take();
  if (token.kind !== 'word') throw unexpected(token);
  return token.word;
}

function parseFunction(parser: Parser): Compound {
  parser.take();
  const token = parser.take();
  const name = token.kind === 'word' ? plainText(token.word) : undefined;
  if (name === undefined) throw unexpected(token);
  if (parser.operator('(')) {
    parser.take();
    parser.expectOperator(')');
  }
  parser.skipNewlines();
  return { kind: 'function', name, body: parser.command() };
}

const UNARY = /^-[a-zA-Z]$/;
const BINARY = /^(?:==?|!=|=~|-(?:eq|ne|lt|le|gt|ge|nt|ot|ef))$/;

function parseCondition(parser: Parser): Compound {
  parser.take();
  const condition = disjunction(parser, 0);
  parser.skipNewlines();
  const end = parser.take();
  if (end.kind !== 'word' || end.text !== ']]') throw unexpected(end);
  return { kind: 'condition', condition };
}

/** Highest nesting of parentheses in a condition. */
const MAX_PARENTHESES = 100;

function disjunction(parser: Parser, depth: number): Condition {
  if (depth > MAX_PARENTHESES) throw new ShellSyntaxError('conditions nested too deeply');
  let left = conjunction(parser, depth);
  while (parser.operator('||')) {
    parser.take();
    left = { kind: 'or', left, right: conjunction(parser, depth) };
  }
  return left;
}

function conjunction(parser: Parser, depth: number): Condition {
  let left = primary(parser, depth);
  while (parser.operator('&&')) {
    parser.take();
    left = { kind: 'and', left, right: primary(parser, depth) };
  }
  return left;
}

function primary(parser: Parser, depth: number): Condition {
  parser.skipNewlines();
  if (parser.reserved('!' as Reserved)) {
    parser.take();
    if (depth > MAX_PARENTHESES) throw new ShellSyntaxError('conditions nested too deeply');
    return { kind: 'not', condition: primary(parser, depth + 1) };
  }
  if (parser.operator('(')) {
    parser.take();
    const inside = disjunction(parser, depth + 1);
    parser.skipNewlines();
    parser.expectOperator(')');
    parser.skipNewlines();
    return inside;
  }
  const first = takeOperand(parser);
  const operator = plainText(first) ?? '';
  const following = parser.peek();
  const isOperand = following.kind === 'word' && following.text !== ']]';
  if (UNARY.test(operator) && isOperand && !BINARY.test(following.text)) {
    const word = takeOperand(parser);
    parser.skipNewlines();
    return { kind: 'unary', operator, word };
  }
  return comparison(parser, first);
}

/** `word OPERATOR word`, or a word that must not be empty. */
function comparison(parser: Parser, left: Word): Condition {
  const token = parser.peek();
  const binary = token.kind === 'word' ? BINARY.test(token.text) : parser.operator('<', '>');
  if (!binary) {
    parser.skipNewlines();
    return { kind: 'unary', operator: '-n', word: left };
  }
  parser.take();
  const right = token.text === '=~' ? parser.lexer.regexWord() : takeOperand(parser);
  parser.skipNewlines();
  return { kind: 'binary', operator: token.text, left, right };
}

function takeOperand(parser: Parser): Word {
  const token = parser.take();
  if (token.kind !== 'word' || token.text === ']]') throw unexpected(token);
  return token.word;
}
