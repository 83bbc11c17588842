// SPDX-License-Identifier: Apache-2.0
// The attacks there are: each file scripts/attack/NAME.attack.js is one, and exports `attack`.
import { existsSync, readdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * @typedef {object} Attack What a file NAME.attack.js exports as `attack`.
 * @property {string} tries what it tries, in a line
 * @property {number} quick trials that take a few seconds: as many as `npm test` makes
 * @property {number} [trialSeconds] one trial that takes longer hangs; 30 without
 * @property {() => Promise<string | undefined>} [missing] why it cannot run on this computer
 * @property {() => Promise<Session>} open called once
 *
 * @typedef {object} Session
 * @property {(random: Random, tried: (what: string) => void) => unknown} trial one attempt, made from nothing but `random`. What
 *   it throws is the finding; `tried` counts by kind. An attempt at something that fails in order is no finding.
 * @property {() => unknown} [close]
 */

const FOLDER = join(import.meta.dirname, '..');
const ENDING = '.attack.js';

/** Names of all attacks, in alphabetical order. */
export const ATTACKS = readdirSync(FOLDER)
  .filter((name) => name.endsWith(ENDING))
  .map((name) => name.slice(0, -ENDING.length))
  .sort();

/** The file of a name; a path to a file `….attack.js` stands for itself. */
export const attackFile = (name) =>
  name.endsWith(ENDING) ? resolve(name) : join(FOLDER, `${name}${ENDING}`);

/** Loads an attack. @throws Error if there is none */
export async function attackOf(name) {
  const file = attackFile(name);
  if (!existsSync(file))
    throw new Error(`there is no attack ${name} (expected one of ${ATTACKS.join(', ')})`);
  const { attack } = await import(pathToFileURL(file).href);
  return { ...attack, name: basename(file, ENDING), given: name };
}
