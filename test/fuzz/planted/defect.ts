// SPDX-License-Identifier: Apache-2.0
// A defect planted in a copy of a driver: a patch, the history it is modelled on, and the oracles that should find it.
// Source: docs/reference/fuzzing.md section 5.
import type { OracleName } from '../../../src/oracle/oracles.ts';
import type { Edit } from '../../../src/target/program/bundle.ts';

/** End of a file's path, text that stands there, what it becomes. */
export type Patch = readonly [file: string, from: string, to: string];

export interface Defect {
  readonly what: string;
  /** Row of the history (G1 to G15), or the words of its class. */
  readonly history: string;
  readonly oracles: readonly OracleName[];
  readonly patches: readonly Patch[];
}

export const defect = (
  what: string,
  history: string,
  oracles: readonly OracleName[],
  ...patches: readonly Patch[]
): Defect => ({ what, history, oracles, patches });

/** Makes the patches of a defect; `complete` tells whether all of them were made. */
export const patched = ({
  what,
  patches,
}: Defect): { readonly edit: Edit; readonly complete: () => boolean } => {
  const used = new Set<Patch>();
  const edit: Edit = (file, text) => {
    let result = text;
    for (const patch of patches) {
      const [end, from, to] = patch;
      if (!file.endsWith(end)) continue;
      if (!result.includes(from)) throw new Error(`the patch of "${what}" does not fit ${end}`);
      result = result.replace(from, () => to);
      used.add(patch);
    }
    return result;
  };
  return { edit, complete: () => used.size === patches.length };
};
