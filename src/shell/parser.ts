// SPDX-License-Identifier: Apache-2.0
// From text to complete commands, one at a time, so that a script runs up to its first mistake.
// Source: POSIX.1-2017, shell command language, section 2.10 (grammar), of which this is a part; messages of bash 5.2.
import {
  type AndOr,
  type Assignment,
  type Clause,
  type Command,
  type List,
  type Pipeline,
  type Redirect,
  ShellSyntaxError,
  type Word,
} from './ast.ts';
import {
  assignmentOf,
  MAX_DEPTH,
  REDIRECTS,
  REFUSED,
  type Reserved,
  unexpected,
} from './grammar.ts';
import { Lexer, type Token } from './lexer.ts';

export class Parser {
  readonly #lexer: Lexer;
  #token: Token | undefined;
  #depth: number;

  constructor(text: string, depth = 0) {
    this.#depth = depth;
    this.#lexer = new Lexer(text, (inner, inside) => new Parser(inner, inside).all(), depth);
  }

  /** The next complete command: a line with what belongs to it. Undefined at the end. Throws ShellSyntaxError. */
  next(): List | undefined {
    while (this.#peek().kind === 'newline') this.#take();
    if (this.#peek().kind === 'end') return undefined;
    const list = this.#list(true);
    const end = this.#peek();
    if (end.kind !== 'newline' && end.kind !== 'end') throw unexpected(end);
    this.#token = undefined;
    return list;
  }

  /** All commands of the text. */
  all(): List {
    const lists: AndOr[] = [];
    for (let list = this.next(); list !== undefined; list = this.next()) lists.push(...list);
    return lists;
  }

  #peek(): Token {
    this.#token ??= this.#lexer.next();
    return this.#token;
  }

  #take(): Token {
    const token = this.#peek();
    this.#token = undefined;
    return token;
  }

