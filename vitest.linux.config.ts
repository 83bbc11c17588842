// SPDX-License-Identifier: Apache-2.0
// Tests that boot stock kernels under QEMU: `npm run test:linux`. One at a time, since each wants a core for its guest.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/linux/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    // A busy computer can make a boot under emulation too slow once; a defect fails twice.
    retry: 1,
    testTimeout: 300_000,
    hookTimeout: 600_000,
    server: { deps: { external: [/\/dist\//] } },
  },
});
