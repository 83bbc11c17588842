// SPDX-License-Identifier: Apache-2.0
// Expansion of words: parameters, command substitution, arithmetic, field splitting, pathnames.
// Source: POSIX.1-2017, shell command language, section 2.6; bash 5.2, manual, section 3.5.

import { escapeGlob, Glob, isPattern } from '../../sysfs/glob.ts';
import type { ShellContext } from '../context.ts';
import { ArithmeticError, evaluate, type Numbers } from './arithmetic.ts';
import type { List, ParameterForm, Part, VariablePart, Word } from './ast.ts';
import { bounded, MAX_FIELDS, ShellLimitError } from './limits.ts';
import { ExpansionError, parameter, slice, split, transformer } from './parameters.ts';

/** Runs a list and returns what it has printed. */
export type Substitute = (list: List) => Promise<string>;

/** A field that is being built: its text, and the same as a pattern in which quoted characters are escaped. */
interface Field {
  text: string;
  pattern: string;
}

/** What a part stands for: one text, or the elements of a list, which stay apart where that is possible. */
type Expanded = string | { readonly list: readonly string[]; readonly joined: boolean };

/** Exit status of a script in which the variable of `${name?…}` is not set. */
const NOT_GIVEN = 127;
const DEFAULT_SEPARATORS = ' \t\n';

export class Expander {
  readonly #context: ShellContext;
  readonly #substitute: Substitute;

  constructor(context: ShellContext, substitute: Substitute) {
    this.#context = context;
    this.#substitute = substitute;
  }