  #operator(...texts: readonly string[]): boolean {
    const token = this.#peek();
    return token.kind === 'operator' && texts.includes(token.text);
  }

  #reserved(...words: readonly Reserved[]): boolean {
    const token = this.#peek();
    return token.kind === 'word' && (words as readonly string[]).includes(token.text);
  }

  #skipNewlines(): void {
    while (this.#peek().kind === 'newline') this.#take();
  }

  #expect(word: Reserved): void {
    this.#skipNewlines();
    if (!this.#reserved(word)) throw unexpected(this.#peek());
    this.#take();
  }

  /** Pipelines up to a newline (`line`), or up to a reserved word that ends the list. */
  #list(line: boolean): List {
    const list: AndOr[] = [];
    for (;;) {
      if (!line) this.#skipNewlines();
      const token = this.#peek();
      if (token.kind === 'newline' || token.kind === 'end') break;
      if (this.#endsList()) break;
      list.push(this.#andOr());
      if (this.#operator(';', '&')) this.#take();
      else if (this.#peek().kind !== 'newline') break;
    }
    if (list.length === 0) throw unexpected(this.#peek());
    return list;
  }

  #endsList(): boolean {
    return this.#reserved('then', 'elif', 'else', 'fi', 'do', 'done', '}');
  }

  #andOr(): AndOr {
    const first = this.#pipeline();
    const rest: { operator: '&&' | '||'; pipeline: Pipeline }[] = [];
    while (this.#operator('&&', '||')) {
      const operator = this.#take().text as '&&';
      this.#skipNewlines();
      rest.push({ operator, pipeline: this.#pipeline() });
    }
    return { first, rest };
  }

  #pipeline(): Pipeline {
    let negated = false;
    while (this.#reserved('!')) {
      this.#take();
      negated = !negated;
    }
    const commands = [this.#command()];
    while (this.#operator('|')) {
      this.#take();
      this.#skipNewlines();
      commands.push(this.#command());
    }
    return { negated, commands };
  }

  #command(): Command {
    if (++this.#depth > MAX_DEPTH) throw new ShellSyntaxError('commands nested too deeply');
    const token = this.#peek();
    if (token.kind === 'word' && Object.hasOwn(REFUSED, token.text))
      throw new ShellSyntaxError(REFUSED[token.text] as string);
    if (this.#operator('(')) throw new ShellSyntaxError('( … ): subshells are not supported');
    const command = this.#compound() ?? this.#simple();
    this.#depth--;
    return command;
  }

  #compound(): Command | undefined {
    const token = this.#peek();
    const word = token.kind === 'word' ? token.text : '';
    if (word === 'if') return { ...this.#if(), redirects: this.#redirects() };
    if (word === 'for') return { ...this.#for(), redirects: this.#redirects() };
    if (word === 'while' || word === 'until') {
      this.#take();
      const condition = this.#list(false);
      const body = this.#doGroup();
      return {
        kind: 'while',
        until: word === 'until',
        condition,
        body,
        redirects: this.#redirects(),
      };
    }
    if (word === '{') {
      this.#take();
      const body = this.#list(false);
      this.#expect('}');
      return { kind: 'group', body, redirects: this.#redirects() };
    }
    if (this.#endsList()) throw unexpected(token);
    return undefined;
  }

  #if(): { kind: 'if'; clauses: Clause[]; otherwise: List } {
    const clauses: Clause[] = [];
    do {
      this.#take();
      const condition = this.#list(false);
      this.#expect('then');
      clauses.push({ condition, body: this.#list(false) });
      this.#skipNewlines();
    } while (this.#reserved('elif'));
    let otherwise: List = [];
    if (this.#reserved('else')) {
      this.#take();
      otherwise = this.#list(false);
    }
    this.#expect('fi');
    return { kind: 'if', clauses, otherwise };
  }

  #for(): { kind: 'for'; name: string; words: Word[] | undefined; body: List } {
    this.#take();
    const name = this.#take();
    if (name.kind !== 'word') throw unexpected(name);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name.text))
      throw new ShellSyntaxError(`\`${name.text}': not a valid identifier`);
    this.#skipNewlines();
    let words: Word[] | undefined;
    const token = this.#peek();
    if (token.kind === 'word' && token.text === 'in') {
      this.#take();
      words = [];
      for (let word = this.#peek(); word.kind === 'word'; word = this.#peek()) {
        words.push(word.word);
        this.#take();
      }
      const end = this.#peek();
      if (end.kind !== 'newline' && !this.#operator(';')) throw unexpected(end);
    }
    if (this.#operator(';')) this.#take();
    return { kind: 'for', name: name.text, words, body: this.#doGroup() };
  }

  #doGroup(): List {
    this.#expect('do');
    const body = this.#list(false);
    this.#expect('done');
    return body;
  }

  #simple(): Command {
    const assignments: Assignment[] = [];
    const words: Word[] = [];
    const redirects: Redirect[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.kind === 'word') {
        const assignment = words.length === 0 ? assignmentOf(token.word) : undefined;
        if (assignment !== undefined) assignments.push(assignment);
        else words.push(token.word);
        this.#take();
        if (words.length === 1 && this.#operator('('))
          throw new ShellSyntaxError('functions are not supported');
      } else if (token.kind === 'operator' && this.#isRedirect(token)) {
        redirects.push(...this.#redirect());
      } else break;
    }
    if (assignments.length + words.length + redirects.length === 0) throw unexpected(this.#peek());
    return { kind: 'simple', assignments, words, redirects };
  }

  #isRedirect(token: Token): boolean {
    return Object.hasOwn(REDIRECTS, token.text) || token.text === '&>' || token.text === '<&';
  }

  #redirects(): Redirect[] {
    const redirects: Redirect[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.kind === 'operator' && this.#isRedirect(token)) redirects.push(...this.#redirect());
      else return redirects;
    }
  }

  #redirect(): Redirect[] {
    const operator = this.#take();
    const form = REDIRECTS[operator.text];
    const both = operator.text === '&>';
    if (form === undefined && !both)
      throw new ShellSyntaxError(`${operator.text} is not supported`);
    const target = this.#take();
    if (target.kind === 'end')
      throw new ShellSyntaxError("syntax error near unexpected token `newline'");
    if (target.kind !== 'word') throw unexpected(target);
    const { word } = target;
    if (both) {
      const one: Word = [{ kind: 'text', text: '1', quoted: true }];
      return [
        { fd: 1, form: 'write', word },
        { fd: 2, form: 'duplicate', word: one },
      ];
    }
    if (form === 'document') return [{ fd: 0, form, word: this.#lexer.document(word) }];
    const given = operator.kind === 'operator' ? operator.fd : undefined;
    return [{ fd: given ?? (form === 'read' ? 0 : 1), form: form as Redirect['form'], word }];
  }
}
