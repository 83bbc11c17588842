// SPDX-License-Identifier: Apache-2.0
// Planted defects of the built kernel: one textual replacement each, in one function, applied to a copy of the file.
// The list is planted-defects.txt; vectors, lockstep streams or the lowcore cases must notice every one of them.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kernelFile } from '../../src/lpar/kernel.ts';

/** One planted defect. */
export interface Mutation {
  /** Decision or section of ap-architecture.md. */
  readonly rule: string;
  readonly breaks: string;
  /** Name of the function, or of the constant, whose text is changed. */
  readonly at: string;
  /** Text that goes; a run of blanks stands for any white space. */
  readonly find: string;
  readonly put: string;
}

const LIST = new URL('planted-defects.txt', import.meta.url);

/** Reads the list. @throws Error with the line that is no part of it */
export const readMutations = (text = readFileSync(LIST, 'utf8')): Mutation[] => {
  const mutations: Mutation[] = [];
  let at = '';
  let head: { rule: string; breaks: string } | undefined;
  let find: string | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const start = /^([A-Z0-9][^ :]*): (.+)$/.exec(line);
    if (line.startsWith('@ ')) at = line.slice(2);
    else if (line.startsWith('- ')) find = line.slice(2);
    else if (line.startsWith('+') && head !== undefined && find !== undefined) {
      mutations.push({ ...head, at, find, put: line.slice(2) });
      head = undefined;
      find = undefined;
    } else if (start !== null && head === undefined) head = { rule: start[1], breaks: start[2] };
    else throw new Error(`planted-defects.txt:${index + 1}: not understood: ${line}`);
  }
  return mutations;
};

const escapeText = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

const matches = (text: string, pattern: string): RegExpExecArray[] => [
  ...text.matchAll(new RegExp(pattern, 'gm')),
];

/** Text and place of a top-level constant: a function's body without its closing line. */
const locate = (source: string, name: string): { from: number; text: string } => {
  const found = matches(source, `^const ${escapeText(name)} = [\\s\\S]*?;$(?=\\n\\S|\\n\\n)`);
  if (found.length !== 1) throw new Error(`${found.length} constants ${name} in the kernel`);
  return { from: found[0].index, text: found[0][0] };
};

/** The kernel's text with a defect. @throws Error unless it applies exactly once */
export const plant = (source: string, { at, find, put }: Mutation): string => {
  const { from, text } = locate(source, at);
  const found = matches(text, escapeText(find.trim()).replace(/ +/g, '\\s+'));
  if (found.length !== 1) throw new Error(`${at} has ${found.length} times: ${find}`);
  const index = from + found[0].index;
  return source.slice(0, index) + put + source.slice(index + found[0][0].length);
};

/** The text defects are planted in: the kernel before the build makes its fast form (scripts/kernel). */
export const plainKernel = (): string =>
  readFileSync(kernelFile().replace(/kernel\.js$/, 'kernel.plain.js'), 'utf8');

/** Writes a mutated kernel. It goes to a folder named dist: test runners load such files as they are. */
export const writeKernel = (folder: string, name: string, text: string): string => {
  mkdirSync(join(folder, 'dist'), { recursive: true });
  const file = join(folder, 'dist', `${name}.js`);
  writeFileSync(file, text);
  return file;
};
