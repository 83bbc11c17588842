// SPDX-License-Identifier: Apache-2.0
// Brace expansion, which makes several words of `a{b,c}` and `{1..4}` before anything else is expanded.
// Source: bash 5.2, manual, section 3.5.1.
import { type Part, ShellSyntaxError, type Word } from './ast.ts';

/** Highest number of words that one word can become. */
const MAX_WORDS = 10_000;
const RANGE = /^(?:(-?\d{1,15})\.\.(-?\d{1,15})|([A-Za-z])\.\.([A-Za-z]))(?:\.\.(-?\d{1,15}))?$/;

/** A character of unquoted text, or a part that brace expansion leaves alone. */
type Item = string | Part;

/** The words that a word stands for: the word itself if it has no braces to expand. */
export function expandBraces(word: Word): readonly Word[] {
  const candidate = word.some(
    (part) => part.kind === 'text' && !part.quoted && part.text.includes('{'),
  );
  if (!candidate) return [word];
  const items = word.flatMap<Item>((part) =>
    part.kind === 'text' && !part.quoted ? [...part.text] : [part],
  );
  return alternatives(items, { words: 0 }).map(wordOf);
}

function alternatives(items: readonly Item[], budget: { words: number }): Item[][] {
  for (let open = items.indexOf('{'); open >= 0; open = items.indexOf('{', open + 1)) {
    const choices = choicesAt(items, open, budget);
    if (choices === undefined) continue;
    const rest = alternatives(items.slice(choices.end + 1), budget);
    const head = items.slice(0, open);
    budget.words += choices.items.length * rest.length;
    if (budget.words > MAX_WORDS)
      throw new ShellSyntaxError(`brace expansion: more than ${MAX_WORDS} words`);
    return choices.items.flatMap((choice) => rest.map((tail) => [...head, ...choice, ...tail]));
  }
  return [[...items]];
}

/** The contents of the braces that open at a place; undefined if they are ordinary characters. */
function choicesAt(
  items: readonly Item[],
  open: number,
  budget: { words: number },
): { readonly items: Item[][]; readonly end: number } | undefined {
  let depth = 0;
  const commas: number[] = [];
  for (let at = open; at < items.length; at++) {
    if (items[at] === '{') depth++;
    else if (items[at] === ',' && depth === 1) commas.push(at);
    else if (items[at] === '}' && --depth === 0) {
      const inside = items.slice(open + 1, at);
      if (commas.length === 0) {
        const range = rangeOf(inside);
        return range && { items: range, end: at };
      }
      const cuts = [open, ...commas, at];
      const pieces = cuts.slice(1).map((cut, n) => items.slice(cuts[n] + 1, cut));
      return { items: pieces.flatMap((piece) => alternatives(piece, budget)), end: at };
    }
  }
  return undefined;
}

function rangeOf(inside: readonly Item[]): Item[][] | undefined {
  if (!inside.every((item) => typeof item === 'string')) return undefined;
  const match = RANGE.exec(inside.join(''));
  if (match === null) return undefined;
  const [, first, last, from, to, stepText] = match;
  const letters = from !== undefined;
  const start = letters ? from.charCodeAt(0) : Number(first);
  const end = letters ? (to as string).charCodeAt(0) : Number(last);
  const step = Math.abs(Number(stepText ?? 1)) || 1;
  if (Math.abs(end - start) / step >= MAX_WORDS)
    throw new ShellSyntaxError(`brace expansion: more than ${MAX_WORDS} words`);
  const padded = [first, last].some((text) => /^-?0\d/.test(text ?? ''));
  const width = padded ? Math.max((first as string).length, (last as string).length) : 0;
  const show = (n: number): string => {
    if (letters) return String.fromCharCode(n);
    return n < 0 ? `-${String(-n).padStart(width - 1, '0')}` : String(n).padStart(width, '0');
  };
  const count = Math.floor(Math.abs(end - start) / step) + 1;
  return Array.from({ length: count }, (_, n) => [...show(start + (end < start ? -n : n) * step)]);
}

/** Makes text again of characters that follow each other. */
function wordOf(items: readonly Item[]): Word {
  const parts: Part[] = [];
  let text = '';
  const flush = (): void => {
    if (text !== '') parts.push({ kind: 'text', text, quoted: false });
    text = '';
  };
  for (const item of items) {
    if (typeof item === 'string') text += item;
    else {
      flush();
      parts.push(item);
    }
  }
  flush();
  return parts;
}
