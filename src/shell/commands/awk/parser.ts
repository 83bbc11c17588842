// SPDX-License-Identifier: Apache-2.0
// Parses the text of an awk program into its rules.
// Source: POSIX.1-2017, utilities, awk (lexical conventions, grammar).
import { AwkError, type Expression, type Rule, type Statement } from './ast.ts';
import { FUNCTIONS } from './functions.ts';

type Token = {
  readonly kind: 'number' | 'string' | 'name' | 'word' | 'operator' | 'newline' | 'end';
  readonly text: string;
};

const WORDS = [
  'BEGIN',
  'END',
  'if',
  'else',
  'while',
  'do',
  'for',
  'in',
  'print',
  'printf',
  'next',
  'exit',
  'break',
  'continue',
  'delete',
  'function',
  'getline',
  'return',
];
const TOKEN =
  /(?:[ \t\r]|\\\n|#[^\n]*)*(?:(\n)|(\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|"((?:[^"\\\n]|\\.)*)"|([A-Za-z_]\w*)|(\+\+|--|\+=|-=|\*=|\/=|%=|\^=|==|<=|>=|!=|!~|&&|\|\||>>|[-+*/%^!<>|?:~$=,;(){}[\]])|$)/sy;
const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\\': '\\',
  '"': '"',
  '/': '/',
};
const LEVELS: readonly (readonly string[])[] = [
  ['<', '<=', '==', '!=', '>', '>='],
  [' '],
  ['+', '-'],
  ['*', '/', '%'],
];
const ASSIGNING = ['=', '+=', '-=', '*=', '/=', '%=', '^='];
const MAX_AWK_DEPTH = 200;

export class AwkParser {
  readonly #text: string;
  #at = 0;
  #token: Token;
  #depth = 0;
  /** Inside `print`, where `>` would be a redirection. */
  #noGreater = false;
  /** Inside the parentheses of `for`, where `in` belongs to the loop. */
  #noIn = false;

  constructor(text: string) {
    this.#text = text;
    this.#token = this.#read();
  }

  rules(): Rule[] {
    const rules: Rule[] = [];
    for (this.#skip(); this.#token.kind !== 'end'; this.#skip()) rules.push(this.#rule());
    return rules;
  }

  #wrong(): AwkError {
    const near =
      this.#token.kind === 'end' ? 'end of program' : this.#token.text.trim() || 'newline';
    return new AwkError(`syntax error near ${near}`);
  }

