// SPDX-License-Identifier: Apache-2.0
// A driver in C as a bundle, and loaded from one: its branches are counted in its own memory, their places come from its line table.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { DriverInstance } from '../../guest/c-driver/driver-instance.ts';
import { branchesOf, readDriverModule } from '../../guest/c-driver/driver-module.ts';
import { cDriver } from '../../guest/c-driver/program.ts';
import type { DriverBundle, SourceFile } from './bundle.ts';
import type { LoadedDriver } from './loaded-driver.ts';

/** ap.c counts nothing. A branch without a line is the compiler's. */
const UNKNOWN = '(unknown)';

/** The branches of a module by file and line: which source files there are, and the number of the place of each branch. */
const placesOf = (
  bytes: Uint8Array,
  name: string,
): { files: { file: string; first: number; lines: number[] }[]; placeOfBranch: Uint32Array } => {
  const module = readDriverModule(bytes, name);
  const { counters } = new DriverInstance(module);
  const from = counters.byteOffset;
  const branches = branchesOf(module, from, from + counters.byteLength);
  const places = Array.from(branches, (place, branch) => ({
    branch,
    file: place?.file ?? UNKNOWN,
    line: place?.line ?? 0,
  }));
  places.sort((a, b) => (a.file < b.file ? -1 : Number(a.file > b.file)) || a.line - b.line);
  const placeOfBranch = new Uint32Array(places.length);
  const files: { file: string; first: number; lines: number[] }[] = [];
  for (const [number, { branch, file, line }] of places.entries()) {
    placeOfBranch[branch] = number;
    if (files.at(-1)?.file !== file) files.push({ file, first: number, lines: [] });
    files.at(-1)?.lines.push(line);
  }
  return { files, placeOfBranch };
};

/** The text of a source, looked for beside the module and where the command runs; empty where it is not. */
const sourceText = (module: string, file: string): string => {
  for (const path of [resolve(dirname(module), file), resolve(file)]) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // Not there: sources need not be.
    }
  }
  return '';
};

/** @throws ApemuError `APEMU_ERR_DRIVER_WASM` */
export const bundleWasm = (file: string, bytes: Uint8Array): DriverBundle => {
  const name = basename(file);
  const files: SourceFile[] = placesOf(bytes, name).files.map((one) => ({
    ...one,
    text: sourceText(file, one.file),
  }));
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return { name, code: bytes, digest, files, args: {} };
};

/** @throws ApemuError `APEMU_ERR_DRIVER_WASM` */
export const loadWasm = (bytes: Uint8Array, { name, args }: DriverBundle): LoadedDriver => {
  const module = readDriverModule(bytes, name);
  const first = new DriverInstance(module);
  const { counters } = first;
  const { placeOfBranch } = placesOf(bytes, name);
  const places = new Uint32Array(placeOfBranch.length);
  return {
    program: cDriver(module, first),
    args,
    counters,
    places,
    count: () => {
      for (let n = 0; n < counters.length; n++) {
        if (counters[n] !== 0) places[placeOfBranch[n]] = 1;
      }
    },
  };
};
