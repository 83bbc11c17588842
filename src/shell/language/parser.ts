// SPDX-License-Identifier: Apache-2.0
// Parses text into complete commands, one at a time, so that a script runs up to its first mistake.
// Source: POSIX.1-2017, shell command language, section 2.10 (grammar); bash 5.2, manual, section 3.2 and messages.

import { assignmentOf } from './assignment.ts';
import {
  type AndOr,
  type Assignment,
  type Command,
  type List,
  type Pipeline,
  type Redirect,
  ShellSyntaxError,
  type Word,
} from './ast.ts';
import { expandBraces } from './braces.ts';
import { parseCompound } from './compound.ts';
import {
  BOTH,
  DECLARING,
  LIST_ENDS,
  plainText,
  REDIRECTS,
  REFUSED,
  type Reserved,
  textWord,
  unexpected,
} from './grammar.ts';
import { Lexer, type Token } from './lexer.ts';
import { MAX_COMMAND_DEPTH } from './limits.ts';

export class Parser {
  readonly lexer: Lexer;
  #token: Token | undefined;
  /** Place at which the present token begins. */
  #tokenAt = 0;
  #depth: number;
  /** Whether it ends at a `)`, as a substitution does. */
  readonly #closed: boolean;

  constructor(text: string, from = 0, depth = 0, closed = false) {
    this.#depth = depth;
    this.#closed = closed;
    const nested = (inner: string, at: number, level: number, ends: boolean) => {
      const parser = new Parser(inner, at, level, ends);
      const list = parser.all();
      return { list, end: parser.lexer.at };
    };
    this.lexer = new Lexer(text, nested, depth, from);
  }

