// SPDX-License-Identifier: Apache-2.0
// Copies of the built program in which one text of one file is another one.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What is changed; `file` below dist/src, `find` there exactly once. */
export interface Patch {
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

export class BuildCopies {
  /** All copies are in it. */
  readonly folder: string;

  constructor(prefix: string) {
    this.folder = mkdtempSync(join(tmpdir(), prefix));
  }

  /** Makes a copy by a name and returns its folder; without a patch it is as the build. Throws where the text is not there once. */
  make(name: string, patch?: Patch): string {
    const at = join(this.folder, name);
    mkdirSync(at);
    execFileSync('cp', ['-r', join(ROOT, 'dist'), join(at, 'dist')]);
    copyFileSync(join(ROOT, 'package.json'), join(at, 'package.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(at, 'node_modules'));
    if (patch === undefined) return at;
    const file = join(at, 'dist/src', patch.file);
    const parts = readFileSync(file, 'utf8').split(patch.find);
    if (parts.length !== 2)
      throw new Error(`${patch.file} has ${parts.length - 1} times: ${patch.find}`);
    writeFileSync(file, parts.join(patch.put));
    return at;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Loads a module of a copy, by its path below dist/src. */
export const loadFrom = <T>(at: string, path: string): Promise<T> =>
  import(pathToFileURL(join(at, 'dist/src', path)).href) as Promise<T>;
