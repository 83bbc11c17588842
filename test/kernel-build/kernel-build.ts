// SPDX-License-Identifier: Apache-2.0
// The kernel's build (scripts/kernel) with types. It is JavaScript because it runs before there is a build.
import { join } from 'node:path';

const SCRIPTS = join(import.meta.dirname, '../../scripts/kernel');
const load = async <T>(name: string): Promise<T> => (await import(join(SCRIPTS, name))) as T;

/** Changes a syntax tree. */
export type Pass = (program: unknown, tree: unknown) => void;
/** Code with its source map. */
export interface Built {
  readonly code: string;
  readonly map?: { readonly sources: readonly string[]; readonly mappings: string };
}

export const { buildKernel } = await load<{
  buildKernel(root: string, target: string): Promise<void>;
}>('build.js');
export const { optimise } = await load<{
  optimise(code: string, map: undefined, passes: readonly Pass[]): Built;
}>('pipeline.js');
export const { foldConstants } = await load<{ foldConstants: Pass }>('fold-constants.js');
export const { inlineCalls } = await load<{
  inlineCalls(table: Readonly<Record<string, readonly string[]>>): Pass;
}>('inline-calls.js');
export const { int32Indices } = await load<{ int32Indices: Pass }>('int32-indices.js');
export const { localViews } = await load<{ localViews: Pass }>('local-views.js');
