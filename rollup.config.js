// SPDX-License-Identifier: Apache-2.0
// Folds the compiled kernel modules into one file whose views and layout numbers are module-level constants: once as it stands
// (kernel.plain.js, which tests plant defects in), once with 32-bit index sums (kernel.js, which runs).
import { int32Indices } from './scripts/int32-indices.js';

const folded = { format: 'es', generatedCode: { constBindings: true } };

export default {
  input: 'dist/native-like/exec/kernel.js',
  output: [
    { ...folded, file: 'dist/kernel.plain.js' },
    { ...folded, file: 'dist/kernel.js', plugins: [int32Indices()] },
  ],
  treeshake: { moduleSideEffects: false },
};
