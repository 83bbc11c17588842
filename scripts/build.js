// SPDX-License-Identifier: Apache-2.0
// Builds dist: TypeScript to JavaScript, then the kernel modules folded into one file. `--kernel` builds the kernel alone.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';

const run = (name, ...args) =>
  execFileSync(`node_modules/.bin/${name}`, args, { stdio: 'inherit' });
const kernelOnly = process.argv.includes('--kernel');

try {
  run('tsc', '-p', kernelOnly ? 'tsconfig.kernel.json' : 'tsconfig.build.json');
  run('rollup', '--config', '--silent');
} catch (error) {
  process.exit(error.status ?? 1);
}
const main = 'dist/src/cli/main.js';
if (existsSync(main)) chmodSync(main, 0o755);
