// SPDX-License-Identifier: Apache-2.0
// Arithmetic of `$(( ))`, `(( ))` and array indexes: 64-bit integers with the operators of C.
// Source: bash 5.2, manual, section 6.5 (shell arithmetic) and messages.

/** Reads and sets the values of names in an expression. */
export interface Numbers {
  /** The text of a variable or element; undefined if it is not set. */
  get(name: string, index?: string): string | undefined;
  set(name: string, value: string, index?: string): void;
}

/** The expression is not valid. The message is what bash prints after the expression. */
export class ArithmeticError extends Error {}

/** Highest nesting of parentheses, operators, and values that are themselves expressions. */
const MAX_ARITHMETIC_DEPTH = 200;
const TOKEN =
  /\s*(?:(\d+#[\w@]+|0[xX][0-9a-fA-F]+|\d\w*)|([A-Za-z_]\w*)|(<<=|>>=|\*\*|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|[-+*/%<>=!~&|^?:,()[\]]))/y;

/** Binary operators, by how tightly they bind. */
const LEVELS: Readonly<Record<string, number>> = {
  ...{ '||': 1, '&&': 2, '|': 3, '^': 4, '&': 5, '==': 6, '!=': 6 },
  ...{ '<': 7, '>': 7, '<=': 7, '>=': 7, '<<': 8, '>>': 8, '+': 9, '-': 9 },
  ...{ '*': 10, '/': 10, '%': 10, '**': 11 },
};
const ASSIGNING = ['=', '*=', '/=', '%=', '+=', '-=', '<<=', '>>=', '&=', '^=', '|='];

const wrap = (value: bigint): bigint => BigInt.asIntN(64, value);
const truth = (value: boolean): bigint => (value ? 1n : 0n);

function power(base: bigint, exponent: bigint): bigint {
  if (exponent < 0n) throw new ArithmeticError('exponent less than 0');
  let result = 1n;
  let square = base;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = wrap(result * square);
    square = wrap(square * square);
  }
  return result;
}

const OPERATIONS: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '**': power,
  '<<': (a, b) => a << (b & 63n),
  '>>': (a, b) => a >> (b & 63n),
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '==': (a, b) => truth(a === b),
  '!=': (a, b) => truth(a !== b),
  '<': (a, b) => truth(a < b),
  '>': (a, b) => truth(a > b),
  '<=': (a, b) => truth(a <= b),
  '>=': (a, b) => truth(a >= b),
};

/** A value, and the variable from which it came if it can be assigned to. */
interface Operand {
  readonly value: bigint;
  readonly name?: string;
  readonly index?: string;
}

/** The value of an expression. Throws ArithmeticError. */
export function evaluate(text: string, numbers: Numbers, depth = 0): bigint {
  if (text.trim() === '') return 0n;
  return new Expression(text, numbers, depth).whole();
}

class Expression {
  readonly #text: string;
  readonly #numbers: Numbers;
  readonly #depth: number;
  #level = 0;
  #at = 0;
  /** Where the last token began. */
  #last = 0;
  /** Above 0, what is parsed is not evaluated (the other side of `&&`, `||` and `?:`). */
  #skipped = 0;

  constructor(text: string, numbers: Numbers, depth: number) {
    this.#text = text;
    this.#numbers = numbers;
    this.#depth = depth;
    if (depth > MAX_ARITHMETIC_DEPTH)
      throw new ArithmeticError('expression recursion level exceeded');
  }

  whole(): bigint {
    const value = this.#comma();
    if (this.#peek() !== '') throw this.#wrong('syntax error in expression');
    return value;
  }

  #peek(): string {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    if (match !== null) return match[1] ?? match[2] ?? match[3];
    if (this.#text.slice(this.#at).trim() === '') return '';
    throw this.#wrong('syntax error: invalid arithmetic operator');
  }

  #take(): string {
    const token = this.#peek();
    if (token !== '') this.#last = this.#at;
    TOKEN.lastIndex = this.#at;
    this.#at = TOKEN.exec(this.#text) === null ? this.#text.length : TOKEN.lastIndex;
    return token;
  }

  #expect(token: string): void {
    if (this.#take() !== token) throw this.#wrong(`syntax error: missing \`${token}'`);
  }

