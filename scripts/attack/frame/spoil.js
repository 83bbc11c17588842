// SPDX-License-Identifier: Apache-2.0
// Spoils texts: cuts, doubles, mixes, and puts in what parsers stumble over.

/** Pieces that are special to one parser or another. */
const PIECES = [
  '',
  ' ',
  '\t',
  '\n',
  '\r\n',
  '\0',
  '\u001b[2J',
  '\ufeff',
  '\u2028',
  '\ud800',
  '𝒳',
  '#',
  ':',
  '-',
  '--',
  '=',
  '=>',
  '*',
  '&a ',
  '*a',
  '<<: *a',
  '!!js ',
  '|',
  '>',
  '?',
  '"',
  "'",
  '`',
  '\\',
  '$(',
  '${',
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  '0x',
  '0',
  '-1',
  '1e400',
  '0.5',
  '255',
  '256',
  '65536',
  '4294967295',
  '4294967296',
  '9007199254740993',
  '0xffffffffffffffffff',
  'NaN',
  'null',
  'true',
  '__proto__',
  'constructor',
  'toString',
];

/** A text of one of the sources with 1 to 8 changes, each of which keeps most of it. At most `maxLength` long. */
export function spoil(random, texts, maxLength = 200_000) {
  let text = random.pick(texts);
  for (let changes = 1 + random.below(8); changes > 0; changes--)
    text = random.pick(CHANGES)(random, text, texts).slice(0, maxLength);
  return text;
}

const place = (random, text) => random.below(text.length + 1);

/** Begin and end of a short piece of a text. */
const span = (random, text) => {
  const from = place(random, text);
  return [from, Math.min(text.length, from + random.below(40))];
};

const insert = (text, at, piece) => text.slice(0, at) + piece + text.slice(at);

const CHANGES = [
  // A piece that is special.
  (random, text) => insert(text, place(random, text), random.pick(PIECES)),
  (random, text) => insert(text, place(random, text), random.pick(PIECES)),
  // Takes a piece out.
  (random, text) => {
    const [from, to] = span(random, text);
    return text.slice(0, from) + text.slice(to);
  },
  // Cuts the text off at a random place.
  (random, text) => text.slice(0, place(random, text)),
  // A piece again somewhere else.
  (random, text) => insert(text, place(random, text), text.slice(...span(random, text))),
  // A piece of another text.
  (random, text, texts) => {
    const other = random.pick(texts);
    return insert(text, place(random, text), other.slice(...span(random, other)));
  },
  // Replaces a number with an extreme one.
  (random, text) => {
    const numbers = [...text.matchAll(/\b(0x[0-9a-f]+|\d+)\b/gi)];
    if (numbers.length === 0) return text;
    const { 0: number, index } = random.pick(numbers);
    return insert(
      text.slice(0, index) + text.slice(index + number.length),
      index,
      random.pick(PIECES),
    );
  },
  // Another word of the same text.
  (random, text) => {
    const words = [...text.matchAll(/[A-Za-z_]+/g)];
    if (words.length === 0) return text;
    const { 0: word, index } = random.pick(words);
    return insert(
      text.slice(0, index) + text.slice(index + word.length),
      index,
      random.pick(words)[0],
    );
  },
  // Repeats a line many times.
  (random, text) => {
    const lines = text.split('\n');
    const at = random.below(lines.length);
    return [
      ...lines.slice(0, at),
      ...Array(1 + random.below(50)).fill(lines[at]),
      ...lines.slice(at),
    ].join('\n');
  },
  // Repeats a character many times.
  (random, text) => {
    const at = place(random, text);
    return insert(text, at, (text[at] ?? random.pick(PIECES)).repeat(1 + random.below(2000)));
  },
  // Exchanges lines.
  (random, text) => {
    const lines = text.split('\n');
    const [a, b] = [random.below(lines.length), random.below(lines.length)];
    [lines[a], lines[b]] = [lines[b], lines[a]];
    return lines.join('\n');
  },
];
