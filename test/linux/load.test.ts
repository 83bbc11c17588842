// SPDX-License-Identifier: Apache-2.0
// The figures of a served guest.

import { describe, expect, it } from 'vitest';
import { formatFigures, measureFigures } from '../../src/qemu/benchmark/benchmark.ts';
import { imageOrReason } from './support/requirements.ts';

const image = await imageOrReason('6.12');
describe.skipIf(image === undefined)('a guest with two CPUs', () => {
  it('boots, tests queues and computes at the measured speed, which is printed', async () => {
    const figures = await measureFigures(image!, {
      boots: 1,
      instructions: 5_000,
      requests: 200,
      moves: 3,
    });
    expect(figures.tapq.bestUs).toBeGreaterThan(0);
    expect(figures.tapq.medianUs).toBeGreaterThanOrEqual(figures.tapq.bestUs);
    expect(figures.served.modulesMs).toBeGreaterThan(figures.served.initMs);
    expect([...figures.rsaPerSecond.keys()]).toEqual([1, 4]);
    const { downtimeMs, firstReplyMs } = figures.migration;
    expect(Math.min(downtimeMs, firstReplyMs)).toBeGreaterThan(0);
    console.info(formatFigures(figures));
  });
});
