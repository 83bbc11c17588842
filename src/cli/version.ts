// SPDX-License-Identifier: Apache-2.0
// The package itself: its version and its files, from the sources (src/cli) as well as from the build (dist/src/cli).

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the package's folder may be, seen from here. */
const UP = ['../../', '../../../'];

/** A file of the package; undefined where it has none of that name. */
export function packageFile(name: string): string | undefined {
  for (const up of UP) {
    const folder = new URL(up, import.meta.url);
    if (!existsSync(new URL('package.json', folder))) continue;
    const file = new URL(name, folder);
    return existsSync(file) ? fileURLToPath(file) : undefined;
  }
  return undefined;
}

export function packageVersion(): string {
  const file = packageFile('package.json');
  return file === undefined ? 'unknown' : String(JSON.parse(readFileSync(file, 'utf8')).version);
}
