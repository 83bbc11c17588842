// SPDX-License-Identifier: Apache-2.0
// Expansion of words: parameters, command substitution, field splitting, pathnames.
// Source: POSIX.1-2017, shell command language, section 2.6.
import { patternOf } from '../sysfs/find.ts';
import type { List, Part, Word } from './ast.ts';
import type { ShellContext } from './context.ts';

/** Runs a list and gives what it printed. */
export type Substitute = (list: List) => Promise<string>;

/** An expansion that cannot be done: `bash: message`, and the command is not run. */
export class ExpansionError extends Error {}

/** A field under construction: its text, and the same as a pattern with quoted characters escaped. */
interface Field {
  text: string;
  pattern: string;
}

const BLANKS = /[ \t\n]+/;
const GLOB = /[*?[\]\\!^-]/g;

export class Expander {
  readonly #context: ShellContext;
  readonly #substitute: Substitute;

  constructor(context: ShellContext, substitute: Substitute) {
    this.#context = context;
    this.#substitute = substitute;
  }

  /** Fields of words, as a command gets them. */
  async fields(words: readonly Word[]): Promise<string[]> {
    const all: string[] = [];
    for (const word of words) all.push(...(await this.#word(word)));
    return all;
  }

  /** One text: no splitting, no pathnames (assignments, redirections). */
  async text(word: Word): Promise<string> {
    let text = '';
    for (const part of word) text += await this.#value(part);
    return text;
  }

  async #word(word: Word): Promise<string[]> {
    const fields: Field[] = [];
    let open = false;
    const add = (text: string, quoted: boolean): void => {
      if (!open) fields.push({ text: '', pattern: '' });
      open = true;
      const field = fields.at(-1) as Field;
      field.text += text;
      field.pattern += quoted ? text.replace(GLOB, '\\$&') : text;
    };
    for (const part of word) {
      if (part.kind === 'variable' && part.name === '@' && part.quoted) {
        this.#context.parameters.slice(1).forEach((value, n) => {
          if (n > 0) open = false;
          add(value, true);
        });
        continue;
      }
      const value = await this.#value(part);
      if (part.kind === 'text' || part.quoted) {
        add(value, part.quoted);
        continue;
      }
      const pieces = value.split(BLANKS);
      pieces.forEach((piece, n) => {
        if (n > 0) open = false;
        if (piece !== '') add(piece, false);
      });
      if (pieces.length > 1 && pieces.at(-1) === '') open = false;
    }
    return fields.flatMap((field) => this.#pathnames(field));
  }

  /** Files that match; the field itself if it is no pattern or nothing matches. */
  #pathnames({ text, pattern }: Field): string[] {
    if (!/(^|[^\\])(\\\\)*[*?[]/.test(pattern)) return [text];
    const names = pattern.split('/');
    let found = [pattern.startsWith('/') ? '/' : ''];
    for (const [n, name] of names.entries()) {
      if (name === '') continue;
      const rest = names.slice(n + 1).some((later) => later !== '');
      found = found.flatMap((base) => this.#matches(base, name, rest));
    }
    return found.length === 0 ? [text] : found;
  }

  #matches(base: string, name: string, isDirectory: boolean): string[] {
    const { files } = this.#context;
    const join = (child: string): string =>
      base === '' || base === '/' ? `${base}${child}` : `${base}/${child}`;
    if (!/(^|[^\\])[*?[]/.test(name)) {
      const path = join(name.replace(/\\(.)/g, '$1'));
      return files.lstat(path).ok ? [path] : [];
    }
    const listing = files.list(base === '' ? '.' : base);
    if (!listing.ok) return [];
    const pattern = patternOf(name);
    return listing.names
      .filter((child) => pattern.test(child) && (!child.startsWith('.') || name.startsWith('.')))
      .map(join)
      .filter((path) => {
        const status = isDirectory ? files.stat(path) : undefined;
        return status === undefined || (status.ok && status.kind === 'dir');
      });
  }

  async #value(part: Part): Promise<string> {
    if (part.kind === 'text') return part.text;
    if (part.kind === 'command') return (await this.#substitute(part.list)).replace(/\n+$/, '');
    const value = this.#parameter(part.name);
    const { form } = part;
    if (form === 'length') return String((value ?? '').length);
    const missing = value === undefined || (form?.startsWith(':') === true && value === '');
    if (form?.endsWith('-')) return missing ? await this.text(part.word ?? []) : value;
    if (form?.endsWith('+')) return missing ? '' : await this.text(part.word ?? []);
    if (value === undefined && this.#context.flags.nounset && !'@*'.includes(part.name))
      throw new ExpansionError(`${part.name}: unbound variable`);
    const pattern = form === undefined ? '' : await this.text(part.word ?? []);
    return form === undefined ? (value ?? '') : trimmed(value ?? '', form, pattern);
  }

  #parameter(name: string): string | undefined {
    const { parameters, variables, status } = this.#context;
    if (name === '?') return String(status);
    if (name === '#') return String(parameters.length - 1);
    if (name === '@' || name === '*') return parameters.slice(1).join(' ');
    if (name === '$') return '1';
    if (name === '!') return undefined;
    if (name === '-') return '';
    if (/^\d+$/.test(name)) return parameters[Number(name)];
    if (name === 'PWD') return this.#context.files.directory;
    return variables.get(name);
  }
}

/** `${name#pattern}`: without the shortest (`##`: longest) beginning that matches; `%`, `%%`: end. */
function trimmed(value: string, form: string, glob: string): string {
  const pattern = patternOf(glob);
  const front = form.startsWith('#');
  const lengths = Array.from({ length: value.length + 1 }, (_, n) => n);
  if (form.length > 1) lengths.reverse();
  const cut = lengths.find((n) =>
    pattern.test(front ? value.slice(0, n) : value.slice(value.length - n)),
  );
  if (cut === undefined) return value;
  return front ? value.slice(cut) : value.slice(0, value.length - cut);
}

/** A word as `set -x` prints it: in single quotes where it has to be. */
export function traced(word: string): string {
  if (word !== '' && !/[^A-Za-z0-9_@%+=:,./{}-]/.test(word)) return word;
  return word === "'" ? "\\'" : `'${word.replaceAll("'", "'\\''")}'`;
}
