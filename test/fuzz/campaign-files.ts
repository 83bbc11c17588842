// SPDX-License-Identifier: Apache-2.0
// What stands in the folders of a campaign.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Every file below folders, by its path from the folder they are in, with its text. */
export const filesBelow = (...folders: readonly string[]): Record<string, string> => {
  const files: Record<string, string> = {};
  const walk = (path: string, from: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const inner = join(path, entry.name);
      if (entry.isDirectory()) walk(inner, from);
      else files[relative(from, inner)] = readFileSync(inner, 'utf8');
    }
  };
  for (const folder of folders) walk(folder, dirname(folder));
  return files;
};
