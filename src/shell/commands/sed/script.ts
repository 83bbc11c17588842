// SPDX-License-Identifier: Apache-2.0
// The parts of which a script of sed consists, and how they are parsed.
// Source: POSIX.1-2017, utilities, sed; GNU sed 4.9 (0~step, addr,+N, messages).
import { Regex, RegexError } from '../../language/regex.ts';

export type Address =
  | { readonly kind: 'line'; readonly line: number }
  | { readonly kind: 'last' }
  | { readonly kind: 'step'; readonly first: number; readonly step: number }
  | { readonly kind: 'regex'; readonly regex: Regex | undefined }
  /** Used only as the end of a range: this many lines after its beginning. */
  | { readonly kind: 'more'; readonly lines: number };

export interface Instruction {
  readonly from?: Address;
  readonly to?: Address;
  readonly negated: boolean;
  readonly name: string;
  /** Text of the instructions a, i and c. */
  readonly text?: string;
  readonly substitution?: Substitution;
  readonly map?: ReadonlyMap<string, string>;
  readonly block?: readonly Instruction[];
  /** Of `:`, b, t and T; empty: the end of the script. */
  readonly label?: string;
  /** Line at which a range that has begun ends; 0 if it has not begun. */
  active: number;
}

export interface Substitution {
  /** The expression; undefined for the last one that was used. */
  readonly regex: Regex | undefined;
  readonly replacement: string;
  readonly all: boolean;
  readonly nth: number;
  readonly print: boolean;
}

/** The script is not valid. The message is that of sed. */
export class SedError extends Error {
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

/** Reads a script character by character. */
export class ScriptReader {
  readonly #text: string;
  readonly #extended: boolean;
  #at = 0;
  #depth = 0;
  readonly #labels = new Set<string>();
  readonly #jumps = new Set<string>();

  constructor(text: string, extended: boolean) {
    this.#text = text;
    this.#extended = extended;
  }

  instructions(nested = false): Instruction[] {
    if (++this.#depth > 50) throw this.#wrong("unmatched `{'");
    const list: Instruction[] = [];
    for (;;) {
      this.#skip(/[\s;]*/y);
      if (this.#at >= this.#text.length) {
        if (nested) throw this.#wrong("unmatched `{'");
        const lost = [...this.#jumps].find((label) => !this.#labels.has(label));
        if (lost !== undefined)
          throw new SedError(`sed: can't find label for jump to \`${lost}'`, 4);
        return list;
      }
      if (this.#text[this.#at] === '}') {
        if (!nested) throw this.#wrong("unexpected `}'");
        this.#at++;
        this.#depth--;
        return list;
      }
      if (this.#text[this.#at] === '#') this.#skip(/[^\n]*/y);
      else list.push(this.#instruction());
    }
  }

  #wrong(message: string): SedError {
    return new SedError(`sed: -e expression #1, char ${this.#at}: ${message}`);
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #instruction(): Instruction {
    const from = this.#address();
    let to: Address | undefined;
    this.#skip(/ */y);
    if (from !== undefined && this.#text[this.#at] === ',') {
      this.#at++;
      this.#skip(/ */y);
      to = this.#address(true);
      if (to === undefined) throw this.#wrong("unexpected `,'");
    }
    const negated = this.#skip(/ *(?:! *)*/y).includes('!');
    const name = this.#text[this.#at++] ?? '';
    const base = {
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...{ negated, name, active: 0 },
    };
    if (name === '{') return { ...base, block: this.instructions(true) };
    if (':btT'.includes(name) && name !== '') return this.#labelled(base);
    if (name === 's') return this.#ended({ ...base, substitution: this.#substitution() });
    if (name === 'y') return this.#ended({ ...base, map: this.#map() });
    if ('aic'.includes(name) && name !== '') return { ...base, text: this.#lines() };
    if (!'pdqQ=nNDPhHgGx'.includes(name) || name === '')
      throw this.#wrong(name === '' ? 'missing command' : `unknown command: \`${name}'`);
    return this.#ended(base);
  }

  #labelled(base: Instruction): Instruction {
    const places = base.name === ':';
    if (places && base.from !== undefined) throw this.#wrong(": doesn't want any addresses");
    this.#skip(/[ \t]*/y);
    const label = this.#skip(places ? /[^\s;]*/y : /[^\s;}]*/y);
    if (places && label === '') throw this.#wrong('":" lacks a label');
    if (places) this.#labels.add(label);
    else if (label !== '') this.#jumps.add(label);
    return this.#ended({ ...base, label });
  }

  #ended(instruction: Instruction): Instruction {
    this.#skip(/ */y);
    const c = this.#text[this.#at];
    if (c !== undefined && !';}\n#'.includes(c))
      throw this.#wrong('extra characters after command');
    return instruction;
  }

  #address(end = false): Address | undefined {
    const plus = end ? this.#skip(/\+\d{1,9}/y) : '';
    if (plus !== '') return { kind: 'more', lines: Number(plus) };
    const digits = this.#skip(/\d{1,9}/y);
    if (digits !== '') {
      const step = this.#skip(/~\d{1,9}/y);
      if (step === '') return { kind: 'line', line: Number(digits) };
      return { kind: 'step', first: Number(digits), step: Number(step.slice(1)) };
    }
    const c = this.#text[this.#at];
    if (c === '$') {
      this.#at++;
      return { kind: 'last' };
    }
    if (c !== '/' && c !== '\\') return undefined;
    if (c === '\\') this.#at++;
    const source = this.#delimited(this.#text[this.#at++]);
    const ignoreCase = this.#skip(/I/y) !== '';
    return { kind: 'regex', regex: this.#regex(source, ignoreCase) };
  }

  #regex(source: string, ignoreCase: boolean): Regex | undefined {
    if (source === '') return undefined;
    try {
      return this.#extended
        ? Regex.extended(source, { ignoreCase })
        : Regex.basic(source, { ignoreCase });
    } catch (error) {
      if (error instanceof RegexError) throw this.#wrong(error.message);
      throw error;
    }
  }

  /**
   * Reads up to the next delimiter, which is consumed too. Inside brackets it is an ordinary character, and after a backslash it stands
   * for itself.
   */
  #delimited(delimiter: string): string {
    let text = '';
    let inBrackets = false;
    for (; this.#at < this.#text.length; this.#at++) {
      const c = this.#text[this.#at];
      if (c === '\\' && this.#text[this.#at + 1] !== undefined) {
        const next = this.#text[++this.#at];
        text += next === delimiter ? next : next === 'n' ? '\n' : `\\${next}`;
        continue;
      }
      if (c === '[') inBrackets = true;
      if (c === ']') inBrackets = false;
      if (c === delimiter && !inBrackets) {
        this.#at++;
        return text;
      }
      text += c;
    }
    throw this.#wrong("unterminated `s' command");
  }

