// SPDX-License-Identifier: Apache-2.0
// The tests of `npm test`. Those that boot Linux under QEMU have a configuration of their own (vitest.linux.config.ts).
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take longest, begun first: a long one begun last would leave the other cores idle. */
const LONG = [
  'exec/mutations',
  'exec/conformance',
  'cex/fuzz',
  'vfio-ap/sequences',
  'migration/stream',
  'model/vectors',
  'bench/steady-state',
  'mutations/rules',
  'load/sweep',
  'interleavings/rules',
];

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean =>
      LONG.some((name) => moduleId.endsWith(`/test/${name}.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    exclude: ['test/linux/**'],
    setupFiles: ['test/watchdog/setup.ts'],
    pool: 'forks',
    // Vitest would leave a core unused, which on two cores is half of them.
    maxWorkers: '100%',
    sequence: { sequencer: LongFirst },
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Tests of worker threads run in real time: a starved CI computer gets a second chance, a defect fails twice.
    retry: process.env['CI'] === undefined ? 0 : 1,
    server: { deps: { external: [/\/dist\//] } },
  },
});