  #wrong(message: string, from = this.#at): ArithmeticError {
    const rest = this.#text.slice(from).trim();
    return new ArithmeticError(`${message} (error token is "${rest}")`);
  }

  #comma(): bigint {
    let value = this.#assignment();
    while (this.#peek() === ',') {
      this.#take();
      value = this.#assignment();
    }
    return value;
  }

  #assignment(): bigint {
    if (++this.#level > MAX_ARITHMETIC_DEPTH)
      throw new ArithmeticError('expression recursion level exceeded');
    const left = this.#ternary();
    const operator = this.#peek();
    let { value } = left;
    if (ASSIGNING.includes(operator)) {
      if (left.name === undefined) throw this.#wrong('attempted assignment to non-variable');
      this.#take();
      const right = this.#assignment();
      const binary = operator.slice(0, -1);
      if (right === 0n && (binary === '/' || binary === '%') && this.#skipped === 0)
        throw this.#wrong('division by 0', this.#last);
      value = binary === '' ? right : this.#apply(binary, left.value, right);
      this.#assign(left, value);
    }
    this.#level--;
    return value;
  }

  #assign({ name, index }: Operand, value: bigint): void {
    if (this.#skipped === 0) this.#numbers.set(name as string, String(value), index);
  }

  #apply(operator: string, a: bigint, b: bigint): bigint {
    const operation = OPERATIONS[operator] as (a: bigint, b: bigint) => bigint;
    return this.#skipped > 0 ? 0n : wrap(operation(a, b));
  }

  #ternary(): Operand {
    const condition = this.#binary(1);
    if (this.#peek() !== '?') return condition;
    this.#take();
    const holds = condition.value !== 0n;
    const first = this.#maybe(holds, () => this.#comma());
    this.#expect(':');
    const second = this.#maybe(!holds, () => this.#assignment());
    return { value: holds ? first : second };
  }

  #maybe(evaluated: boolean, parse: () => bigint): bigint {
    if (!evaluated) this.#skipped++;
    const value = parse();
    if (!evaluated) this.#skipped--;
    return value;
  }

  #binary(level: number): Operand {
    let left = this.#unary();
    for (;;) {
      const operator = this.#peek();
      const binds = LEVELS[operator] ?? 0;
      if (binds < level) return left;
      this.#take();
      if (operator === '&&' || operator === '||') {
        const decided = (left.value !== 0n) === (operator === '||');
        const right = this.#maybe(!decided, () => this.#binary(binds + 1).value);
        left = { value: decided ? truth(operator === '||') : truth(right !== 0n) };
        continue;
      }
      const from = this.#at;
      const right = this.#binary(operator === '**' ? binds : binds + 1);
      if (right.value === 0n && '/%'.includes(operator) && this.#skipped === 0)
        throw this.#wrong('division by 0', from);
      left = { value: this.#apply(operator, left.value, right.value) };
    }
  }

  #unary(): Operand {
    const operator = this.#peek();
    if (operator === '++' || operator === '--') {
      this.#take();
      const target = this.#unary();
      if (target.name === undefined) return { value: target.value };
      const value = wrap(target.value + (operator === '++' ? 1n : -1n));
      this.#assign(target, value);
      return { value };
    }
    if (!['-', '+', '!', '~'].includes(operator)) return this.#postfix();
    this.#take();
    if (++this.#level > MAX_ARITHMETIC_DEPTH)
      throw new ArithmeticError('expression recursion level exceeded');
    const { value } = this.#unary();
    this.#level--;
    if (operator === '!') return { value: truth(value === 0n) };
    return { value: wrap(operator === '-' ? -value : operator === '~' ? ~value : value) };
  }

  #postfix(): Operand {
    const operand = this.#primary();
    const operator = this.#peek();
    if (operand.name === undefined || (operator !== '++' && operator !== '--')) return operand;
    this.#take();
    this.#assign(operand, wrap(operand.value + (operator === '++' ? 1n : -1n)));
    return { value: operand.value };
  }

  #primary(): Operand {
    const token = this.#take();
    if (token === '(') {
      const value = this.#comma();
      this.#expect(')');
      return { value };
    }
    if (/^\d/.test(token)) return { value: this.#number(token) };
    if (!/^[A-Za-z_]/.test(token)) throw this.#wrong('syntax error: operand expected', this.#last);
    if (this.#peek() !== '[') return this.#variable(token);
    this.#take();
    const from = this.#at;
    const value = this.#comma();
    const key = this.#text.slice(from, this.#at).trim();
    this.#expect(']');
    return this.#variable(token, /^[A-Za-z_]\w*$/.test(key) && value === 0n ? key : String(value));
  }

  #variable(name: string, index?: string): Operand {
    const reference = index === undefined ? { name } : { name, index };
    if (this.#skipped > 0) return { value: 0n, ...reference };
    const text = this.#numbers.get(name, index) ?? '';
    const value =
      /^\s*\d+\s*$/.test(text) && !/^\s*0\d/.test(text)
        ? wrap(BigInt(text.trim()))
        : evaluate(text, this.#numbers, this.#depth + 1);
    return { value, ...reference };
  }

  /** Reads a decimal, octal or hexadecimal number, or `base#digits`. */
  #number(text: string): bigint {
    const [, baseText, digits] = /^(\d+)#(.+)$/.exec(text) ?? [];
    const base =
      baseText !== undefined
        ? Number(baseText)
        : /^0[xX]/.test(text)
          ? 16
          : /^0./.test(text)
            ? 8
            : 10;
    if (base < 2 || base > 64) throw new ArithmeticError(`${text}: invalid arithmetic base`);
    const plain = digits ?? text.replace(/^0[xX]/, '');
    let value = 0n;
    for (const digit of plain) {
      const n = digitOf(digit, base);
      if (n < 0 || n >= base)
        throw new ArithmeticError(`value too great for base (error token is "${text}")`);
      value = wrap(value * BigInt(base) + BigInt(n));
    }
    return value;
  }
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@_';
const digitOf = (digit: string, base: number): number =>
  DIGITS.indexOf(base <= 36 ? digit.toLowerCase() : digit);