  #substitution(): Substitution {
    const delimiter = this.#text[this.#at++];
    if (delimiter === undefined || delimiter === '\n' || delimiter === '\\')
      throw this.#wrong("unterminated `s' command");
    const source = this.#delimited(delimiter);
    const replacement = this.#replacement(delimiter);
    const flags = this.#skip(/[gpIiMm0-9]*/y);
    const regex = this.#regex(source, /i/i.test(flags));
    const nth = Number(/\d+/.exec(flags)?.[0] ?? '1');
    return { regex, replacement, all: flags.includes('g'), nth, print: flags.includes('p') };
  }

  /** Reads a replacement as it is written; the delimiter after a backslash stands for itself. */
  #replacement(delimiter: string): string {
    let text = '';
    for (; this.#at < this.#text.length; this.#at++) {
      const c = this.#text[this.#at];
      if (c === delimiter) {
        this.#at++;
        return text;
      }
      if (c !== '\\') text += c;
      else {
        const next = this.#text[++this.#at] ?? '';
        text += next === delimiter && next !== '&' ? next : `\\${next}`;
      }
    }
    throw this.#wrong("unterminated `s' command");
  }

  #map(): Map<string, string> {
    const delimiter = this.#text[this.#at++] ?? '';
    const plain = (text: string): string[] => [...text.replace(/\\(.)/gs, '$1')];
    const [from, to] = [plain(this.#delimited(delimiter)), plain(this.#delimited(delimiter))];
    if (from.length !== to.length)
      throw this.#wrong("strings for `y' command are different lengths");
    return new Map(from.map((c, n) => [c, to[n]]));
  }

  /** Reads the text of a, i and c: the rest of the line, and lines that a backslash joins to it. */
  #lines(): string {
    this.#skip(/[ \t]*(?:\\\n)?[ \t]*/y);
    const text = this.#skip(/(?:[^\n\\]|\\.)*/sy);
    if (text === '') throw this.#wrong("expected \\ after `a', `c' or `i'");
    return text.replace(/\\(.)/gs, '$1');
  }
}
