// SPDX-License-Identifier: Apache-2.0
// Builds dist: TypeScript to JavaScript, then the kernel. `--kernel` builds the kernel alone.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync } from 'node:fs';
import { buildKernel } from './kernel/build.js';

try {
  if (!process.argv.includes('--kernel')) {
    execFileSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
    chmodSync('dist/src/cli/main.js', 0o755);
    // What is no module: sources of QEMU plugins, and the program of a guest under test.
    for (const folder of ['src/qemu/plugin', 'src/kernel-fuzz/agent'])
      cpSync(folder, `dist/${folder}`, {
        recursive: true,
        filter: (path) => !path.endsWith('.ts'),
      });
  }
  await buildKernel('.', 'dist');
} catch (error) {
  // The compiler has said what is wrong.
  if (error.status === undefined) process.stderr.write(`${error.message}\n`);
  process.exit(error.status ?? 1);
}
