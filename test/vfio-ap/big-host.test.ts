// SPDX-License-Identifier: Apache-2.0
// The largest host: what an operation touches is what it must, whatever is there besides. Times are the benchmark's.
import { describe, expect, it } from 'vitest';
import { bigHost } from './big-host.ts';
import { BUS, CREATE, MATRIX } from './typed.ts';

const uuidOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

describe('256 adapters x 256 domains', () => {
  const { host, timers, partition } = bigHost();
  const write = (path: string, text: string): string => timers.run(host.sysfs.write(path, text));

  it('have all their devices after one scan, with one TAPQ a queue by the scan and one by its driver, and one more a card', () => {
    expect(host.bus.bindings()).toEqual({ all: 65536, bound: 65536 });
    // One more selects the default domain.
    expect(partition.counts.tapq).toBe(2 * 65536 + 256 + 1);
  });

  it('move to vfio_ap by one mask edit', () => {
    expect(write(`${BUS}/apmask`, '0x0\n')).toBe('ok');
    expect(host.matrix.queues.filter((queue) => queue !== undefined)).toHaveLength(65536);
  });

  it('an assignment among 64 mdevs resets nothing and asks the machine nothing', () => {
    for (let n = 0; n < 64; n++) {
      write(CREATE, uuidOf(n));
      const apm = (0xe000000000000000n >> BigInt((n * 3) % 64))
        .toString(16)
        .padStart(16, '0')
        .slice(0, 16);
      const words = ['0'.repeat(16), '0'.repeat(16), '0'.repeat(16), '0'.repeat(16)];
      words[Math.floor((n * 3) / 64)] = apm;
      expect(
        write(`${MATRIX}/${uuidOf(n)}/ap_config`, `0x${words.join('')},0x${'f'.repeat(64)},0x`),
      ).toBe('ok');
    }
    timers.advance(100_000_000);
    const before = { ...partition.counts };
    expect(write(`${MATRIX}/${uuidOf(0)}/assign_adapter`, '255')).toBe('ok');
    expect(partition.counts).toEqual(before);
    expect(write(`${MATRIX}/${uuidOf(1)}/assign_adapter`, '255')).toBe('EADDRINUSE');
    expect(host.journal.log.length).toBeLessThan(2048);
  });
});
