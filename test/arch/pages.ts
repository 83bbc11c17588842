// SPDX-License-Identifier: Apache-2.0
// The generators of the generated pages (scripts/docs), with types. They are JavaScript because `npm run docs` runs without a build
// step of its own.
import { join } from 'node:path';

const SCRIPTS = join(import.meta.dirname, '../../scripts');

const matrix = (await import(join(SCRIPTS, 'docs/support-matrix.js'))) as {
  supportMatrix(tables: object): string;
};
const scope = (await import(join(SCRIPTS, 'docs/scope.js'))) as {
  INJECTION_ONLY: readonly number[];
};
const layout = (await import(join(SCRIPTS, 'docs/image-layout.js'))) as {
  imageLayout(source: string, values: object): string;
  constantsOf(
    source: string,
    values: object,
  ): { section: string; name: string; value: number; comment: string }[];
};

export const { supportMatrix } = matrix;
export const { INJECTION_ONLY } = scope;
export const { imageLayout, constantsOf } = layout;
