// SPDX-License-Identifier: Apache-2.0
// Folds the compiled kernel modules into one file whose views and layout numbers are module-level constants: once as it stands
// (kernel.plain.js, which tests plant defects in), once in the form V8 makes the fastest code of (kernel.js, which runs).
import { foldConstants } from './scripts/fold-constants.js';
import { inlineCalls } from './scripts/inline-calls.js';
import { int32Indices } from './scripts/int32-indices.js';
import { localViews } from './scripts/local-views.js';

const folded = { format: 'es', generatedCode: { constBindings: true } };

/** Handlers long enough to be called, not inlined, and what they take in. */
const HANDLERS = {
  enqueue: ['accept', 'copyBytes', 'completeStatus', 'complete'],
  dequeue: ['remove', 'copyBytes', 'completeStatus', 'complete'],
  pqap: ['namedQueue', 'tapqState', 'completeStatus', 'complete'],
};

export default {
  input: 'dist/native-like/exec/kernel.js',
  output: [
    { ...folded, file: 'dist/kernel.plain.js' },
    {
      ...folded,
      file: 'dist/kernel.js',
      plugins: [inlineCalls(HANDLERS), int32Indices(), foldConstants(), localViews()],
    },
  ],
  treeshake: { moduleSideEffects: false },
};
