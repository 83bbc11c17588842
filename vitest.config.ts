// SPDX-License-Identifier: Apache-2.0
// The tests of `npm test`. Those that boot Linux under QEMU have a configuration of their own (vitest.linux.config.ts).
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/linux/**'],
    pool: 'forks',
    // Vitest would leave a core unused, which on two cores is half of them.
    maxWorkers: '100%',
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Tests of worker threads run in real time: a starved CI computer gets a second chance, a defect fails twice.
    retry: process.env['CI'] === undefined ? 0 : 1,
    server: { deps: { external: [/\/dist\//] } },
  },
});
