// SPDX-License-Identifier: Apache-2.0
// Loads a bundle: the driver's program, and the counters of its code as one array for each kind.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ApemuError } from '../../errors.ts';
import type { GuestProgram } from '../../guest/cpu.ts';
import { COVERAGE_VARIABLE, OWN_PACKAGE } from './bundle.ts';
import type { DriverBundle, LoadedDriver } from './driver-bundle.ts';
import { placeOf } from './guarded.ts';
import { loadWasm } from './wasm-driver.ts';

/** What the instrumented code keeps for one file. */
interface FileCounters {
  s: Record<string, number> | Uint32Array;
  f: Record<string, number> | Uint32Array;
  b: Record<string, number[] | Uint32Array>;
}

let loads = 0;

/** Replaces the counters by typed arrays, so that a case is counted and set back without a walk through objects. */
const gather = (files: readonly FileCounters[]): Pick<LoadedDriver, 'counters' | 'places'> => {
  const size = (record: object): number => Object.keys(record).length;
  const places = new Uint32Array(files.reduce((sum, { s }) => sum + size(s), 0));
  const branches = files.reduce(
    (sum, { f, b }) => sum + size(f) + Object.values(b).reduce((n, way) => n + way.length, 0),
    0,
  );
  const counters = new Uint32Array(branches);
  let place = 0;
  let counter = 0;
  for (const file of files) {
    const statements = places.subarray(place, place + size(file.s));
    for (const [n, count] of Object.values(file.s as Record<string, number>).entries())
      statements[n] = count;
    place += statements.length;
    file.s = statements;
    const functions = counters.subarray(counter, counter + size(file.f));
    counter += functions.length;
    file.f = functions;
    for (const key of Object.keys(file.b)) {
      const ways = (file.b[key] as number[]).length;
      file.b[key] = counters.subarray(counter, counter + ways);
      counter += ways;
    }
  }
  return { counters, places };
};

/** Path of the package that drivers import: always the built one, since threads load it without taking types out. */
const ownPackage = (): string => {
  const here = fileURLToPath(import.meta.url);
  const built = here.endsWith('.ts') ? 'dist/src/index.js' : 'src/index.js';
  return pathToFileURL(resolve(dirname(here), '../../..', built)).href;
};

const isProgram = (value: unknown): value is GuestProgram => {
  const candidate = value as Partial<GuestProgram> | null | undefined;
  return typeof candidate?.init === 'function' && typeof candidate.step === 'function';
};

/**
 * Loads a driver.
 *
 * @throws ApemuError `APEMU_ERR_DRIVER_LOAD` for a module that throws, `APEMU_ERR_DRIVER_PROGRAM` for one that is not a guest program
 */
export const loadDriver = async (bundle: DriverBundle): Promise<LoadedDriver> => {
  const { code } = bundle;
  if (typeof code !== 'string') return loadWasm(code, bundle);
  const variable = `${COVERAGE_VARIABLE}${++loads}`;
  const folder = mkdtempSync(join(tmpdir(), 'apemu-driver-'));
  const file = join(folder, 'driver.mjs');
  try {
    writeFileSync(
      file,
      code.replaceAll(COVERAGE_VARIABLE, variable).replaceAll(OWN_PACKAGE, ownPackage()),
    );
    const program = await importProgram(pathToFileURL(file).href, bundle.name);
    const coverage = (globalThis as Record<string, unknown>)[variable] as
      | Record<string, FileCounters>
      | undefined;
    const files = bundle.files.map(({ file: name }) => coverage?.[name] as FileCounters);
    return { program, args: bundle.args, ...gather(files) };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const importProgram = async (url: string, name: string): Promise<GuestProgram> => {
  let loaded: { default?: unknown };
  try {
    loaded = (await import(/* @vite-ignore */ url)) as { default?: unknown };
  } catch (cause) {
    const what = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new ApemuError(
      'APEMU_ERR_DRIVER_LOAD',
      `the driver ${name} throws when it is loaded: ${what}, at ${placeOf(cause)}`,
      { cause },
    );
  }
  if (isProgram(loaded.default)) return loaded.default;
  throw new ApemuError(
    'APEMU_ERR_DRIVER_PROGRAM',
    `${name} does not export a guest program (expected a default export with init and step)`,
  );
};