  #read(): Token {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    if (match === null)
      throw new AwkError(`syntax error near ${this.#text.slice(this.#at, this.#at + 10).trim()}`);
    this.#at = TOKEN.lastIndex;
    const [, newline, number, string, name, operator] = match;
    if (newline !== undefined) return { kind: 'newline', text: newline };
    if (number !== undefined) return { kind: 'number', text: number };
    if (string !== undefined) return { kind: 'string', text: string };
    if (name !== undefined) return { kind: WORDS.includes(name) ? 'word' : 'name', text: name };
    return operator === undefined
      ? { kind: 'end', text: '' }
      : { kind: 'operator', text: operator };
  }

  #take(): Token {
    const token = this.#token;
    this.#token = this.#read();
    return token;
  }

  #is(...texts: readonly string[]): boolean {
    const { kind, text } = this.#token;
    return (kind === 'operator' || kind === 'word') && texts.includes(text);
  }

  #expect(text: string): void {
    if (!this.#is(text)) throw this.#wrong();
    this.#take();
  }

  #newlines(): void {
    while (this.#token.kind === 'newline') this.#take();
  }

  #skip(): void {
    while (this.#token.kind === 'newline' || this.#is(';')) this.#take();
  }

  #rule(): Rule {
    if (this.#is('function')) throw new AwkError('functions are not supported');
    if (this.#is('BEGIN', 'END')) {
      const when = this.#take().text as 'BEGIN';
      return { when, pattern: undefined, to: undefined, body: this.#block() };
    }
    const pattern = this.#is('{') ? undefined : this.#expression();
    let to: Expression | undefined;
    if (this.#is(',')) {
      this.#take();
      to = this.#expression();
    }
    return { when: 'line', pattern, to, body: this.#is('{') ? this.#block() : undefined };
  }

  #block(): Statement {
    this.#expect('{');
    const body: Statement[] = [];
    for (this.#skip(); !this.#is('}'); this.#skip()) body.push(this.#statement());
    this.#take();
    return { kind: 'block', body };
  }

  #statement(): Statement {
    if (++this.#depth > MAX_AWK_DEPTH) throw new AwkError('nested too deeply');
    const statement = this.#is('{') ? this.#block() : this.#compound();
    this.#depth--;
    return statement;
  }

  #compound(): Statement {
    if (this.#is('if')) {
      this.#take();
      const condition = this.#inParentheses();
      const yes = this.#body();
      const before = [this.#at, this.#token] as const;
      this.#skip();
      if (this.#is('else')) {
        this.#take();
        return { kind: 'if', condition, yes, no: this.#body() };
      }
      [this.#at, this.#token] = before;
      return { kind: 'if', condition, yes, no: undefined };
    }
    if (this.#is('while')) {
      this.#take();
      const condition = this.#inParentheses();
      return { kind: 'while', condition, body: this.#body() };
    }
    if (this.#is('do')) {
      this.#take();
      const body = this.#body();
      this.#skip();
      this.#expect('while');
      return { kind: 'do', condition: this.#inParentheses(), body };
    }
    if (this.#is('for')) return this.#for();
    return this.#ended(this.#simple());
  }

  #ended(statement: Statement): Statement {
    if (this.#token.kind !== 'newline' && this.#token.kind !== 'end' && !this.#is(';', '}'))
      throw this.#wrong();
    if (this.#is(';')) this.#take();
    return statement;
  }

  #body(): Statement {
    this.#newlines();
    if (!this.#is(';')) return this.#statement();
    this.#take();
    return { kind: 'block', body: [] };
  }

  #inParentheses(): Expression {
    this.#expect('(');
    const expression = this.#expression();
    this.#expect(')');
    return expression;
  }

  #for(): Statement {
    this.#take();
    this.#expect('(');
    this.#noIn = true;
    const first = this.#is(';') ? undefined : this.#simple();
    this.#noIn = false;
    if (this.#is('in') && first?.kind === 'expression' && first.expression.kind === 'name') {
      this.#take();
      const array = this.#name();
      this.#expect(')');
      return { kind: 'each', name: first.expression.name, array, body: this.#body() };
    }
    this.#expect(';');
    const condition = this.#is(';') ? undefined : this.#expression();
    this.#expect(';');
    const step = this.#is(')') ? undefined : this.#simple();
    this.#expect(')');
    return { kind: 'for', first, condition, step, body: this.#body() };
  }

  #name(): string {
    if (this.#token.kind !== 'name') throw this.#wrong();
    return this.#take().text;
  }

  #simple(): Statement {
    if (this.#is('print', 'printf')) {
      const kind = this.#take().text as 'print';
      this.#noGreater = true;
      const args = this.#endsSimple() ? [] : this.#list();
      this.#noGreater = false;
      const to = this.#target();
      const [only] = args;
      const grouped = args.length === 1 && only?.kind === 'call' && only.name === '';
      return { kind, args: grouped ? only.args : args, ...(to === undefined ? {} : { to }) };
    }
    if (this.#is('next', 'break', 'continue')) return { kind: this.#take().text as 'next' };
    if (this.#is('exit')) {
      this.#take();
      return { kind: 'exit', status: this.#endsSimple() ? undefined : this.#expression() };
    }
    if (this.#is('delete')) {
      this.#take();
      const name = this.#name();
      return { kind: 'delete', name, keys: this.#is('[') ? this.#keys() : undefined };
    }
    if (this.#is('getline', 'return')) throw new AwkError(`${this.#token.text} is not supported`);
    return { kind: 'expression', expression: this.#expression() };
  }

  /** Where `print` writes: only to what the shell can redirect afterwards. */
  #target(): 'stderr' | undefined {
    if (!this.#is('>', '>>', '|')) return undefined;
    const operator = this.#take().text;
    const { kind, text } = this.#token;
    if (operator !== '|' && kind === 'string' && /^\/dev\/std(out|err)$/.test(text)) {
      this.#take();
      return text === '/dev/stderr' ? 'stderr' : undefined;
    }
    throw new AwkError(
      `output with ${operator} is not supported (/dev/stderr is; the shell's own ${operator} behind awk does the rest)`,
    );
  }

  #endsSimple(): boolean {
    return (
      this.#token.kind === 'newline' ||
      this.#token.kind === 'end' ||
      this.#is(';', '}', '>', '>>', '|')
    );
  }

  #list(): Expression[] {
    const list = [this.#expression()];
    while (this.#is(',')) {
      this.#take();
      this.#newlines();
      list.push(this.#expression());
    }
    return list;
  }

  #keys(): Expression[] {
    this.#expect('[');
    const keys = this.#list();
    this.#expect(']');
    return keys;
  }

  #expression(): Expression {
    if (++this.#depth > MAX_AWK_DEPTH) throw new AwkError('nested too deeply');
    const left = this.#choice();
    this.#depth--;
    if (!this.#is(...ASSIGNING)) return left;
    if (!['name', 'field', 'element'].includes(left.kind)) throw this.#wrong();
    const operator = this.#take().text;
    this.#newlines();
    return { kind: 'assign', operator, target: left, value: this.#expression() };
  }

  #choice(): Expression {
    const condition = this.#logical('||');
    if (!this.#is('?')) return condition;
    this.#take();
    const yes = this.#expression();
    this.#expect(':');
    return { kind: 'choice', condition, yes, no: this.#expression() };
  }

  #logical(operator: '||' | '&&'): Expression {
    const inner = (): Expression => (operator === '||' ? this.#logical('&&') : this.#membership());
    let left = inner();
    while (this.#is(operator)) {
      this.#take();
      this.#newlines();
      left = { kind: 'binary', operator, left, right: inner() };
    }
    return left;
  }

  #membership(): Expression {
    let left = this.#matching();
    while (!this.#noIn && this.#is('in')) {
      this.#take();
      const keys = left.kind === 'call' && left.name === '' ? left.args : [left];
      left = { kind: 'in', keys, name: this.#name() };
    }
    return left;
  }

  #matching(): Expression {
    let left = this.#binary(0);
    while (this.#is('~', '!~')) {
      const operator = this.#take().text;
      left = { kind: 'binary', operator, left, right: this.#binary(0) };
    }
    return left;
  }

  #binary(level: number): Expression {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const concatenates = operators[0] === ' ' && this.#beginsOperand();
      const found = this.#is(...operators) && !(this.#noGreater && this.#is('>'));
      if (!concatenates && !found) return left;
      const operator = concatenates ? ' ' : this.#take().text;
      left = { kind: 'binary', operator, left, right: this.#binary(level + 1) };
    }
  }

  /** What follows an operand directly is concatenated with it, unless it can be an operator. */
  #beginsOperand(): boolean {
    const { kind } = this.#token;
    if (kind === 'number' || kind === 'string' || kind === 'name') return true;
    return this.#is('$', '!', '(', '++', '--') && !this.#is('!~');
  }

  #unary(): Expression {
    if (!this.#is('!', '-', '+')) return this.#power();
    if (++this.#depth > MAX_AWK_DEPTH) throw new AwkError('nested too deeply');
    const operator = this.#take().text;
    const operand = this.#unary();
    this.#depth--;
    return { kind: 'unary', operator, operand };
  }

  #power(): Expression {
    const left = this.#stepped();
    if (!this.#is('^')) return left;
    this.#take();
    return { kind: 'binary', operator: '^', left, right: this.#unary() };
  }

  #stepped(): Expression {
    if (this.#is('++', '--')) {
      const by = this.#take().text === '++' ? 1 : -1;
      return { kind: 'step', by, after: false, target: this.#primary() };
    }
    const target = this.#primary();
    if (!['name', 'field', 'element'].includes(target.kind) || !this.#is('++', '--')) return target;
    return { kind: 'step', by: this.#take().text === '++' ? 1 : -1, after: true, target };
  }

  #primary(): Expression {
    if (this.#is('/', '/=')) return this.#regex();
    const token = this.#take();
    if (token.kind === 'number') return { kind: 'number', value: Number(token.text) };
    if (token.kind === 'string') return { kind: 'string', value: unescaped(token.text) };
    if (token.kind === 'name') return this.#named(token.text);
    if (token.kind !== 'operator') throw this.#wrong();
    if (token.text === '$')
      return { kind: 'field', index: this.#is('-') ? this.#unary() : this.#stepped() };
    if (token.text !== '(') throw this.#wrong();
    const greater = this.#noGreater;
    this.#noGreater = false;
    const list = this.#list();
    this.#noGreater = greater;
    this.#expect(')');
    const [only] = list;
    // Several expressions in parentheses are the operands of print, or the keys of `in`.
    return list.length === 1
      ? { kind: 'unary', operator: '(', operand: only as Expression }
      : { kind: 'call', name: '', args: list };
  }

  #named(name: string): Expression {
    if (this.#is('[')) return { kind: 'element', name, keys: this.#keys() };
    if (!Object.hasOwn(FUNCTIONS, name)) {
      // Without a blank it is a call, which would be taken for two words beside each other.
      const before = this.#text[this.#at - 2] ?? '';
      if (this.#is('(') && /\w/.test(before))
        throw new AwkError(`there is no function ${name} here`);
      return { kind: 'name', name };
    }
    if (!this.#is('(')) return { kind: 'call', name, args: [] };
    this.#take();
    const args = this.#is(')') ? [] : this.#list();
    this.#expect(')');
    return { kind: 'call', name, args };
  }

  #regex(): Expression {
    const from = this.#at - this.#token.text.length;
    const pattern = /\/((?:[^/\\\n[]|\\.|\[\^?\]?[^\]\n]*\])*)\//sy;
    pattern.lastIndex = from;
    const match = pattern.exec(this.#text);
    if (match === null) throw new AwkError('unterminated regular expression');
    this.#at = pattern.lastIndex;
    this.#token = this.#read();
    return { kind: 'regex', source: match[1].replaceAll('\\/', '/') };
  }
}

const unescaped = (text: string): string =>
  text.replace(/\\(.)/gs, (all, c: string) => ESCAPES[c] ?? all);
