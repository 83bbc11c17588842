// SPDX-License-Identifier: Apache-2.0
// Commands that README and docs show in blocks, with what they show of their output; and how that is compared with what comes out.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

export const ROOT = join(import.meta.dirname, '../..');
export const MAIN = join(ROOT, 'dist/src/cli/main.js');

export const PAGES: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'bench/README.md',
  'examples/README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export interface Shown {
  readonly page: string;
  /** What is typed. */
  readonly command: string;
  /** Where, relative to the folder the examples are in. */
  readonly directory: string;
  /** What the page shows of its output. */
  readonly output: readonly string[];
}

export const textOf = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** A command of ours, or one that starts it. */
const OURS = /\bapemu [a-z-]|^npm run /;
const FENCED = /^```(\w*)\n(.*?)^```$/gms;
/** Behind an empty line, four blanks before each line. */
const INDENTED = /(?<=\n\n)(?: {4}\S.*\n)+/g;

const blocksOf = (text: string): string[] => [
  ...[...text.matchAll(FENCED)].flatMap(([, language = '', block = '']) =>
    ['', 'sh'].includes(language) ? [block] : [],
  ),
  ...[...text.replaceAll(FENCED, '').matchAll(INDENTED)].map(([block]) =>
    block.replaceAll(/^ {4}/gm, ''),
  ),
];

/** Without a prompt a block shows no output: each of its lines that is ours is a command, a comment may follow. */
const unprompted = (page: string, block: string): Shown[] =>
  block
    .split('\n')
    .map((line) => line.replace(/\s+# .*$/, ''))
    .filter((line) => /^(?:apemu|npm) /.test(line))
    .map((command) => ({ page, command, directory: '.', output: [] }));

/** Commands behind a prompt, each with the lines up to the next prompt or the end of its block. */
const prompted = (page: string, block: string): Shown[] => {
  let directory = '.';
  return block
    .replaceAll('\\\n', '')
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [first = '', ...output] = part.trimEnd().split('\n');
      const command = first.replace(/\s+# .*$/, '');
      // What follows `cd` in a block happens there.
      directory = /(?:^|&& )cd (\S+)$/.exec(command)?.[1] ?? directory;
      return { page, command, directory, output: output.filter((line) => line !== '') };
    });
};

/** The blocks' commands of ours. */
export const shownOn = (page: string): Shown[] =>
  blocksOf(textOf(page))
    .flatMap((block) => (/^\$ /m.test(block) ? prompted(page, block) : unprompted(page, block)))
    .filter(({ command }) => OURS.test(command) || command.startsWith('npm '));

/** What differs from computer to computer and run to run: numbers, and the blanks beside them. */
export const masked = (line: string): string =>
  line
    .replaceAll(/\d[\d.,]*/g, '#')
    .replaceAll(/(?:(?<=#) ?| +)(?:ns|us|ms|s)\b/g, ' time')
    .replaceAll(/\s+/g, ' ')
    .trim();

/** Lines of an output that are not empty. */
export const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');

const GAP = /^\.\.\.$|^…$/;

/** Each line of the page comes, one after the other; where the page has `...` there may be others between them. */
export const expectShown = (output: readonly string[], real: readonly string[]): void => {
  let from = 0;
  let gap = false;
  for (const line of output) {
    if (GAP.test(line)) {
      gap = true;
      continue;
    }
    const at = real.indexOf(line.trimEnd(), from);
    expect(at, `${line}\nis not in\n${real.slice(from).join('\n')}`).toBeGreaterThanOrEqual(0);
    if (!gap) expect(at, `before ${line}`).toBe(from);
    from = at + 1;
    gap = false;
  }
};

/** The same without numbers, and without the ends of lines: where a line is full depends on its numbers. */
export const expectLike = (output: readonly string[], real: readonly string[]): void => {
  const parts = output
    .map((line) => (GAP.test(line) ? '\n' : masked(line)))
    .join(' ')
    .split(/ ?\n ?/);
  const text = real.map(masked).join(' ');
  let from = 0;
  for (const part of parts.filter((one) => one !== '')) {
    const at = text.indexOf(part, from);
    expect(at, `${part}\nis not in\n${text.slice(from)}`).toBeGreaterThanOrEqual(0);
    from = at + part.length;
  }
};
