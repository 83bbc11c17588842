// SPDX-License-Identifier: Apache-2.0
// Which Node.js the commands need. Imports nothing, so that an older one gets far enough to be told.

/** Oldest version of Node, from `engines` in package.json. */
export const NEEDED_NODE: readonly [number, number] = [20, 19];

/** Whether a version such as `20.19.0` will do. */
export function nodeWillDo(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > NEEDED_NODE[0] || (major === NEEDED_NODE[0] && minor >= NEEDED_NODE[1]);
}

/** Message for a user whose Node is older. */
export const nodeProblem = (version: string): string =>
  `apemu: this is Node.js ${version} (expected ${NEEDED_NODE.join('.')} or newer: https://nodejs.org/en/download) [APEMU_ERR_SYSTEM_NODE]\n`;
