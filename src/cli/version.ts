// SPDX-License-Identifier: Apache-2.0
// The version in package.json, from the sources (src/cli) as well as from the build (dist/src/cli).

import { existsSync, readFileSync } from 'node:fs';

export function packageVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    const url = new URL(up, import.meta.url);
    if (existsSync(url)) return String(JSON.parse(readFileSync(url, 'utf8')).version);
  }
  return 'unknown';
}
