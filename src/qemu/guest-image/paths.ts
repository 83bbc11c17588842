// SPDX-License-Identifier: Apache-2.0
// Paths in a folder: by a pattern, and all of them.

import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Paths that are there in a folder, by a pattern of names with `/` between them; one `*` in a name stands for any text. */
export const matching = (folder: string, pattern: string): string[] =>
  byNames(folder, pattern.split('/'));

function byNames(path: string, [name, ...rest]: readonly string[]): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (name === undefined) return found === undefined ? [] : [path];
  if (found?.isDirectory() !== true) return [];
  const [before, after] = name.split('*');
  if (after === undefined) return byNames(join(path, name), rest);
  return readdirSync(path)
    .filter((entry) => entry.startsWith(before) && entry.endsWith(after))
    .flatMap((entry) => byNames(join(path, entry), rest));
}

/** Everything below a folder that is no folder, in order of names; links are not followed. */
export function* below(folder: string, leftOut?: ReadonlySet<string>): Iterable<[string, Dirent]> {
  const entries = readdirSync(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) yield [path, entry];
    else if (leftOut?.has(entry.name) !== true) yield* below(path, leftOut);
  }
}