  /** The next complete command: a line with all that belongs to it. Undefined at the end. Throws ShellSyntaxError. */
  next(): List | undefined {
    this.skipNewlines();
    if (this.#atEnd()) return undefined;
    const list = this.list(true);
    const end = this.peek();
    if (end.kind !== 'newline' && !this.#atEnd()) throw unexpected(end);
    if (end.kind === 'newline') this.#token = undefined;
    return list;
  }

  /** All commands of the text, or up to the `)` that ends them. */
  all(): List {
    const lists: AndOr[] = [];
    for (let list = this.next(); list !== undefined; list = this.next()) lists.push(...list);
    if (this.#closed && this.peek().kind === 'end')
      throw new ShellSyntaxError("unexpected EOF while looking for matching `)'", true);
    return lists;
  }

  #atEnd(): boolean {
    return this.peek().kind === 'end' || (this.#closed && this.operator(')'));
  }

  peek(): Token {
    if (this.#token === undefined) {
      this.#token = this.lexer.next();
      this.#tokenAt = this.lexer.at - this.#token.text.length;
    }
    return this.#token;
  }

  take(): Token {
    const token = this.peek();
    this.#token = undefined;
    return token;
  }

  operator(...texts: readonly string[]): boolean {
    const token = this.peek();
    return token.kind === 'operator' && texts.includes(token.text);
  }

  reserved(...words: readonly Reserved[]): boolean {
    const token = this.peek();
    return token.kind === 'word' && (words as readonly string[]).includes(token.text);
  }

  skipNewlines(): void {
    while (this.peek().kind === 'newline') this.take();
  }

  expect(word: Reserved): void {
    this.skipNewlines();
    if (!this.reserved(word)) throw unexpected(this.peek());
    this.take();
  }

  expectOperator(text: string): void {
    if (!this.operator(text)) throw unexpected(this.peek());
    this.take();
  }

  /** `((` with nothing between: reads arithmetic; undefined if it is something else. */
  arithmetic(): Word | undefined {
    if (!this.operator('(') || this.lexer.text[this.#tokenAt + 1] !== '(') return undefined;
    this.lexer.at = this.#tokenAt + 2;
    const word = this.lexer.arithmetic();
    if (word === undefined) this.lexer.at = this.#tokenAt + 1;
    else this.#token = undefined;
    return word;
  }

  /** A list of commands inside something else. It must not be empty. */
  list(line: boolean): List {
    const list: AndOr[] = [];
    for (;;) {
      if (!line) this.skipNewlines();
      const token = this.peek();
      if (token.kind === 'newline' || token.kind === 'end') break;
      if (this.reserved(...LIST_ENDS) || this.operator(')', ';;', ';&', ';;&')) break;
      list.push(this.#andOr());
      if (this.operator(';', '&')) this.take();
      else if (this.peek().kind !== 'newline') break;
    }
    if (list.length === 0) throw unexpected(this.peek());
    return list;
  }

  #andOr(): AndOr {
    const first = this.#pipeline();
    const rest: { operator: '&&' | '||'; pipeline: Pipeline }[] = [];
    while (this.operator('&&', '||')) {
      const operator = this.take().text as '&&';
      this.skipNewlines();
      rest.push({ operator, pipeline: this.#pipeline() });
    }
    return { first, rest };
  }

  #pipeline(): Pipeline {
    let negated = false;
    while (this.reserved('!')) {
      this.take();
      negated = !negated;
    }
    const commands = [this.command()];
    while (this.operator('|', '|&')) {
      if (this.take().text === '|&') {
        const last = commands.pop() as Command;
        const redirect: Redirect = { fd: 2, form: 'duplicate', word: textWord('1') };
        commands.push({ ...last, redirects: [...last.redirects, redirect] });
      }
      this.skipNewlines();
      commands.push(this.command());
    }
    return { negated, commands };
  }

  command(): Command {
    if (++this.#depth > MAX_COMMAND_DEPTH) throw new ShellSyntaxError('commands nested too deeply');
    const token = this.peek();
    if (token.kind === 'word' && Object.hasOwn(REFUSED, token.text))
      throw new ShellSyntaxError(REFUSED[token.text]);
    const compound = parseCompound(this);
    if (compound === undefined && this.reserved(...LIST_ENDS)) throw unexpected(token);
    const command =
      compound === undefined ? this.#simple() : { ...compound, redirects: this.#redirects() };
    this.#depth--;
    return command;
  }

  #simple(): Command {
    const assignments: Assignment[] = [];
    const declared: Assignment[] = [];
    const words: Word[] = [];
    const redirects: Redirect[] = [];
    for (;;) {
      const token = this.peek();
      if (token.kind === 'operator' && isRedirect(token)) redirects.push(...this.#redirect());
      else if (token.kind !== 'word') break;
      else {
        this.take();
        const declares = DECLARING.includes(plainText(words[0] ?? []) ?? '');
        const assignment =
          words.length === 0 || declares ? assignmentOf(this, token.word) : undefined;
        if (assignment === undefined) words.push(...expandBraces(token.word));
        else (words.length === 0 ? assignments : declared).push(assignment);
        const name = words.length === 1 ? plainText(words[0] as Word) : undefined;
        if (name !== undefined && assignments.length === 0 && this.operator('('))
          return this.#function(name);
      }
    }
    if (assignments.length + words.length + redirects.length === 0) throw unexpected(this.peek());
    const more = declared.length === 0 ? {} : { declared };
    return { kind: 'simple', assignments, words, redirects, ...more };
  }

  #function(name: string): Command {
    this.take();
    this.expectOperator(')');
    this.skipNewlines();
    return { kind: 'function', name, body: this.command(), redirects: [] };
  }

  /** Whether an operator follows directly after what was read. */
  touches(text: string): boolean {
    return this.#token === undefined && this.lexer.text[this.lexer.at] === text;
  }

  #redirects(): Redirect[] {
    const redirects: Redirect[] = [];
    for (
      let token = this.peek();
      token.kind === 'operator' && isRedirect(token);
      token = this.peek()
    )
      redirects.push(...this.#redirect());
    return redirects;
  }

  #redirect(): Redirect[] {
    const operator = this.take();
    const target = this.take();
    if (target.kind === 'end')
      throw new ShellSyntaxError("syntax error near unexpected token `newline'");
    if (target.kind !== 'word') throw unexpected(target);
    const { word } = target;
    const both = BOTH[operator.text];
    if (both !== undefined)
      return [
        { fd: 1, form: both, word },
        { fd: 2, form: 'duplicate', word: textWord('1') },
      ];
    const form = REDIRECTS[operator.text];
    if (form === undefined) throw new ShellSyntaxError(`${operator.text} is not supported`);
    const given = operator.kind === 'operator' ? operator.fd : undefined;
    const fd = given ?? (operator.text.startsWith('<') ? 0 : 1);
    const document = form === 'document';
    return [
      { fd, form, word: document ? this.lexer.document(word, operator.text === '<<-') : word },
    ];
  }
}

const isRedirect = ({ text }: Token): boolean =>
  Object.hasOwn(REDIRECTS, text) || Object.hasOwn(BOTH, text) || text === '<>';
