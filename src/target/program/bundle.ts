// SPDX-License-Identifier: Apache-2.0
// Makes a driver module one text: types are taken out, and the places of its code are counted. It can be sent to other threads and
// machines as data.
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import amaro from 'amaro';
import { createInstrumenter, type FileCoverage } from 'istanbul-lib-instrument';
import { type Plugin, rollup } from 'rollup';
import { ApemuError } from '../../errors.ts';
import { isWasm } from '../../guest/c-driver/driver-module.ts';
import type { DriverBundle, SourceFile } from './driver-bundle.ts';
import { bundleWasm } from './wasm-driver.ts';

/**
 * The name by which a driver's code imports this package, on any computer. Whoever loads the code replaces it by the package's place
 * there.
 */
export const OWN_PACKAGE = 'apemu:package';
/** Name of the variable that holds the counters. It is made unique when the code is loaded. */
export const COVERAGE_VARIABLE = '__apemu_coverage__';
const TYPESCRIPT = /\.[cm]?ts$/;

/** Name of the reference driver for `--driver ap-bus`. */
const REFERENCE = 'ap-bus';
/**
 * Arguments of the reference driver. As Linux, it would give a request up after 900 s and poll every 250 us without interruptions; 30 s
 * of virtual time show the same sooner, and 5 ms with fewer instructions.
 */
const REFERENCE_ARGS = { requestTimeout: 30, pollTimeoutNs: 5_000_000 };

/** Path of a file of this project as it runs now: a source, or what the build has made of it. */
const ownFile = (path: string): string => {
  const here = fileURLToPath(import.meta.url);
  return resolve(
    dirname(here),
    '../../..',
    here.endsWith('.ts') ? path : path.replace(/\.ts$/, '.js'),
  );
};

const stripped = (code: string, file: string): string => {
  if (!TYPESCRIPT.test(file)) return code;
  try {
    return amaro.transformSync(code, { mode: 'strip-only' }).code;
  } catch (cause) {
    const what =
      cause instanceof Error
        ? cause.message
        : String((cause as { message?: unknown })?.message ?? cause);
    throw new ApemuError(
      'APEMU_ERR_DRIVER_SYNTAX',
      `cannot read ${file}: ${what.split('\n')[0]} (expected TypeScript whose types can be taken out, or JavaScript)`,
      { cause, place: { file } },
    );
  }
};

/** Changes the text of a file before it is used: a patch. */
export type Edit = (file: string, text: string) => string;

/** Counts the places of files in the driver's folder. */
class Counted {
  readonly #files: Omit<SourceFile, 'first'>[] = [];
  readonly #folder: string;
  readonly #instrument: boolean;

  constructor(folder: string, instrument: boolean) {
    this.#folder = folder;
    this.#instrument = instrument;
  }

  transform(code: string, file: string): { code: string; map: never } | undefined {
    const inside =
      file.startsWith(this.#folder + sep) && !file.includes(`${sep}node_modules${sep}`);
    if (!inside || !this.#instrument) return undefined;
    const instrumenter = createInstrumenter({
      esModules: true,
      produceSourceMap: true,
      coverageVariable: COVERAGE_VARIABLE,
      coverageGlobalScope: 'globalThis',
      coverageGlobalScopeFunc: false,
      compact: false,
    });
    const name = relative(this.#folder, file).split(sep).join('/');
    const instrumented = instrumenter.instrumentSync(code, name);
    const coverage: FileCoverage = instrumenter.lastFileCoverage();
    const lines = Object.values(coverage.statementMap).map(({ start }) => start.line);
    this.#files.push({ file: name, text: readFileSync(file, 'utf8'), lines });
    return { code: instrumented, map: instrumenter.lastSourceMap() as never };
  }

  /** The files in the order of their names, since the order in which they are read differs from run to run. */
  get files(): SourceFile[] {
    let next = 0;
    return this.#files
      .toSorted((a, b) => (a.file < b.file ? -1 : 1))
      .map((file) => {
        const first = next;
        next += file.lines.length;
        return { ...file, first };
      });
  }
}

const plugin = (counted: Counted, edit: Edit): Plugin => ({
  name: 'apemu-driver',
  resolveId(source, importer) {
    if (isBuiltin(source)) return { id: source, external: true };
    if (importer === undefined || source.startsWith('.') || isAbsolute(source)) return null;
    if (source === 'apemu') return { id: OWN_PACKAGE, external: true };
    const found = createRequire(importer).resolve(source);
    return { id: pathToFileURL(found).href, external: true };
  },
  load: (id) => stripped(edit(id, readFileSync(id, 'utf8')), id),
  transform: (code, id) => counted.transform(code, id) ?? null,
});

/**
 * Path of the module.
 *
 * @throws ApemuError `APEMU_ERR_DRIVER_READ`
 */
const moduleFile = (name: string): string => {
  const file =
    name === REFERENCE ? ownFile('src/guest/ap-bus-driver/under-test.ts') : resolve(name);
  try {
    if (statSync(file).isFile()) return file;
  } catch {
    // That it is not there is reported below.
  }
  throw new ApemuError(
    'APEMU_ERR_DRIVER_READ',
    `no driver module ${name} (expected a JavaScript or TypeScript file, a WebAssembly module, or ap-bus)`,
    { place: { file: name } },
  );
};

/**
 * Makes a bundle of a driver module, or of the reference driver (`ap-bus`). With `instrument` its places are counted; `edit` patches
 * files.
 *
 * @throws ApemuError `APEMU_ERR_DRIVER_…` for what cannot be read
 */
export const bundleDriver = async (
  name: string,
  instrument = true,
  edit: Edit = (_file, text) => text,
): Promise<DriverBundle> => {
  const input = moduleFile(name);
  const bytes = readFileSync(input);
  if (input.endsWith('.wasm') || isWasm(bytes)) return bundleWasm(name, Uint8Array.from(bytes));
  const counted = new Counted(dirname(input), instrument);
  try {
    const build = await rollup({
      input,
      plugins: [plugin(counted, edit)],
      treeshake: false,
      logLevel: 'silent',
    });
    const { output } = await build.generate({
      format: 'es',
      sourcemap: 'inline',
      inlineDynamicImports: true,
    });
    await build.close();
    const { code } = output[0];
    const digest = createHash('sha256').update(withoutMap(code)).digest('hex').slice(0, 16);
    const args = name === REFERENCE ? REFERENCE_ARGS : {};
    return { name: basename(name), code, digest, files: counted.files, args };
  } catch (cause) {
    // Rollup puts a code of its own into the errors of plugins.
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new ApemuError('APEMU_ERR_DRIVER_SYNTAX', `cannot read the driver ${name}: ${what}`, {
      cause,
      place: { file: name },
    });
  }
};

const withoutMap = (code: string): string => code.replace(/\/\/# sourceMappingURL=.*$/m, '');
