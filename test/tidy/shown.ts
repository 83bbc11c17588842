// SPDX-License-Identifier: Apache-2.0
// What shows that something is as it is said to be: a test by its file and a part of its title, or an attack by its name.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './sources.ts';

/** A file of tests and part of a title in it, or the name of an attack. */
export type Shown = readonly [file: string, title: string] | string;

/** Whether there is no such test file, no such title in it, or no such attack. */
export const missing = (shown: Shown): boolean => {
  if (typeof shown === 'string')
    return !existsSync(join(ROOT, `scripts/attack/${shown}.attack.js`));
  const [file, title] = shown;
  return !existsSync(join(ROOT, file)) || !readFileSync(join(ROOT, file), 'utf8').includes(title);
};
