// SPDX-License-Identifier: Apache-2.0
// The tokens of a script: words with their quoting, operators, newlines, here-documents. Each character is read once, however deep
// constructs are nested: a substitution is parsed where it stands.
// Source: POSIX.1-2017, shell command language, sections 2.2 (quoting), 2.3 (tokens), 2.6 (expansions); messages of bash 5.2.

import { type List, type Part, ShellSyntaxError, type Word } from './ast.ts';
import { MAX_COMMAND_DEPTH } from './limits.ts';
import { bracedParameter } from './parameter.ts';
import { ansiText, arithmeticEnd } from './quotes.ts';

export type Token =
  | { readonly kind: 'word'; readonly word: Word; readonly text: string }
  /** `fd` is the digit directly before a redirection. */
  | { readonly kind: 'operator'; readonly text: string; readonly fd?: number }
  | { readonly kind: 'newline'; readonly text: 'newline' }
  | { readonly kind: 'end'; readonly text: 'end of file' };

/**
 * Parses the commands of a text from a place up to the `)` that ends them, or to the end of the text. Returns the place after them as
 * well.
 */
export type ParseNested = (
  text: string,
  from: number,
  depth: number,
  closed: boolean,
) => { readonly list: List; readonly end: number };

const OPERATORS = [
  ...[';;&', '<<-', '<<<', '&>>'],
  ...['&&', '||', ';;', ';&', '<<', '>>', '>&', '<&', '>|', '&>', '|&', '<>'],
  ...['<', '>', '|', '&', ';', '(', ')'],
];
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const SPECIAL = /[?#@*$!0-9-]/;
const ENDS_WORD = ' \t\r\n;&|<>()';

interface Document {
  readonly delimiter: string;
  readonly expand: boolean;
  readonly stripTabs: boolean;
  readonly parts: Part[];
}

export class Lexer {
  readonly text: string;
  readonly depth: number;
  readonly #nested: ParseNested;
  at: number;
  #documents: Document[] = [];

  constructor(text: string, nested: ParseNested, depth = 0, at = 0) {
    this.text = text;
    this.#nested = nested;
    this.depth = depth;
    this.at = at;
    if (depth > MAX_COMMAND_DEPTH) throw new ShellSyntaxError('substitutions nested too deeply');
  }

  next(): Token {
    this.#skipBlanks();
    const c = this.text[this.at];
    if (c === undefined) {
      if (this.#documents.length > 0) this.#readDocuments();
      return { kind: 'end', text: 'end of file' };
    }
    if (c === '\n') {
      this.at++;
      this.#readDocuments();
      return { kind: 'newline', text: 'newline' };
    }
    const following = this.text[this.at + 1] ?? '';
    const numbered = c >= '0' && c <= '9' && (following === '<' || following === '>');
    if (!numbered && '<>'.includes(c) && following === '(') return this.#wordToken();
    if (numbered) this.at++;
    const operator = this.#operatorHere();
    if (operator === undefined) return this.#wordToken();
    this.at += operator.length;
    return { kind: 'operator', text: operator, ...(numbered ? { fd: Number(c) } : {}) };
  }

  #operatorHere(): string | undefined {
    const c = this.text[this.at];
    if (!ENDS_WORD.includes(c)) return undefined;
    return OPERATORS.find((text) => this.text.startsWith(text, this.at));
  }

  #wordToken(): Token {
    const from = this.at;
    const word = this.parts(ENDS_WORD);
    return { kind: 'word', word, text: this.text.slice(from, this.at) };
  }

  /** The word after `<<`. The text of the document comes with the next newline. */
  document(delimiter: Word, stripTabs: boolean): Word {
    const quoted = delimiter.some((part) => part.quoted);
    const text = delimiter.map((part) => (part.kind === 'text' ? part.text : '')).join('');
    const parts: Part[] = [];
    this.#documents.push({ delimiter: text, expand: !quoted, stripTabs, parts });
    return parts;
  }

  /** The word after `=~`, to which operators and parentheses belong. */
  regexWord(): Word {
    this.#skipBlanks();
    return this.parts(' \t\r\n', true);
  }

  /**
   * The inside of `(( … ))`, from after its beginning. Undefined, with nothing read, if it is something else, such as a subshell in a
   * subshell. This is decided before anything inside is parsed, since parsing twice on each level would take exponential time.
   */
  arithmetic(): Word | undefined {
    const end = arithmeticEnd(this.text, this.at);
    if (this.text[end + 1] !== ')') return undefined;
    const word = this.#quoted(end);
    if (this.at !== end) throw new ShellSyntaxError("syntax error near unexpected token `)'");
    this.at += 2;
    return word;
  }

  #skipBlanks(): void {
    for (;;) {
      const c = this.text[this.at];
      if (c === ' ' || c === '\t' || c === '\r') this.at++;
      else if (c === '\\' && this.text[this.at + 1] === '\n') this.at += 2;
      else if (c === '#') {
        const end = this.text.indexOf('\n', this.at);
        this.at = end < 0 ? this.text.length : end;
      } else return;
    }
  }

  #readDocuments(): void {
    const documents = this.#documents;
    this.#documents = [];
    for (const { delimiter, expand, stripTabs, parts } of documents) {
      const lines: string[] = [];
      for (;;) {
        if (this.at >= this.text.length) {
          const message = `here-document delimited by end-of-file (wanted \`${delimiter}')`;
          throw new ShellSyntaxError(message, true);
        }
        const end = this.text.indexOf('\n', this.at);
        const whole = this.text.slice(this.at, end < 0 ? undefined : end);
        this.at = end < 0 ? this.text.length : end + 1;
        const line = stripTabs ? whole.replace(/^\t+/, '') : whole;
        if (line === delimiter) break;
        lines.push(`${line}\n`);
      }
      const body = lines.join('');
      if (!expand) parts.push({ kind: 'text', text: body, quoted: true });
      else parts.push(...new Lexer(body, this.#nested, this.depth + 1).#quoted(body.length));
    }
  }

  /** An unquoted word up to one of some characters. With `regex`, parentheses protect these characters. */
  parts(ends: string, regex = false): Part[] {
    const parts: Part[] = [];
    let text = '';
    let open = 0;
    const flush = (): void => {
      if (text !== '') parts.push({ kind: 'text', text, quoted: false });
      text = '';
    };
    for (;;) {
      const c = this.text[this.at];
      if (c === undefined) break;
      if ('<>'.includes(c) && this.text[this.at + 1] === '(' && ends === ENDS_WORD) {
        flush();
        parts.push(this.#process(c));
        continue;
      }
      if (ends.includes(c) && (open === 0 || c === '\n')) break;
      if (regex && c === '(') open++;
      if (regex && c === ')') open = Math.max(0, open - 1);
      const part = this.#quotedPart(c);
      if (part === undefined) {
        text += c;
        this.at++;
        continue;
      }
      flush();
      parts.push(...part);
    }
    flush();
    return parts;
  }

  /** What a quote, a backslash or a dollar in an unquoted word stands for; undefined for an ordinary character. */
  #quotedPart(c: string): readonly Part[] | undefined {
    if (c === '\\') {
      const next = this.text[this.at + 1];
      if (next === undefined) throw new ShellSyntaxError('unexpected end of file', true);
      this.at += 2;
      return next === '\n' ? [] : [{ kind: 'text', text: next, quoted: true }];
    }
    if (c === "'") return [{ kind: 'text', text: this.#single(), quoted: true }];
    if (c === '"') {
      const inside = this.doubleQuoted();
      // An empty pair of quotes is an empty field, not nothing.
      return inside.length === 0 ? [{ kind: 'text', text: '', quoted: true }] : inside;
    }
    if (c === '$' && this.text[this.at + 1] === "'") {
      this.at++;
      return [{ kind: 'text', text: this.#ansi(), quoted: true }];
    }
    if (c === '$' && this.text[this.at + 1] === '"') {
      this.at++;
      return this.doubleQuoted();
    }
    return c === '$' || c === '`' ? [this.dollar(false)] : undefined;
  }

  #single(): string {
    const end = this.text.indexOf("'", this.at + 1);
    if (end < 0) throw new ShellSyntaxError("unexpected EOF while looking for matching `''", true);
    const text = this.text.slice(this.at + 1, end);
    this.at = end + 1;
    return text;
  }

  #ansi(): string {
    const { text, end } = ansiText(this.text, this.at);
    this.at = end;
    return text;
  }

  /** Reads from a double quote to after the next one. */
  doubleQuoted(): Part[] {
    this.at++;
    const parts = this.#quoted('"');
    this.at++;
    return parts;
  }

  /** Reads as inside double quotes, up to a quote or to a place. Neither of them is consumed. */
  #quoted(close: '"' | number): Part[] {
    const parts: Part[] = [];
    let text = '';
    const flush = (): void => {
      if (text !== '') parts.push({ kind: 'text', text, quoted: true });
      text = '';
    };
    for (;;) {
      const c = this.text[this.at];
      if (c === close || (typeof close === 'number' && this.at >= close)) break;
      if (c === undefined)
        throw new ShellSyntaxError('unexpected EOF while looking for matching `"\'', true);
      const next = this.text[this.at + 1];
      if (c === '\\' && next !== undefined && `$\`\\\n${close === '"' ? '"' : ''}`.includes(next)) {
        if (next !== '\n') text += next;
        this.at += 2;
      } else if (c === '$' || c === '`') {
        flush();
        parts.push(this.dollar(true));
      } else {
        text += c;
        this.at++;
      }
    }
    flush();
    return parts;
  }

  /** An expansion, from its `$` or backquote on. */
  dollar(quoted: boolean): Part {
    if (this.text[this.at] === '`') return this.#backquoted(quoted);
    this.at++;
    if (this.text.startsWith('((', this.at)) {
      const from = this.at;
      this.at += 2;
      const word = this.arithmetic();
      if (word !== undefined) return { kind: 'arithmetic', word, quoted };
      this.at = from;
    }
    const c = this.text[this.at] ?? '';
    if (c === '(') return { kind: 'command', list: this.#inside(), quoted };
    if (c === '{') return bracedParameter(this, quoted);
    NAME.lastIndex = this.at;
    const name = NAME.exec(this.text)?.[0] ?? (SPECIAL.test(c) ? c : undefined);
    if (name === undefined) return { kind: 'text', text: '$', quoted };
    this.at += name.length;
    return { kind: 'variable', name, quoted };
  }

  /** A lexer for a text inside this one. */
  inner(text: string): Lexer {
    return new Lexer(text, this.#nested, this.depth + 1);
  }

  /** The commands from an opening parenthesis to after the closing one. */
  #inside(): List {
    const { list, end } = this.#nested(this.text, this.at + 1, this.depth + 1, true);
    this.at = end;
    return list;
  }

  #process(direction: string): Part {
    if (direction === '>') throw new ShellSyntaxError('>( … ) is not supported');
    this.at++;
    return { kind: 'process', list: this.#inside(), quoted: false };
  }

  #backquoted(quoted: boolean): Part {
    const match = /`((?:[^`\\]|\\.)*)`/sy;
    match.lastIndex = this.at;
    const found = match.exec(this.text);
    if (found === null)
      throw new ShellSyntaxError("unexpected EOF while looking for matching ``'", true);
    this.at = match.lastIndex;
    const text = found[1].replace(/\\([$`\\])/g, '$1');
    return { kind: 'command', list: this.#nested(text, 0, this.depth + 1, false).list, quoted };
  }
}
