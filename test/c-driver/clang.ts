// SPDX-License-Identifier: Apache-2.0
// Builds drivers for tests, where there is a clang; where there is none, tests say that they are skipped.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { apemu } from '../cli/fake-io.ts';

const EXAMPLE = 'examples/c-driver';

/** First line of `clang --version`; undefined: there is none, or no wasm-ld. */
export const clangVersion = (): string | undefined => {
  try {
    const linker = execFileSync('clang', [
      '--target=wasm32',
      '-print-prog-name=wasm-ld',
    ]).toString();
    if (!linker.startsWith('/')) return undefined;
    return execFileSync('clang', ['--version']).toString().split('\n')[0];
  } catch {
    return undefined;
  }
};

/** Whether drivers can be compiled; says why not. */
export const canCompile = (): boolean => {
  if (clangVersion() !== undefined) return true;
  process.stderr.write('skipped: no clang with wasm-ld (apt-get install clang lld)\n');
  return false;
};

/** Compiles the example driver into a folder. */
export const compileExample = async (
  folder: string,
  name: string,
  ...options: string[]
): Promise<string> => {
  const output = join(folder, `${name}.wasm`);
  const { code, errors } = await apemu([
    'cc',
    `${EXAMPLE}/driver.c`,
    `${EXAMPLE}/reply.c`,
    '-o',
    output,
    ...options,
  ]);
  if (code !== 0) throw new Error(errors);
  return output;
};
