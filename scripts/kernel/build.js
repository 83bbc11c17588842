// SPDX-License-Identifier: Apache-2.0
// Builds the kernel: its modules folded into one file whose views and layout numbers are module-level constants, once as it stands
// (dist/kernel.plain.js, which tests plant defects in and APEMU_KERNEL=plain runs), once in the form V8 makes the fastest code of
// (dist/kernel.js). Both have source maps to native-like.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { rollup } from 'rollup';
import { optimise } from './pipeline.js';

const TSC = resolve(import.meta.dirname, '../../node_modules/.bin/tsc');

/** Modules as the compiler wrote them, with the maps beside them. */
const mappedModules = {
  name: 'mapped-modules',
  load: (id) => ({ code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') }),
};

/** The kernel's modules in `compiled` as one, for an output file. */
const bundle = async (compiled, file) => {
  const build = await rollup({
    input: join(compiled, 'native-like/exec/kernel.js'),
    plugins: [mappedModules],
    treeshake: { moduleSideEffects: false },
    onwarn: (warning) => process.stderr.write(`rollup: ${warning.message}\n`),
  });
  const output = { format: 'es', generatedCode: { constBindings: true }, sourcemap: true, file };
  const { code, map } = (await build.generate(output)).output[0];
  await build.close();
  return { code: code.replace(/\/\/# sourceMappingURL=.*\n/, ''), map };
};

const write = (file, { code, map }) => {
  writeFileSync(file, `${code}//# sourceMappingURL=${basename(file)}.map\n`);
  writeFileSync(`${file}.map`, JSON.stringify(map));
};

/**
 * Compiles, bundles and optimises native-like of a project folder.
 *
 * @param root folder with native-like and tsconfig.kernel.json
 * @param target folder the files are written to
 * @throws Error when the compiler or a pass refuses the sources
 */
export const buildKernel = async (root, target) => {
  const compiled = mkdtempSync(join(tmpdir(), 'apemu-kernel-'));
  try {
    const options = ['--sourceMap', '--inlineSources', '--outDir', compiled];
    execFileSync(TSC, ['-p', join(root, 'tsconfig.kernel.json'), ...options], { stdio: 'inherit' });
    mkdirSync(target, { recursive: true });
    const plain = await bundle(compiled, join(target, 'kernel.plain.js'));
    write(join(target, 'kernel.plain.js'), plain);
    write(join(target, 'kernel.js'), optimise(plain.code, plain.map));
  } finally {
    rmSync(compiled, { recursive: true });
  }
};
