// SPDX-License-Identifier: Apache-2.0
// Regular expressions of grep, sed, awk and `[[ =~ ]]`: they have POSIX syntax, are matched in linear time (RE2), and prefer the longest
// alternative.
// Source: POSIX.1-2017, base definitions, section 9; GNU grep 3.8 and sed 4.9, manuals (\b, \w, \s, \<, \>, \+, \?, \|).
import type { RE2JS } from 're2js';

/** The expression cannot be used; the message tells why. */
export class RegexError extends Error {}

/** It is loaded with the first expression, since most scripts have none, and loading takes as long as everything else at the start. */
let engine: typeof RE2JS | undefined;

/** Must have been awaited before an expression is made. */
export async function loadRegex(): Promise<void> {
  engine ??= (await import('re2js')).RE2JS;
}

export interface RegexMatch {
  readonly start: number;
  readonly end: number;
  /** The whole match, then each group; undefined for a group that took no part. */
  readonly groups: readonly (string | undefined)[];
}

export interface RegexOptions {
  readonly ignoreCase?: boolean;
  /** Whether `^` and `$` match at lines inside the text. */
  readonly lines?: boolean;
}

/** Compiled expressions that are used repeatedly, by text and options. */
const cache = new Map<string, Regex>();
const CACHED = 100;

export class Regex {
  readonly #program: RE2JS;

  /** @param source in the syntax of extended expressions, see `fromBasic` */
  private constructor(source: string, { ignoreCase = false, lines = false }: RegexOptions) {
    if (engine === undefined) throw new Error('loadRegex was not called');
    const flags =
      engine.LONGEST_MATCH |
      (ignoreCase ? engine.CASE_INSENSITIVE : 0) |
      (lines ? engine.MULTILINE : 0);
    try {
      this.#program = engine.compile(toRe2(source), flags);
    } catch (error) {
      throw new RegexError((error as Error).message);
    }
  }

  static extended(source: string, options: RegexOptions = {}): Regex {
    const key = `${options.ignoreCase === true}${options.lines === true}${source}`;
    const known = cache.get(key);
    if (known !== undefined) return known;
    const made = new Regex(source, options);
    if (cache.size >= CACHED) cache.clear();
    cache.set(key, made);
    return made;
  }

  static basic(source: string, options: RegexOptions = {}): Regex {
    return Regex.extended(fromBasic(source), options);
  }

  /** The first match from a place on. */
  match(text: string, from = 0): RegexMatch | undefined {
    const matcher = this.#program.matcher(text);
    if (!matcher.find(from)) return undefined;
    const groups: (string | undefined)[] = [];
    for (let n = 0; n <= matcher.groupCount(); n++) groups.push(matcher.group(n) ?? undefined);
    return { start: matcher.start(), end: matcher.end(), groups };
  }

  test(text: string): boolean {
    return this.#program.matcher(text).find();
  }

  /** All matches that do not overlap. An empty match directly after another one does not count. */
  *matches(text: string): Generator<RegexMatch> {
    let last = -1;
    for (let at = 0; at <= text.length; ) {
      const found = this.match(text, at);
      if (found === undefined) return;
      const empty = found.end === found.start;
      if (!empty || found.start !== last) yield found;
      last = found.end;
      at = empty ? found.end + 1 : found.end;
    }
  }
}

/** In basic expressions these characters are ordinary, and special with a backslash; in extended ones it is the other way round. */
const SWAPPED = '(){}|+?';

/** A basic regular expression, converted into an extended one. */
export function fromBasic(source: string): string {
  let result = '';
  for (let i = 0; i < source.length; i++) {
    const c = source[i];
    const next = source[i + 1];
    if (c === '[') {
      const end = bracketEnd(source, i);
      result += source.slice(i, end + 1);
      i = end;
    } else if (c === '\\' && next !== undefined) {
      result += SWAPPED.includes(next) ? next : `\\${next}`;
      i++;
    } else if (SWAPPED.includes(c)) result += `\\${c}`;
    else if (c === '*' && (i === 0 || /(?:^|[^\\])(?:\^|\()$/.test(result))) result += '\\*';
    else result += c;
  }
  return result;
}

/** The end of a bracket expression; its beginning if it has no end. */
function bracketEnd(source: string, open: number): number {
  let at = open + 1;
  if (source[at] === '^') at++;
  if (source[at] === ']') at++;
  for (; at < source.length; at++) {
    if (source[at] === ']') return at;
    if (source[at] === '[' && ':.='.includes(source[at + 1] ?? ' ')) {
      const end = source.indexOf(`${source[at + 1]}]`, at + 2);
      if (end > 0) at = end + 1;
    }
  }
  return open;
}

const WORD_EDGES: Readonly<Record<string, string>> = { '<': '\\b', '>': '\\b' };

/** The expression converted for RE2: inside brackets a backslash is a character, and edges of words have other names. */
function toRe2(source: string): string {
  let result = '';
  for (let i = 0; i < source.length; i++) {
    const c = source[i];
    const next = source[i + 1];
    if (c === '\\' && next !== undefined) {
      if (/[1-9]/.test(next)) throw new RegexError('back-references are not supported');
      // A letter without a meaning of its own stands for itself.
      const known = /[bBwWsSdDnrtfv]/.test(next) || /[^A-Za-z0-9_]/.test(next);
      result += WORD_EDGES[next] ?? (known ? `\\${next}` : next);
      i++;
    } else if (c === '[') {
      const end = bracketEnd(source, i);
      if (end === i) throw new RegexError('Unmatched [, [^, [:, [., or [=');
      result += brackets(source.slice(i, end + 1));
      i = end;
    } else result += c;
  }
  return result;
}

/** Converts a bracket expression such as `[]abc\d]`, in which a first `]`, a backslash, and `[` are ordinary characters. */
function brackets(set: string): string {
  const negated = set.startsWith('[^');
  const inside = set.slice(negated ? 2 : 1, -1);
  const escaped = inside
    .replace(/\\(?![nt])|^\]|\[(?![:])|&&|~~|--/g, (text) => text.replace(/./gs, '\\$&'))
    .replace(/\[\.(.)\.\]/g, '\\$1');
  return `[${negated ? '^' : ''}${escaped}]`;
}
