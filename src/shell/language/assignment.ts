// SPDX-License-Identifier: Apache-2.0
// Words that are assignments: of a text, of an element of an array, or of an array.
// Source: POSIX.1-2017, shell command language, section 2.9.1; bash 5.2, manual, section 6.7.
import { type Assignment, ShellSyntaxError, type Word } from './ast.ts';
import { expandBraces } from './braces.ts';
import { textWord, unexpected } from './grammar.ts';
import type { Parser } from './parser.ts';

const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)(\+?)=/;
const ELEMENT = /^([A-Za-z_][A-Za-z0-9_]*)\[([^\]]*)\](\+?)=/;

/** `NAME=word`, `NAME[index]=word`, `NAME=(words)`, if the name is not quoted. */
export function assignmentOf(parser: Parser, word: Word): Assignment | undefined {
  const [first, ...rest] = word;
  if (first?.kind !== 'text' || first.quoted) return undefined;
  const plain = ASSIGNMENT.exec(first.text);
  const match = plain ?? ELEMENT.exec(first.text);
  if (match === null) return computedElement(word);
  const text = first.text.slice(match[0].length);
  const value: Word = text === '' ? rest : [{ ...first, text }, ...rest];
  const name = match[1];
  if (plain !== null) {
    const append = plain[2] === '+';
    if (value.length > 0 || !parser.touches('(')) return { name, append, value };
    return { name, append, value: { elements: elementsOf(parser) } };
  }
  const index: Word = [{ kind: 'text', text: match[2], quoted: true }];
  return { name, index, append: match[3] === '+', value };
}

/** `NAME[$index]=word`, in which bracket and equals sign are in different parts of the word. */
function computedElement(word: Word): Assignment | undefined {
  const [first, ...rest] = word;
  const match = first?.kind === 'text' ? /^([A-Za-z_]\w*)\[([^\]]*)$/.exec(first.text) : null;
  const at = rest.findIndex(
    (part) => part.kind === 'text' && !part.quoted && /^[^\]]*\]\+?=/.test(part.text),
  );
  const closing = rest[at];
  if (match === null || closing?.kind !== 'text') return undefined;
  const [whole, inside, plus] = /^([^\]]*)\](\+?)=/.exec(closing.text) as RegExpExecArray;
  const index: Word = [
    { kind: 'text', text: match[2], quoted: true },
    ...rest.slice(0, at),
    { kind: 'text', text: inside as string, quoted: true },
  ];
  const text = closing.text.slice(whole.length);
  const value: Word = [...(text === '' ? [] : [{ ...closing, text }]), ...rest.slice(at + 1)];
  return { name: match[1], index, append: plus === '+', value };
}

function elementsOf(parser: Parser): { index?: Word; word: Word }[] {
  parser.take();
  const elements: { index?: Word; word: Word }[] = [];
  for (;;) {
    parser.skipNewlines();
    const token = parser.take();
    if (token.kind === 'operator' && token.text === ')') return elements;
    if (token.kind === 'end')
      throw new ShellSyntaxError("unexpected EOF while looking for matching `)'", true);
    if (token.kind !== 'word') throw unexpected(token);
    const first = token.word[0];
    const match =
      first?.kind === 'text' && !first.quoted ? /^\[([^\]]*)\]=/.exec(first.text) : null;
    if (match === null || first?.kind !== 'text') {
      elements.push(...expandBraces(token.word).map((word) => ({ word })));
      continue;
    }
    const rest = { ...first, text: first.text.slice(match[0].length) };
    elements.push({ index: textWord(match[1]), word: [rest, ...token.word.slice(1)] });
  }
}
