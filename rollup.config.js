// SPDX-License-Identifier: Apache-2.0
// Folds the compiled kernel modules into one file whose views and layout numbers are module-level constants.
export default {
  input: 'dist/native-like/exec/kernel.js',
  output: { file: 'dist/kernel.js', format: 'es', generatedCode: { constBindings: true } },
  treeshake: { moduleSideEffects: false },
};
