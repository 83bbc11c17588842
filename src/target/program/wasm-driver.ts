// SPDX-License-Identifier: Apache-2.0
// Makes a bundle of a driver in C, and loads it from one. Its branches are counted in its own memory, and their places come from its line
// table.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { DriverInstance } from '../../guest/c-driver/driver-instance.ts';
import { branchesOf, readDriverModule } from '../../guest/c-driver/driver-module.ts';
import { cDriver } from '../../guest/c-driver/program.ts';
import type { DriverBundle, LoadedDriver, SourceFile } from './driver-bundle.ts';

/** Name for the file of branches without a line, which are the compiler's. (The branches of ap.c are not counted.) */
const UNKNOWN = '(unknown)';

/** The branches of a module by file and line: the source files, and for each branch the number of its place. */
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

/** Text of a source file, which is looked for beside the module and in the current folder; empty if it is not found. */
const sourceText = (module: string, file: string): string => {
  for (const path of [resolve(dirname(module), file), resolve(file)]) {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // The source is not there, and it need not be.
    }
  }
  return '';
};

/**
 * Makes a bundle of a module.
 *
 * @throws ApemuError `APEMU_ERR_DRIVER_WASM`
 */
export const bundleWasm = (file: string, bytes: Uint8Array): DriverBundle => {
  const name = basename(file);
  const files: SourceFile[] = placesOf(bytes, name).files.map((one) => ({
    ...one,
    text: sourceText(file, one.file),
  }));
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  return { name, code: bytes, digest, files, args: {} };
};

/**
 * Loads a driver from a module.
 *
 * @throws ApemuError `APEMU_ERR_DRIVER_WASM`
 */
export const loadWasm = (bytes: Uint8Array, { name, args }: DriverBundle): LoadedDriver => {
  const module = readDriverModule(bytes, name);
  const first = new DriverInstance(module);
  const { placeOfBranch } = placesOf(bytes, name);
  const places = new Uint32Array(placeOfBranch.length);
  return {
    program: cDriver(module, first),
    args,
    get counters() {
      return first.counters;
    },
    places,
    count: () => {
      const { counters } = first;
      for (let n = 0; n < counters.length; n++) {
        if (counters[n] !== 0) places[placeOfBranch[n]] = 1;
      }
    },
  };
};
