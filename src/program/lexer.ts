// SPDX-License-Identifier: Apache-2.0
// One line of an AP program in its parts: subject, words, what follows `=>`, comment; each with its column.
// Source: docs/design.md section 6.

/** A word or quoted text. Columns count from 1. */
export interface Token {
  readonly text: string;
  readonly column: number;
  /** True for a quoted text (`text` is its content). */
  readonly quoted: boolean;
}

export interface LineParts {
  /** What stands before `#`, `=>` and after the subject; with its column. */
  readonly body: string;
  readonly bodyColumn: number;
  /** Behind `=>`; undefined if there is none. */
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
  let quoted = false;
  let arrow = -1;
  let end = line.length;
  for (let i = 0; i < line.length; i++) {
    const character = line[i];
    if (quoted && character === '\\') i++;
    else if (character === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (character === '#') {
      end = i;
      break;
    } else if (arrow < 0 && character === '=' && line[i + 1] === '>') arrow = i;
  }
  const bodyEnd = arrow < 0 ? end : arrow;
  return {
    body: line.slice(0, bodyEnd),
    bodyColumn: 1,
    expectation: arrow < 0 ? undefined : line.slice(arrow + 2, end),
    expectationColumn: arrow + 3,
    comment: end < line.length ? line.slice(end + 1) : undefined,
  };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', '"': '"', '\\': '\\' };

/** Words of a text; `column` is the column of its first character. */
export function tokenize(text: string, column: number): Token[] {
  const tokens: Token[] = [];
  let i = 0;
  while (i < text.length) {
    if (/\s/.test(text[i])) i++;
    else if (text[i] === '"') {
      const start = i;
      const { content, next } = unquote(text, i, column);
      tokens.push({ text: content, column: column + start, quoted: true });
      i = next;
    } else {
      const start = i;
      while (i < text.length && !/[\s"]/.test(text[i])) i++;
      tokens.push({ text: text.slice(start, i), column: column + start, quoted: false });
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
