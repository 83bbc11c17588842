// SPDX-License-Identifier: Apache-2.0
// Runs an awk program over lines.
// Source: POSIX.1-2017, utilities, awk.
import { bounded, MAX_TEXT, ShellLimitError } from '../../language/limits.ts';
import { Regex } from '../../language/regex.ts';
import { AwkError, type Expression, type Rule, type Statement } from './ast.ts';
import { FUNCTIONS, format } from './functions.ts';
import { compare, Input, isTrue, toNumber, toText, type Value } from './values.ts';

/** Limits: statements between two looks for Ctrl-C, rounds of all loops together, elements of all arrays together. */
const STATEMENTS_A_BREATH = 2000;
const MAX_STATEMENTS = 5_000_000;
const MAX_ELEMENTS = 200_000;
const MAX_FIELD = 10_000;

/** How a statement is left. */
type Leave = 'next' | 'exit' | 'break' | 'continue' | undefined;

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '^': (a, b) => a ** b,
};
const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

export class AwkRun {
  readonly #rules: readonly Rule[];
  readonly #breathe: () => Promise<boolean>;
  readonly #variables = new Map<string, Value>([
    ['FS', ' '],
    ['OFS', ' '],
    ['ORS', '\n'],
    ['SUBSEP', '\x1c'],
    ['NR', 0],
    ['FNR', 0],
    ['FILENAME', ''],
    ['RSTART', 0],
    ['RLENGTH', -1],
  ]);
  readonly #arrays = new Map<string, Map<string, Value>>();
  readonly #active = new Set<Rule>();
  #line = '';
  #fields: Value[] = [];
  #statements = 0;
  #elements = 0;
  #length = 0;
  readonly out: string[] = [];
  /** What was printed to /dev/stderr. */
  readonly err: string[] = [];
  status = 0;

  constructor(rules: readonly Rule[], breathe: () => Promise<boolean>) {
    this.#rules = rules;
    this.#breathe = breathe;
  }

  set(name: string, value: Value): void {
    this.#variables.set(name, value);
    if (name === 'NF') this.#resize(toNumber(value));
  }

  /** Runs the program over files with their lines. */
  async all(
    files: readonly { readonly name: string; readonly lines: readonly string[] }[],
  ): Promise<void> {
    let over = (await this.#run('BEGIN')) === 'exit';
    const onlyBegin = this.#rules.every(({ when }) => when === 'BEGIN');
    for (const { name, lines } of onlyBegin ? [] : files) {
      this.set('FILENAME', name);
      this.set('FNR', 0);
      for (const line of lines) {
        if (over) break;
        this.#setLine(line);
        this.set('NR', this.#number('NR') + 1);
        this.set('FNR', this.#number('FNR') + 1);
        over = (await this.#run('line')) === 'exit';
      }
    }
    await this.#run('END');
  }

  async #run(when: Rule['when']): Promise<Leave> {
    for (const rule of this.#rules) {
      if (rule.when !== when || !this.#applies(rule)) continue;
      const left =
        rule.body === undefined ? this.#print(this.#line) : await this.#statement(rule.body);
      if (left === 'exit' || left === 'next') return left;
    }
    return undefined;
  }

  #applies(rule: Rule): boolean {
    if (rule.pattern === undefined) return true;
    if (rule.to === undefined) return isTrue(this.#value(rule.pattern));
    if (!this.#active.has(rule) && !isTrue(this.#value(rule.pattern))) return false;
    if (isTrue(this.#value(rule.to))) this.#active.delete(rule);
    else this.#active.add(rule);
    return true;
  }

  #write(text: string, to: 'stderr' | undefined): void {
    this.#length += text.length;
    if (this.#length > MAX_TEXT)
      throw new ShellLimitError(`more than ${MAX_TEXT / 0x100000} MiB of output`);
    (to === 'stderr' ? this.err : this.out).push(text);
  }

  #print(text: string, to?: 'stderr'): undefined {
    this.#write(text + toText(this.#variables.get('ORS') ?? '\n'), to);
  }

  #number(name: string): number {
    return toNumber(this.#variables.get(name) ?? 0);
  }

  #setLine(line: string): void {
    this.#line = line;
    this.#fields = pieces(line, this.#variables.get('FS') ?? ' ').map((field) => new Input(field));
    this.#variables.set('NF', this.#fields.length);
  }

  #resize(count: number): void {
    if (count < 0 || count > MAX_FIELD) throw new AwkError(`NF set to ${count}`);
    while (this.#fields.length < count) this.#fields.push('');
    this.#fields.length = count;
    this.#rebuild();
  }

  #rebuild(): void {
    const separator = toText(this.#variables.get('OFS') ?? ' ');
    this.#line = bounded(this.#fields.map(toText).join(separator), 'a line of awk');
    this.#variables.set('NF', this.#fields.length);
  }

  async #statement(statement: Statement): Promise<Leave> {
    if (++this.#statements % STATEMENTS_A_BREATH === 0 && !(await this.#breathe())) return 'exit';
    if (this.#statements > MAX_STATEMENTS) throw new ShellLimitError('no end');
    switch (statement.kind) {
      case 'expression':
        this.#value(statement.expression);
        return undefined;
      case 'print':
      case 'printf':
        return this.#output(statement);
      case 'block':
        for (const one of statement.body) {
          const left = await this.#statement(one);
          if (left !== undefined) return left;
        }
        return undefined;
      case 'if': {
        const branch = isTrue(this.#value(statement.condition)) ? statement.yes : statement.no;
        return branch === undefined ? undefined : this.#statement(branch);
      }
      case 'delete':
        if (statement.keys === undefined) this.#arrays.delete(statement.name);
        else this.#array(statement.name).delete(this.#key(statement.keys));
        return undefined;
      case 'exit':
        if (statement.status !== undefined)
          this.status = toNumber(this.#value(statement.status)) & 0xff;
        return 'exit';
      case 'next':
      case 'break':
      case 'continue':
        return statement.kind;
      default:
        return this.#loop(statement);
    }
  }

  async #loop(
    statement: Extract<Statement, { kind: 'while' | 'do' | 'for' | 'each' }>,
  ): Promise<Leave> {
    if (statement.kind === 'each') {
      for (const key of [...this.#array(statement.array).keys()]) {
        this.set(statement.name, new Input(key));
        const left = await this.#statement(statement.body);
        if (left === 'break') return undefined;
        if (left === 'next' || left === 'exit') return left;
      }
      return undefined;
    }
    const { condition, body } = statement;
    const holds = (): boolean => condition === undefined || isTrue(this.#value(condition));
    if (statement.kind === 'for' && statement.first) await this.#statement(statement.first);
    for (let first = statement.kind === 'do'; first || holds(); first = false) {
      const left = await this.#statement(body);
      if (left === 'break') return undefined;
      if (left === 'next' || left === 'exit') return left;
      if (statement.kind === 'for' && statement.step) await this.#statement(statement.step);
    }
    return undefined;
  }

  #output({ kind, args, to }: Extract<Statement, { kind: 'print' | 'printf' }>): undefined {
    const values = args.map((arg) => this.#value(arg));
    if (kind === 'print') {
      const separator = toText(this.#variables.get('OFS') ?? ' ');
      return this.#print(args.length === 0 ? this.#line : values.map(toText).join(separator), to);
    }
    const text = format(toText(values[0] ?? ''), values.slice(1));
    this.#write(text, to);
    return undefined;
  }

  #array(name: string): Map<string, Value> {
    let array = this.#arrays.get(name);
    if (array === undefined) {
      array = new Map();
      this.#arrays.set(name, array);
    }
    return array;
  }

  #key(keys: readonly Expression[]): string {
    const separator = toText(this.#variables.get('SUBSEP') ?? '\x1c');
    return keys.map((key) => toText(this.#value(key))).join(separator);
  }

  #value(expression: Expression): Value {
    switch (expression.kind) {
      case 'number':
      case 'string':
        return expression.value;
      case 'regex':
        return Regex.extended(expression.source).test(this.#line) ? 1 : 0;
      case 'name':
        return this.#variables.get(expression.name) ?? new Input('');
      case 'field': {
        const n = toNumber(this.#value(expression.index));
        return n === 0 ? new Input(this.#line) : (this.#fields[n - 1] ?? new Input(''));
      }
      case 'element':
        return this.#array(expression.name).get(this.#key(expression.keys)) ?? new Input('');
      case 'in':
        return this.#array(expression.name).has(this.#key(expression.keys)) ? 1 : 0;
      case 'choice':
        return this.#value(
          isTrue(this.#value(expression.condition)) ? expression.yes : expression.no,
        );
      case 'unary':
        return this.#unary(expression.operator, this.#value(expression.operand));
      case 'binary':
        return this.#binary(expression);
      case 'assign':
      case 'step':
        return this.#change(expression);
      case 'call':
        return this.#call(expression.name, expression.args);
    }
  }

  #unary(operator: string, value: Value): Value {
    if (operator === '(') return value;
    if (operator === '!') return isTrue(value) ? 0 : 1;
    return operator === '-' ? -toNumber(value) : toNumber(value);
  }

  #binary({ operator, left, right }: Extract<Expression, { kind: 'binary' }>): Value {
    if (operator === '&&') return isTrue(this.#value(left)) && isTrue(this.#value(right)) ? 1 : 0;
    if (operator === '||') return isTrue(this.#value(left)) || isTrue(this.#value(right)) ? 1 : 0;
    const a = this.#value(left);
    if (operator === '~' || operator === '!~')
      return this.#regex(right).test(toText(a)) === (operator === '~') ? 1 : 0;
    const b = this.#value(right);
    if (operator === ' ') return bounded(toText(a) + toText(b), 'a text of awk');
    const comparison = COMPARISONS[operator];
    if (comparison !== undefined) return comparison(compare(a, b)) ? 1 : 0;
    return this.#calculate(operator, toNumber(a), toNumber(b));
  }

  #calculate(operator: string, a: number, b: number): number {
    if (b === 0 && (operator === '/' || operator === '%')) throw new AwkError('division by zero');
    return (ARITHMETIC[operator] as (a: number, b: number) => number)(a, b);
  }

  #regex(expression: Expression): Regex {
    return Regex.extended(
      expression.kind === 'regex' ? expression.source : toText(this.#value(expression)),
    );
  }

  #change(expression: Extract<Expression, { kind: 'assign' | 'step' }>): Value {
    const { target } = expression;
    if (expression.kind === 'step') {
      const before = toNumber(this.#value(target));
      this.#assign(target, before + expression.by);
      return expression.after ? before : before + expression.by;
    }
    const { operator } = expression;
    let value = this.#value(expression.value);
    if (operator !== '=')
      value = this.#calculate(
        operator.slice(0, -1),
        toNumber(this.#value(target)),
        toNumber(value),
      );
    this.#assign(target, value);
    return value;
  }

  #assign(target: Expression, value: Value): void {
    if (target.kind === 'name') this.set(target.name, value);
    else if (target.kind === 'element') {
      const array = this.#array(target.name);
      const key = this.#key(target.keys);
      if (!array.has(key) && ++this.#elements > MAX_ELEMENTS)
        throw new ShellLimitError(`more than ${MAX_ELEMENTS} elements`);
      array.set(key, value);
    } else if (target.kind === 'field') {
      const n = toNumber(this.#value(target.index));
      if (n === 0) this.#setLine(toText(value));
      else {
        if (!Number.isInteger(n) || n < 0 || n > MAX_FIELD) throw new AwkError(`field ${n}`);
        while (this.#fields.length < n) this.#fields.push('');
        this.#fields[n - 1] = value;
        this.#rebuild();
      }
    } else throw new AwkError('assignment to what is no variable');
  }

  #call(name: string, args: readonly Expression[]): Value {
    const plain = FUNCTIONS[name];
    if (plain !== undefined) return plain(args.map((arg) => this.#value(arg)));
    const [first, second, third] = args;
    if (name === 'length') {
      if (first?.kind === 'name' && this.#arrays.has(first.name))
        return this.#array(first.name).size;
      return (first === undefined ? this.#line : toText(this.#value(first))).length;
    }
    if (first === undefined || second === undefined)
      throw new AwkError(`${name || 'list'}: too few operands`);
    if (name === 'match') return this.#match(toText(this.#value(first)), this.#regex(second));
    if (name === 'split') return this.#split(first, second, third);
    return this.#replace(name === 'gsub', this.#regex(first), toText(this.#value(second)), third);
  }

  #match(text: string, regex: Regex): number {
    const found = regex.match(text);
    this.set('RSTART', found === undefined ? 0 : found.start + 1);
    this.set('RLENGTH', found === undefined ? -1 : found.end - found.start);
    return found === undefined ? 0 : found.start + 1;
  }

  #split(text: Expression, array: Expression, separator: Expression | undefined): number {
    if (array.kind !== 'name') throw new AwkError('split: the second operand is no array');
    const by =
      separator === undefined
        ? (this.#variables.get('FS') ?? ' ')
        : separator.kind === 'regex'
          ? new Input(separator.source)
          : this.#value(separator);
    const found = pieces(toText(this.#value(text)), by);
    this.#arrays.set(array.name, new Map(found.map((piece, n) => [`${n + 1}`, new Input(piece)])));
    return found.length;
  }

  #replace(
    all: boolean,
    regex: Regex,
    replacement: string,
    target: Expression | undefined,
  ): number {
    const place: Expression = target ?? { kind: 'field', index: { kind: 'number', value: 0 } };
    const text = toText(this.#value(place));
    const parts: string[] = [];
    let [kept, count] = [0, 0];
    for (const { start, end } of regex.matches(text)) {
      const matched = text.slice(start, end);
      const filled = replacement.replace(/\\\\|\\&|&/g, (one) =>
        one === '&' ? matched : one.slice(1),
      );
      parts.push(text.slice(kept, start), filled);
      kept = end;
      count++;
      if (!all) break;
    }
    if (count > 0) this.#assign(place, bounded(parts.join('') + text.slice(kept), 'a text of awk'));
    return count;
  }
}

/**
 * The fields of a line. A blank as separator stands for any run of blanks, another single character for itself, and anything longer is an
 * expression.
 */
function pieces(line: string, separator: Value): string[] {
  const by = toText(separator);
  if (by === ' ') return line.split(/[ \t\n]+/).filter((field) => field !== '');
  if (line === '') return [];
  if (by.length === 1 && by !== '\\') return line.split(by);
  if (by === '') return [...line];
  const fields: string[] = [];
  let kept = 0;
  for (const { start, end } of Regex.extended(by).matches(line)) {
    if (end === start) continue;
    fields.push(line.slice(kept, start));
    kept = end;
  }
  return [...fields, line.slice(kept)];
}
