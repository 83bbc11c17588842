// SPDX-License-Identifier: Apache-2.0
// The passes of the kernel's build, one after the other, over one syntax tree with scopes. What a pass cannot do right it refuses, with
// function, file and line of the sources, and what to write instead.
import { parse } from '@babel/parser';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { generate, programOf } from './ast.js';
import { foldConstants } from './fold-constants.js';
import { inlineCalls } from './inline-calls.js';
import { int32Indices } from './int32-indices.js';
import { localViews } from './local-views.js';
import { Refusal } from './refusal.js';

/** Handlers long enough to be called, not inlined, and what they take in. */
const HANDLERS = {
  enqueue: ['accept', 'copyBytes', 'completeNormal', 'complete'],
  dequeue: ['remove', 'copyBytes', 'completeNormal', 'complete'],
  pqap: ['namedQueue', 'tapqState', 'completeStatus', 'complete'],
};

/** In this order: a pass finds what those before it left. */
export const PASSES = [foldConstants, inlineCalls(HANDLERS), int32Indices, localViews];

const BANNER = `// SPDX-License-Identifier: Apache-2.0
// Made by scripts/kernel from native-like/exec: constants folded, calls inlined. The source map leads back; kernel.plain.js is the same
// without it.
`;

/** Where a position of the code comes from, `FILE:LINE`. */
const placeOf = (position, map) => {
  if (position === undefined) return 'the kernel';
  const original =
    map === undefined ? { source: null } : originalPositionFor(new TraceMap(map), position);
  return original.source === null
    ? `line ${position.line} of the kernel`
    : `${original.source.replace(/^(\.\.\/)+/, '')}:${original.line}`;
};

/** Applies one pass to a tree. */
export const applyPass = (pass, tree) => pass(programOf(tree), tree);

/**
 * The kernel in the form V8 makes the fastest code of.
 *
 * @param code the bundled kernel, an ES module
 * @param map its source map; without it places are lines of the bundle
 * @returns code and source map
 * @throws Error for what a pass refuses
 */
export const optimise = (code, map, passes = PASSES) => {
  const tree = parse(code, { sourceType: 'module', sourceFilename: 'kernel.plain.js' });
  try {
    for (const pass of passes) applyPass(pass, tree);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const where = error.functionName === undefined ? '' : `${error.functionName}: `;
    throw new Error(`${placeOf(error.position, map)}: ${where}${error.message}`);
  }
  const options = { comments: false, sourceMaps: map !== undefined, inputSourceMap: map };
  const generated = generate(tree, options, code);
  return { code: `${BANNER}${generated.code}\n`, map: shifted(generated.map) };
};

/** The map with the banner's lines before it. */
const shifted = (map) =>
  map && { ...map, mappings: `${';'.repeat(BANNER.split('\n').length - 1)}${map.mappings}` };
