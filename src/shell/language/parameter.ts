// SPDX-License-Identifier: Apache-2.0
// `${…}`: a parameter, its index, its operator and what belongs to that.
// Source: POSIX.1-2017, shell command language, section 2.6.2; bash 5.2, manual, section 3.5.3.
import {
  type ParameterForm,
  type Part,
  ShellSyntaxError,
  type VariablePart,
  type Word,
} from './ast.ts';
import type { Lexer } from './lexer.ts';

const NAME = /[A-Za-z_]\w*|[?#@*$!-]|\d+/y;
/** The operators, longer ones first. */
const FORMS = [
  ...[':-', ':+', ':=', ':?', '-', '+', '=', '?'],
  ...['##', '#', '%%', '%', '//', '/#', '/%', '/', '^^', '^', ',,', ',', ':'],
];

/** Reads from the opening brace to after the closing one. */
export function bracedParameter(lexer: Lexer, quoted: boolean): Part {
  const from = lexer.at;
  const wrong = (): ShellSyntaxError => badSubstitution(lexer.text, from);
  lexer.at++;
  const c = lexer.text[lexer.at];
  const following = lexer.text[lexer.at + 1] ?? '';
  const prefix = (c === '#' || c === '!') && /[\w@*#?$!-]/.test(following) ? c : '';
  lexer.at += prefix.length;
  NAME.lastIndex = lexer.at;
  const name = NAME.exec(lexer.text)?.[0];
  if (name === undefined) throw wrong();
  lexer.at += name.length;
  const index = indexOf(lexer);
  const base: VariablePart = {
    ...{ kind: 'variable', name, quoted },
    ...(index === undefined ? {} : { index }),
  };
  if (lexer.text[lexer.at] === '}') {
    lexer.at++;
    if (prefix === '#') return { ...base, form: 'length' };
    if (prefix === '!') return { ...base, form: typeof index === 'string' ? 'keys' : 'indirect' };
    return base;
  }
  const operator = FORMS.find((text) => lexer.text.startsWith(text, lexer.at));
  if (operator === undefined || prefix !== '') throw wrong();
  lexer.at += operator.length;
  return { ...base, ...operands(lexer, operator, quoted) };
}

/** `[…]` behind a name. */
function indexOf(lexer: Lexer): VariablePart['index'] | undefined {
  if (lexer.text[lexer.at] !== '[') return undefined;
  lexer.at++;
  const all = /[@*]\]/y;
  all.lastIndex = lexer.at;
  if (all.test(lexer.text)) {
    lexer.at += 2;
    return lexer.text[lexer.at - 2] as '@' | '*';
  }
  const word = lexer.parts(']');
  closed(lexer, ']');
  return word;
}

function operands(
  lexer: Lexer,
  operator: string,
  quoted: boolean,
): Pick<VariablePart, 'form' | 'word' | 'second'> {
  const replaces = operator.startsWith('/');
  const cuts = operator === ':';
  // A pattern inside double quotes is still a pattern.
  const pattern = /^[/#%^,]/.test(operator);
  const word = operand(lexer, replaces ? '/}' : cuts ? ':}' : '}', quoted && !pattern);
  let second: Word | undefined;
  if ((replaces || cuts) && lexer.text[lexer.at] !== '}') {
    lexer.at++;
    second = operand(lexer, '}', quoted);
  }
  closed(lexer, '}');
  const form = cuts ? 'substring' : (operator as ParameterForm);
  return { form, word, ...(second === undefined ? {} : { second }) };
}

/** Reads up to one of some characters, which is not consumed. Inside double quotes, single quotes and blanks are ordinary characters. */
function operand(lexer: Lexer, ends: string, quoted: boolean): Word {
  if (!quoted) return lexer.parts(ends);
  const parts: Part[] = [];
  const text = (value: string): void =>
    void parts.push({ kind: 'text', text: value, quoted: true });
  for (
    let c = lexer.text[lexer.at];
    c !== undefined && !ends.includes(c);
    c = lexer.text[lexer.at]
  ) {
    const next = lexer.text[lexer.at + 1];
    if (c === '\\' && next !== undefined && '$`"\\}/'.includes(next)) {
      text(next);
      lexer.at += 2;
    } else if (c === '"') parts.push(...lexer.doubleQuoted());
    else if (c === '$' || c === '`') parts.push(lexer.dollar(true));
    else {
      const run = /[^\\"$`}:/]+/y;
      run.lastIndex = lexer.at;
      const plain = run.exec(lexer.text)?.[0] ?? c;
      text(plain);
      lexer.at += plain.length;
    }
  }
  return parts;
}

function closed(lexer: Lexer, by: string): void {
  if (lexer.text[lexer.at] !== by)
    throw new ShellSyntaxError(`unexpected EOF while looking for matching \`${by}'`, true);
  lexer.at++;
}

/** The message names the whole `${…}`, as in bash. Without its end, the text is incomplete. */
function badSubstitution(text: string, from: number): ShellSyntaxError {
  const end = text.indexOf('}', from);
  if (end < 0) return new ShellSyntaxError("unexpected EOF while looking for matching `}'", true);
  return new ShellSyntaxError(`\${${text.slice(from + 1, end)}}: bad substitution`);
}
