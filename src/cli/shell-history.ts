// SPDX-License-Identifier: Apache-2.0
// Lines typed to the shell, kept from one session to the next.
// Source: XDG Base Directory Specification 0.8 (state files; relative paths are ignored; folders are made with mode 0700).

import { readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { makeFolders } from '../config/make-folders.ts';

export const HISTORY_LINES = 1000;

/** `$XDG_STATE_HOME/apemu/history`, by default in `~/.local/state`; undefined where there is no home. */
export function historyFile(
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const { XDG_STATE_HOME: state = '', HOME: home = homedir() } = environment;
  if (isAbsolute(state)) return join(state, 'apemu', 'history');
  return isAbsolute(home) ? join(home, '.local', 'state', 'apemu', 'history') : undefined;
}

/** Newest line first, as readline keeps them. A missing file is an empty history. */
export function readHistory(file: string | undefined): string[] {
  if (file === undefined) return [];
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines
      .filter((line) => line !== '')
      .reverse()
      .slice(0, HISTORY_LINES);
  } catch {
    return [];
  }
}

/**
 * Writes the lines of a session before those that other sessions have written meanwhile. Returns the error if that is not possible.
 *
 * @param history newest first
 */
export function writeHistory(file: string | undefined, history: readonly string[]): unknown {
  if (file === undefined) return undefined;
  const all = [...new Set([...history, ...readHistory(file)])].slice(0, HISTORY_LINES);
  try {
    makeFolders(dirname(file), 0o700);
    writeFileSync(
      file,
      all
        .reverse()
        .map((line) => `${line}\n`)
        .join(''),
      { mode: 0o600 },
    );
    return undefined;
  } catch (error) {
    return error;
  }
}
