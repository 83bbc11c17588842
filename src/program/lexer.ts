// SPDX-License-Identifier: Apache-2.0
// Takes one line of an AP program apart: subject, words, what follows `=>`, and comment, each with its column.
// Source: docs/design.md section 6.

/** A word or quoted text. Columns count from 1. */
export interface Token {
  readonly text: string;
  readonly column: number;
  /** True for a quoted text (`text` is its content). */
  readonly quoted: boolean;
}

export interface LineParts {
  /** The text before `=>` and `#`. */
  readonly body: string;
  /** The text after `=>`; undefined if there is none. */
  readonly expectation: string | undefined;
  readonly expectationColumn: number;
  readonly comment: string | undefined;
}

/** A mistake in the notation of a line. */
export class LineError extends Error {
  readonly what: string;
  readonly column: number;
  readonly expected: string | undefined;

  constructor(what: string, column: number, message: string, expected?: string) {
    super(message);
    this.what = what;
    this.column = column;
    this.expected = expected;
  }
}

/** Splits at the first `=>` and the first `#` outside quotes. */
export function splitLine(line: string): LineParts {
  const { arrow, end } = line.includes('"') ? findQuoted(line) : findPlain(line);
  return {
    body: line.slice(0, arrow < 0 ? end : arrow),
    expectation: arrow < 0 ? undefined : line.slice(arrow + 2, end),
    expectationColumn: arrow + 3,
    comment: end < line.length ? line.slice(end + 1) : undefined,
  };
}

interface Marks {
  /** Position of `=>`, or -1. */
  readonly arrow: number;
  /** Place of `#`, or the end of the line. */
  readonly end: number;
}

function findPlain(line: string): Marks {
  const hash = line.indexOf('#');
  const end = hash < 0 ? line.length : hash;
  const arrow = line.indexOf('=>');
  return { arrow: arrow < end ? arrow : -1, end };
}

function findQuoted(line: string): Marks {
  let quoted = false;
  let arrow = -1;
  for (let i = 0; i < line.length; i++) {
    const character = line[i];
    if (quoted && character === '\\') i++;
    else if (character === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (character === '#') return { arrow, end: i };
    else if (arrow < 0 && character === '=' && line[i + 1] === '>') arrow = i;
  }
  return { arrow, end: line.length };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', '"': '"', '\\': '\\' };

const WORD = /[^\s"]+|"/g;

/** Words of a text; `column` is the column of its first character. */
export function tokenize(text: string, column: number): Token[] {
  const tokens: Token[] = [];
  WORD.lastIndex = 0;
  for (let match = WORD.exec(text); match !== null; match = WORD.exec(text)) {
    const at = column + match.index;
    if (match[0] !== '"') tokens.push({ text: match[0], column: at, quoted: false });
    else {
      const { content, next } = unquote(text, match.index, column);
      tokens.push({ text: content, column: at, quoted: true });
      WORD.lastIndex = next;
    }
  }
  return tokens;
}

function unquote(text: string, start: number, column: number): { content: string; next: number } {
  let content = '';
  for (let i = start + 1; i < text.length; i++) {
    const character = text[i];
    if (character === '"') return { content, next: i + 1 };
    if (character !== '\\') {
      content += character;
      continue;
    }
    i++;
    const escaped = ESCAPES[text[i] ?? ''];
    if (escaped === undefined) {
      throw new LineError(
        'QUOTE',
        column + i - 1,
        `unknown escape \\${text[i] ?? ''}`,
        '\\n \\t \\" or \\\\',
      );
    }
    content += escaped;
  }
  throw new LineError('QUOTE', column + start, 'the quoted text does not end', 'a closing "');
}

/** The inverse: a text in quotes. */
export function quote(text: string): string {
  const escaped = text.replace(/[\\"\n\t]/g, (character) => {
    if (character === '\n') return '\\n';
    return character === '\t' ? '\\t' : `\\${character}`;
  });
  return `"${escaped}"`;
}
