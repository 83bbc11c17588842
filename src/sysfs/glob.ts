// SPDX-License-Identifier: Apache-2.0
// Shell patterns (`*`, `?`, `[…]`) matched in linear time, whatever the pattern is.
// Source: POSIX.1-2017, shell command language, section 2.13 (patterns).

/** What one place of a pattern takes: any run of characters, or one character. */
type Step = 'run' | ((character: string) => boolean);

const CLASSES: Readonly<Record<string, RegExp>> = {
  alpha: /[A-Za-z]/,
  digit: /[0-9]/,
  alnum: /[A-Za-z0-9]/,
  upper: /[A-Z]/,
  lower: /[a-z]/,
  space: /\s/,
  blank: /[ \t]/,
  punct: /[!-/:-@[-`{-~]/,
  xdigit: /[0-9A-Fa-f]/,
  cntrl: /\p{Cc}/u,
  print: /[\x20-\x7e]/,
  graph: /[\x21-\x7e]/,
};

const any = (): boolean => true;
const literal =
  (wanted: string): ((c: string) => boolean) =>
  (c) =>
    c === wanted;

/** A pattern; a backslash takes the meaning from the next character. */
export class Glob {
  readonly #steps: readonly Step[];

  constructor(pattern: string) {
    this.#steps = stepsOf(pattern);
  }

  /** Whether the whole text matches. */
  test(text: string): boolean {
    return this.#end(text, 0, 'whole') === text.length;
  }

  /** End of the shortest or longest match that begins at a place; undefined if there is none. */
  prefix(text: string, from: number, which: 'shortest' | 'longest'): number | undefined {
    return this.#end(text, from, which);
  }

  /** Beginning of the shortest or longest match that ends with the text. */
  suffix(text: string, which: 'shortest' | 'longest'): number | undefined {
    const reversed = new Reversed(this.#steps);
    const end = reversed.prefix([...reverse(text)].join(''), which);
    return end === undefined ? undefined : text.length - end;
  }

  /** Text with matches replaced: the first, or all. */
  replace(text: string, replacement: string, all: boolean): string {
    const pieces: string[] = [];
    let kept = 0;
    for (let at = 0; at < text.length; ) {
      const end = this.#end(text, at, 'longest');
      if (end === undefined || end === at) {
        // If what follows a run of anything is not found from here on, it is not found from a later place on either.
        if (end === undefined && this.#reachesRun(text, at)) break;
        at++;
        continue;
      }
      pieces.push(text.slice(kept, at), replacement);
      at = end;
      kept = end;
      if (!all) break;
    }
    pieces.push(text.slice(kept));
    return pieces.join('');
  }

  #reachesRun(text: string, from: number): boolean {
    const run = this.#steps.indexOf('run');
    if (run < 0) return false;
    const head = this.#steps.slice(0, run) as readonly ((c: string) => boolean)[];
    return head.every((step, n) => from + n < text.length && step(text[from + n]));
  }

  #end(text: string, from: number, which: 'shortest' | 'longest' | 'whole'): number | undefined {
    return matchEnd(this.#steps, text, from, which);
  }
}

/** The same pattern, read from its end to its beginning. */
class Reversed {
  readonly #steps: readonly Step[];

  constructor(steps: readonly Step[]) {
    this.#steps = [...steps].reverse();
  }

  prefix(text: string, which: 'shortest' | 'longest'): number | undefined {
    return matchEnd(this.#steps, text, 0, which);
  }
}

const reverse = (text: string): string[] => text.split('').reverse();

/** All places of the pattern that may be reached are followed at once: each character is looked at once for each of them. */
function matchEnd(
  steps: readonly Step[],
  text: string,
  from: number,
  which: 'shortest' | 'longest' | 'whole',
): number | undefined {
  if (!steps.includes('run')) {
    const end = from + steps.length;
    const matches = end <= text.length && steps.every((step, n) => takes(step, text, from + n));
    return matches ? end : undefined;
  }
  let reached = new Uint8Array(steps.length + 1);
  let next = new Uint8Array(steps.length + 1);
  enter(steps, reached, 0);
  let found: number | undefined;
  for (let at = from; ; at++) {
    if (reached[steps.length] === 1) {
      found = at;
      if (which === 'shortest') return at;
    }
    // A run at the end takes everything that is left.
    if (which !== 'shortest' && steps.at(-1) === 'run' && reached[steps.length - 1] === 1)
      return text.length;
    if (at >= text.length) return found;
    next.fill(0);
    let alive = false;
    for (let state = 0; state < steps.length; state++) {
      if (reached[state] === 0) continue;
      const step = steps[state];
      if (step === 'run') enter(steps, next, state);
      else if (takes(step, text, at)) enter(steps, next, state + 1);
      else continue;
      alive = true;
    }
    if (!alive) return found;
    [reached, next] = [next, reached];
  }
}

const takes = (step: Step | undefined, text: string, at: number): boolean =>
  typeof step === 'function' && step(text[at]);

/** A place is reached; from a run the one behind it is reached too. */
function enter(steps: readonly Step[], into: Uint8Array, state: number): void {
  for (let s = state; ; s++) {
    into[s] = 1;
    if (steps[s] !== 'run') return;
  }
}

function stepsOf(pattern: string): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const c = pattern[at];
    if (c === '*') {
      if (steps.at(-1) !== 'run') steps.push('run');
    } else if (c === '?') steps.push(any);
    else if (c === '\\' && at + 1 < pattern.length) steps.push(literal(pattern[++at]));
    else if (c === '[') {
      const set = setAt(pattern, at);
      steps.push(set?.takes ?? literal(c));
      at = set?.end ?? at;
    } else steps.push(literal(c));
  }
  return steps;
}

/** A bracket expression; undefined where the bracket is an ordinary character. */
function setAt(
  pattern: string,
  open: number,
): { readonly takes: (c: string) => boolean; readonly end: number } | undefined {
  let at = open + 1;
  const negated = pattern[at] === '!' || pattern[at] === '^';
  if (negated) at++;
  const tests: ((c: string) => boolean)[] = [];
  for (let first = true; at < pattern.length; first = false) {
    const c = pattern[at];
    if (c === ']' && !first)
      return { takes: (x) => tests.some((test) => test(x)) !== negated, end: at };
    const named = c === '[' ? /^\[:(\w+):\]/.exec(pattern.slice(at, at + 12)) : null;
    if (named !== null) {
      const expression = CLASSES[named[1]];
      tests.push((x) => expression?.test(x) ?? false);
      at += named[0].length;
      continue;
    }
    const escaped = c === '\\' && at + 1 < pattern.length ? 1 : 0;
    const from = pattern[at + escaped];
    at += 1 + escaped;
    if (pattern[at] === '-' && pattern[at + 1] !== undefined && pattern[at + 1] !== ']') {
      const to = pattern[at + 1];
      tests.push((x) => x >= from && x <= to);
      at += 2;
    } else tests.push(literal(from));
  }
  return undefined;
}

/** Characters that mean something in a pattern. */
const SPECIAL = /[*?[\]\\!^-]/g;

/** A text as a pattern that matches nothing else. */
export const escapeGlob = (text: string): string => text.replace(SPECIAL, '\\$&');

/** Whether a pattern is more than a text. */
export const isPattern = (pattern: string): boolean => /(?:^|[^\\])(?:\\\\)*[*?[]/.test(pattern);
