// SPDX-License-Identifier: Apache-2.0
// Copies of the kernel's sources that a test edits and builds.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export interface Edit {
  /** What somebody wrote. */
  readonly name: string;
  /** Files of native-like. */
  readonly files: readonly string[];
  /** Top-level function the text is in; undefined = anywhere. */
  readonly at?: string;
  /** Every occurrence is replaced. */
  readonly find: string | RegExp;
  readonly put: string;
  /** What the build says, `LINE` for the line of the file; undefined where it builds a right kernel. */
  readonly refusal?: string;
  /** Text in the function whose line the refusal names. */
  readonly line?: string;
}

/** A copy of what the kernel is built from. Results go to its folder dist: test runners load such files as they are. */
export const copySources = (root: string): string => {
  cpSync(join(ROOT, 'native-like'), join(root, 'native-like'), { recursive: true });
  for (const config of ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.kernel.json'])
    cpSync(join(ROOT, config), join(root, config));
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  return root;
};

/** The text with one function changed, and the line in it that a refusal names. */
const edited = (text: string, { at, find, put, line }: Edit): { text: string; line: number } => {
  const start = at === undefined ? 0 : text.search(new RegExp(`^(export )?const ${at} = `, 'm'));
  const end = at === undefined ? text.length : text.indexOf('\n};', start);
  const before = text.slice(start, end);
  const after = before.replaceAll(find, put);
  if (start < 0 || after === before) throw new Error(`there is no ${find} in ${at}`);
  const changed = text.slice(0, start) + after + text.slice(end);
  const place = line === undefined ? 0 : changed.indexOf(line, start);
  return { text: changed, line: changed.slice(0, place).split('\n').length };
};

/** Applies an edit to a copy. Returns the line of the last file that a refusal names. */
export const applyEdit = (root: string, edit: Edit): number => {
  let line = 0;
  for (const name of edit.files) {
    const file = join(root, 'native-like', name);
    const result = edited(readFileSync(file, 'utf8'), edit);
    writeFileSync(file, result.text);
    line = result.line;
  }
  return line;
};
