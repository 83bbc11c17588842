// SPDX-License-Identifier: Apache-2.0
// Tokens of a script: words with their quoting, operators, newlines, here-documents.
// Source: POSIX.1-2017, shell command language, sections 2.2 (quoting), 2.3 (tokens), 2.6 (expansions); messages of bash 5.2.
import { type List, type Part, ShellSyntaxError, type Word } from './ast.ts';

export type Token =
  | { readonly kind: 'word'; readonly word: Word; readonly text: string }
  /** `fd`: the digit directly before a redirection. */
  | { readonly kind: 'operator'; readonly text: string; readonly fd?: 0 | 1 | 2 }
  | { readonly kind: 'newline'; readonly text: 'newline' }
  | { readonly kind: 'end'; readonly text: 'end of file' };

/** Parses the inside of `$( … )`. Given by the parser. */
export type ParseNested = (text: string, depth: number) => List;

/** Nested `$(…)` and `${…}` at most. */
export const MAX_NESTING = 50;

const OPERATORS = [
  '&&',
  '||',
  ';;',
  '<<',
  '>>',
  '>&',
  '<&',
  '&>',
  '<',
  '>',
  '|',
  '&',
  ';',
  '(',
  ')',
];
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const SPECIAL = /[?#@*$!0-9-]/;
/** What this shell does not have; said clearly. */
const REFUSED_SUBSTITUTIONS: readonly (readonly [string, string])[] = [
  ['((', '$((…)): arithmetic is not supported'],
];

interface Document {
  readonly delimiter: string;
  readonly expand: boolean;
  readonly parts: Part[];
}

export class Lexer {
  readonly #text: string;
  readonly #depth: number;
  readonly #nested: ParseNested;
  #at: number;
  #documents: Document[] = [];

  constructor(text: string, nested: ParseNested, depth = 0, start = 0) {
    this.#text = text;
    this.#nested = nested;
    this.#depth = depth;
    this.#at = start;
  }

  /** Offset of the next character. */
  get offset(): number {
    return this.#at;
  }

  next(): Token {
    this.#skipBlanks();
    const c = this.#text[this.#at];
    if (c === undefined) {
      if (this.#documents.length > 0) this.#readDocuments();
      return { kind: 'end', text: 'end of file' };
    }
    if (c === '\n') {
      this.#at++;
      this.#readDocuments();
      return { kind: 'newline', text: 'newline' };
    }
    const numbered = /^[0-2](?=[<>])/.test(this.#text.slice(this.#at, this.#at + 2));
    const fd = numbered ? (Number(this.#text[this.#at++]) as 0 | 1 | 2) : undefined;
    const operator = OPERATORS.find((text) => this.#text.startsWith(text, this.#at));
    if (operator !== undefined) {
      this.#at += operator.length;
      return { kind: 'operator', text: operator, ...(fd === undefined ? {} : { fd }) };
    }
    const from = this.#at;
    const word = this.#word();
    return { kind: 'word', word, text: this.#text.slice(from, this.#at) };
  }

  /** The word behind `<<`: the text of the document comes with the next newline. */
  document(delimiter: Word): Word {
    const quoted = delimiter.some((part) => part.quoted);
    const text = delimiter.map((part) => (part.kind === 'text' ? part.text : '')).join('');
    const parts: Part[] = [];
    this.#documents.push({ delimiter: text, expand: !quoted, parts });
    return parts;
  }

  #skipBlanks(): void {
    for (;;) {
      const c = this.#text[this.#at];
      if (c === ' ' || c === '\t' || c === '\r') this.#at++;
      else if (c === '\\' && this.#text[this.#at + 1] === '\n') this.#at += 2;
      else if (c === '#') {
        const end = this.#text.indexOf('\n', this.#at);
        this.#at = end < 0 ? this.#text.length : end;
      } else return;
    }
  }

  #readDocuments(): void {
    const documents = this.#documents;
    this.#documents = [];
    for (const { delimiter, expand, parts } of documents) {
      let body = '';
      for (;;) {
        if (this.#at >= this.#text.length) {
          throw new ShellSyntaxError(
            `here-document delimited by end-of-file (wanted \`${delimiter}')`,
            true,
          );
        }
        const end = this.#text.indexOf('\n', this.#at);
        const line = this.#text.slice(this.#at, end < 0 ? undefined : end);
        this.#at = end < 0 ? this.#text.length : end + 1;
        if (line === delimiter) break;
        body += `${line}\n`;
      }
      if (!expand) parts.push({ kind: 'text', text: body, quoted: true });
      else {
        const inner = new Lexer(body, this.#nested, this.#depth);
        parts.push(...inner.#quotedParts(undefined));
      }
    }
  }

  #word(): Word {
    const parts: Part[] = [];
    let text = '';
    const flush = (): void => {
      if (text !== '') parts.push({ kind: 'text', text, quoted: false });
      text = '';
    };
    for (;;) {
      const c = this.#text[this.#at];
      if (c === undefined || ' \t\r\n'.includes(c) || ';&|<>()'.includes(c)) break;
      if (c === '\\') {
        const next = this.#text[this.#at + 1];
        this.#at += 2;
        flush();
        if (next === undefined) throw new ShellSyntaxError('unexpected end of file', true);
        if (next !== '\n') parts.push({ kind: 'text', text: next, quoted: true });
      } else if (c === "'") {
        flush();
        parts.push({ kind: 'text', text: this.#single(), quoted: true });
      } else if (c === '"') {
        flush();
        this.#at++;
        const inside = this.#quotedParts('"');
        // "" is an empty field, not nothing.
        parts.push(
          ...(inside.length === 0 ? [{ kind: 'text', text: '', quoted: true } as const] : inside),
        );
      } else if (c === '$' || c === '`') {
        flush();
        parts.push(this.#dollar(false));
      } else {
        text += c;
        this.#at++;
      }
    }
    flush();
    return parts;
  }

  #single(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0) throw new ShellSyntaxError("unexpected EOF while looking for matching `''", true);
    const text = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return text;
  }

  /** Inside double quotes up to `close`, or a here-document up to its end. */
  #quotedParts(close: '"' | undefined): Part[] {
    const parts: Part[] = [];
    let text = '';
    const flush = (): void => {
      if (text !== '') parts.push({ kind: 'text', text, quoted: true });
      text = '';
    };
    for (;;) {
      const c = this.#text[this.#at];
      if (c === close) break;
      if (c === undefined) {
        throw new ShellSyntaxError('unexpected EOF while looking for matching `"\'', true);
      }
      const next = this.#text[this.#at + 1];
      if (c === '\\' && next !== undefined && `$\`\\\n${close ?? ''}`.includes(next)) {
        if (next !== '\n') text += next;
        this.#at += 2;
      } else if (c === '$' || c === '`') {
        flush();
        parts.push(this.#dollar(true));
      } else {
        text += c;
        this.#at++;
      }
    }
    this.#at++;
    flush();
    return parts;
  }

  #dollar(quoted: boolean): Part {
    if (this.#text[this.#at] === '`')
      throw new ShellSyntaxError('backquotes are not supported (write $(…))');
    this.#at++;
    const rest = this.#text.slice(this.#at, this.#at + 2);
    const refused = REFUSED_SUBSTITUTIONS.find(([start]) => rest === start);
    if (refused !== undefined) throw new ShellSyntaxError(refused[1]);
    if (rest[0] === '(') return this.#substitution(quoted);
    if (rest[0] === '{') return this.#braces(quoted);
    NAME.lastIndex = this.#at;
    const name = NAME.exec(this.#text)?.[0] ?? (SPECIAL.test(rest[0] ?? '') ? rest[0] : undefined);
    if (name === undefined) return { kind: 'text', text: '$', quoted };
    this.#at += name.length;
    return { kind: 'variable', name, quoted };
  }

  #substitution(quoted: boolean): Part {
    const from = this.#at + 1;
    this.#refuseDepth();
    // The inside is a script of its own: its tokens say where it ends.
    const inner = new Lexer(this.#text, this.#nested, this.#depth + 1, from);
    let open = 0;
    for (;;) {
      const at = inner.#at;
      const token = inner.next();
      if (token.kind === 'end')
        throw new ShellSyntaxError("unexpected EOF while looking for matching `)'", true);
      if (token.kind !== 'operator') continue;
      if (token.text === '(') open++;
      if (token.text !== ')' || open-- > 0) continue;
      this.#at = inner.#at;
      const text = this.#text.slice(from, Math.max(at, this.#at - 1));
      return { kind: 'command', list: this.#nested(text, this.#depth + 1), quoted };
    }
  }

  #refuseDepth(): void {
    if (this.#depth >= MAX_NESTING) throw new ShellSyntaxError('substitutions nested too deeply');
  }

  #braces(quoted: boolean): Part {
    this.#refuseDepth();
    const end = this.#closingBrace();
    const inside = this.#text.slice(this.#at + 1, end);
    const match = /^(#?)([A-Za-z_]\w*|[?#@*$!]|\d+)(?:(:?[-+]|##?|%%?)(.*))?$/s.exec(inside);
    if (match === null) throw new ShellSyntaxError(`\${${inside}}: bad substitution`);
    this.#at = end + 1;
    const [, length, name = '', form, value] = match;
    if (length === '#') {
      if (form !== undefined) throw new ShellSyntaxError(`\${${inside}}: bad substitution`);
      return { kind: 'variable', name, quoted, form: 'length' };
    }
    if (form === undefined) return { kind: 'variable', name, quoted };
    const inner = new Lexer(value as string, this.#nested, this.#depth + 1);
    const word = inner.#quotedParts(undefined);
    return { kind: 'variable', name, quoted, form: form as ':-', word };
  }

  #closingBrace(): number {
    let open = 0;
    for (let i = this.#at; i < this.#text.length; i++) {
      const c = this.#text[i];
      if (c === '\\') i++;
      else if (c === '{') open++;
      else if (c === '}' && --open === 0) return i;
    }
    throw new ShellSyntaxError("unexpected EOF while looking for matching `}'", true);
  }
}
