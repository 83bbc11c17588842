// SPDX-License-Identifier: Apache-2.0
// The package itself: its version and its files, from the sources (src/cli) as well as from the build (dist/src/cli).

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the package's folder can be, relative to this file. */
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

/** What a build is made of; declarations and maps change nothing. */
const CODE = /\.(?:js|c|h|S)$/;

/** The version, and a digest of all code of the build: two computers with the same one do the same. */
export function packageBuild(): string {
  const folder = packageFile('dist');
  const hash = createHash('sha256');
  if (folder !== undefined) {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => CODE.test(name)).sort())
      hash.update(`${file}\n`).update(readFileSync(join(folder, file)));
  }
  return `${packageVersion()} build ${hash.digest('hex').slice(0, 16)}`;
}
