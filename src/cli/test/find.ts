// SPDX-License-Identifier: Apache-2.0
// The tests below the paths a user names: AP programs and scenarios (*.ap), guest runs (*.guest.yaml).

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ApemuError } from '../../errors.ts';

const PROGRAM = /\.ap$/;
const GUEST_RUN = /\.guest\.ya?ml$/;
/** Folders in which tests are not looked for. */
const PASSED_OVER = /^\.|^node_modules$/;

export const isGuestRun = (file: string): boolean => GUEST_RUN.test(file);

const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name < b.name ? -1 : 1;

const below = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .sort(byName)
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return PASSED_OVER.test(entry.name) ? [] : below(path);
      return PROGRAM.test(entry.name) || GUEST_RUN.test(entry.name) ? [path] : [];
    });

/** Files below a folder that end in `.ap`. */
export const programsBelow = (folder: string): string[] =>
  below(folder).filter((file) => PROGRAM.test(file));

/**
 * All tests of the paths, each once, in the order of the paths and below a folder by name. A file that is named is a test whatever it is
 * called.
 *
 * @throws ApemuError APEMU_ERR_USAGE_TEST for a path that is not there or holds no test
 */
export function findTests(paths: readonly string[]): string[] {
  const files = paths.flatMap((path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined)
      throw usage(`there is no ${path} (expected a test or a folder of tests)`);
    if (!found.isDirectory()) return [path];
    const tests = below(path);
    if (tests.length > 0) return tests;
    throw usage(`${path} holds no test (expected files *.ap or *.guest.yaml)`);
  });
  return [...new Set(files)];
}

export const usage = (message: string): ApemuError =>
  new ApemuError('APEMU_ERR_USAGE_TEST', message);