  /** The fields that words expand to, as a command gets them. */
  async fields(words: readonly Word[]): Promise<string[]> {
    const all: string[] = [];
    for (const word of words) {
      for (const field of await this.#word(word)) all.push(field);
      if (all.length > MAX_FIELDS)
        throw new ShellLimitError(`a command has more than ${MAX_FIELDS} words`);
    }
    return all;
  }

  /** The word as one text, without splitting and pathname expansion (assignments, redirections). */
  async text(word: Word): Promise<string> {
    let text = '';
    for (const [n, part] of word.entries()) text += flat(await this.#value(part, n === 0));
    return bounded(text, 'an expansion');
  }

  /** The word as a pattern, in which quoted characters stand for themselves. */
  async pattern(word: Word): Promise<string> {
    let text = '';
    for (const [n, part] of word.entries()) {
      const value = flat(await this.#value(part, n === 0));
      text += part.kind !== 'process' && part.quoted ? escapeGlob(value) : value;
    }
    return bounded(text, 'a pattern');
  }

  /** The word as a regular expression, in which quoted characters stand for themselves. */
  async regex(word: Word): Promise<string> {
    let text = '';
    for (const part of word) {
      const value = flat(await this.#value(part, false));
      text += part.quoted ? value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : value;
    }
    return bounded(text, 'a regular expression');
  }

  /** The value of the word as an arithmetic expression. */
  async number(word: Word): Promise<bigint> {
    return this.evaluate(await this.text(word));
  }

  /** @throws ExpansionError with the message of bash */
  evaluate(text: string): bigint {
    try {
      return evaluate(text, this.#numbers());
    } catch (error) {
      if (!(error instanceof ArithmeticError)) throw error;
      throw new ExpansionError(`${text.trim()}: ${error.message}`);
    }
  }

  /** The key of an array's element: a text for an associative array, otherwise a number. */
  async key(name: string, index: Word): Promise<string> {
    if (this.#context.variables.array(name)?.kind === 'associative') return this.text(index);
    return String(await this.number(index));
  }

  #numbers(): Numbers {
    const { variables } = this.#context;
    return {
      get: (name, index) => {
        if (index === undefined) return parameter(this.#context, name);
        const array = variables.array(name);
        const key = array?.kind === 'associative' ? index : this.#plainIndex(index);
        return variables.element(name, key);
      },
      set: (name, value, index) => {
        if (index === undefined) variables.set(name, value);
        else variables.setElement(name, this.#plainIndex(index), value);
      },
    };
  }

  /** An index that is a name stands for the value of that variable. */
  #plainIndex(index: string): string {
    return /^-?\d+$/.test(index) ? index : String(this.evaluate(index));
  }

  async #word(word: Word): Promise<string[]> {
    const fields: Field[] = [];
    let open = false;
    const add = (text: string, quoted: boolean): void => {
      if (!open) fields.push({ text: '', pattern: '' });
      open = true;
      const field = fields.at(-1) as Field;
      field.text = bounded(field.text + text, 'a word');
      field.pattern += quoted ? escapeGlob(text) : text;
    };
    for (const [n, part] of word.entries()) {
      const value = await this.#value(part, n === 0);
      const whole = part.kind === 'text' || part.quoted;
      if (typeof value === 'string' && whole) {
        add(value, part.quoted);
        continue;
      }
      const list = typeof value === 'string' ? [value] : value.list;
      if (whole && typeof value !== 'string' && value.joined) {
        add(list.join((this.#separators() || ' ')[0]), true);
        continue;
      }
      list.forEach((element, at) => {
        if (at > 0) open = false;
        if (whole) add(element, true);
        else {
          const { before, pieces, after } = split(element, this.#separators());
          if (before) open = false;
          pieces.forEach((piece, p) => {
            if (p > 0) open = false;
            add(piece, false);
          });
          if (after) open = false;
        }
      });
    }
    return fields.flatMap((field) => this.#pathnames(field));
  }

  #separators(): string {
    return this.#context.variables.get('IFS') ?? DEFAULT_SEPARATORS;
  }

  /** The files that match. If the field is not a pattern, or nothing matches, the field itself. */
  #pathnames({ text, pattern }: Field): string[] {
    if (this.#context.flags.noglob || !isPattern(pattern)) return [text];
    const names = pattern.split('/');
    let found = [pattern.startsWith('/') ? '/' : ''];
    for (const [n, name] of names.entries()) {
      if (name === '') continue;
      const rest = names.slice(n + 1).some((later) => later !== '');
      found = found.flatMap((base) => this.#matches(base, name, rest));
    }
    if (found.length > 0) return found;
    return this.#context.flags.nullglob ? [] : [text];
  }

  #matches(base: string, name: string, isDirectory: boolean): string[] {
    const { files } = this.#context;
    const join = (child: string): string =>
      base === '' || base === '/' ? `${base}${child}` : `${base}/${child}`;
    if (!isPattern(name)) {
      const path = join(name.replace(/\\(.)/g, '$1'));
      return files.lstat(path).ok ? [path] : [];
    }
    const listing = files.list(base === '' ? '.' : base);
    if (!listing.ok) return [];
    const pattern = new Glob(name);
    return listing.names
      .filter((child) => pattern.test(child) && (!child.startsWith('.') || name.startsWith('.')))
      .map(join)
      .filter((path) => {
        const status = isDirectory ? files.stat(path) : undefined;
        return status === undefined || (status.ok && status.kind === 'dir');
      });
  }

  async #value(part: Part, first: boolean): Promise<Expanded> {
    if (part.kind === 'text') {
      if (!first || part.quoted || !/^~(?:\/|$)/.test(part.text)) return part.text;
      return (this.#context.variables.get('HOME') ?? '/root') + part.text.slice(1);
    }
    if (part.kind === 'command') return (await this.#substitute(part.list)).replace(/\n+$/, '');
    if (part.kind === 'arithmetic') return String(await this.number(part.word));
    if (part.kind === 'process')
      return this.#context.files.addPipe(await this.#substitute(part.list));
    return this.#variable(part);
  }

  async #variable(part: VariablePart): Promise<Expanded> {
    const { name, index, form } = part;
    const { variables } = this.#context;
    const joined = (index ?? name) === '*';
    if (form === 'keys') return { list: variables.elements(name).map(([key]) => key), joined };
    const list = this.#allOf(part);
    if (list !== undefined) {
      if (form === 'length') return String(list.length);
      if (isDefault(form))
        return (await this.#default(part, list.length === 0)) ?? { list, joined };
      if (form === 'substring') return { list: await this.#sublist(part, list), joined };
      const transform = await this.#transform(part);
      return { list: list.map(transform), joined };
    }
    const value = await this.#single(part);
    if (form === 'length') return String([...(value ?? '')].length);
    if (isDefault(form)) {
      const missing = value === undefined || (form.startsWith(':') && value === '');
      return (await this.#default(part, missing)) ?? value ?? '';
    }
    if (value === undefined && this.#context.flags.nounset && name !== '!')
      throw new ExpansionError(`${name}: unbound variable`);
    if (form === 'substring') return slice(value ?? '', await this.#range(part));
    return (await this.#transform(part))(value ?? '');
  }

  /** All elements or all parameters, if these are meant. */
  #allOf({ name, index }: VariablePart): readonly string[] | undefined {
    if (index === '@' || index === '*') return this.#elements(name).map(([, value]) => value);
    if (index === undefined && (name === '@' || name === '*'))
      return this.#context.parameters.slice(1);
    return undefined;
  }

  #elements(name: string): [string, string][] {
    if (name === 'PIPESTATUS') return this.#context.pipeStatus.map((s, n) => [`${n}`, `${s}`]);
    return this.#context.variables.elements(name);
  }

  async #single({ name, index, form }: VariablePart): Promise<string | undefined> {
    const context = this.#context;
    if (index !== undefined) {
      const key = await this.key(name, index as Word);
      if (name === 'PIPESTATUS') return context.pipeStatus[Number(key)]?.toString();
      return context.variables.element(name, key);
    }
    const value = parameter(context, name);
    if (form !== 'indirect' || value === undefined) return value;
    const [, target = value, key] = /^(\w+)\[(\w+)\]$/.exec(value) ?? [];
    return key === undefined ? parameter(context, target) : context.variables.element(target, key);
  }

  /** What `-`, `+`, `=` and `?` give in place of the value; undefined for the value itself. */
  async #default(
    { form, name, word }: VariablePart,
    missing: boolean,
  ): Promise<string | undefined> {
    const operator = form?.at(-1);
    if (operator === '+') return missing ? '' : this.text(word ?? []);
    if (!missing) return undefined;
    const text = await this.text(word ?? []);
    if (operator === '?') {
      const what = form === '?' ? 'parameter not set' : 'parameter null or not set';
      throw new ExpansionError(`${name}: ${text === '' ? what : text}`, NOT_GIVEN);
    }
    if (operator === '=') this.#context.variables.set(name, text);
    return text;
  }

  async #range({ word, second }: VariablePart): Promise<readonly [number, number | undefined]> {
    const length = second === undefined ? undefined : Number(await this.number(second));
    return [Number(await this.number(word ?? [])), length];
  }

  /** For parameters, the offset is the number of the first one, and 0 is the name of the script. */
  async #sublist(part: VariablePart, list: readonly string[]): Promise<readonly string[]> {
    const range = await this.#range(part);
    return slice(part.index === undefined ? this.#context.parameters : list, range);
  }

  async #transform({ form, word, second }: VariablePart): Promise<(text: string) => string> {
    if (form === undefined || form === 'indirect') return (text) => text;
    const pattern = await this.pattern(word ?? []);
    return transformer(form, pattern, await this.text(second ?? []));
  }
}

const isDefault = (form: ParameterForm | undefined): form is ':-' =>
  form !== undefined && /^:?[-+=?]$/.test(form);

const flat = (value: Expanded): string =>
  typeof value === 'string' ? value : value.list.join(' ');
