// SPDX-License-Identifier: Apache-2.0
// Each text that a test replaces in a copy of the build stands there once: an edit of the sources that moves it is told in a second, and
// not by the long test that plants the error.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RULES } from '../interleavings/rules.ts';
import { type Patch, ROOT } from '../mutations/copies.ts';
import { VIRTUAL_PATCHES } from '../virtual/patches.ts';

const VIRTUAL = VIRTUAL_PATCHES.map((patch) => ({
  name: patch.rule,
  patch: { ...patch, file: `vfio-ap/virtual/${patch.file}` },
}));
const PLANTED: readonly { readonly name: string; readonly patch: Patch }[] = [
  ...RULES.map(({ id, mutation }) => ({ name: id, patch: mutation })),
  ...VIRTUAL,
];

describe('a planted error has its text once in the build', () => {
  it.each(PLANTED)('$name', ({ patch: { file, find } }) => {
    const text = readFileSync(join(ROOT, 'dist/src', file), 'utf8');
    expect(text.split(find).length - 1, `${file}: ${find}`).toBe(1);
  });
});
