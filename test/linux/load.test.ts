// SPDX-License-Identifier: Apache-2.0
// Many requests from several processes, and the figures of a served guest.

import { describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { formatFigures, measureFigures } from '../../src/qemu/benchmark/benchmark.ts';
import { createQemuMachine } from '../../src/qemu/guest-machine.ts';
import { bootLinux } from './support/guest.ts';
import { imageOrReason } from './support/requirements.ts';
import { twoGuests } from './support/two-guests.ts';

const image = await imageOrReason('6.12');
const REQUESTS = 10_000;
/** Most of them short: a card of ours computes with one thread. The empty kind is all of them. */
const SHARES = [
  [4_600, 'mex-1024'],
  [4_600, 'crt-1024'],
  [800, ''],
] as const;
const PROCESSES = 4;

describe.skipIf(image === undefined)('a guest with two CPUs', () => {
  it('gets 10,000 right results from 1024 to 4096 bits, on accelerator and CCA, in 4 processes', async () => {
    const qemu = await createQemuMachine(configFromObject(twoGuests()).config, ['Guest1']);
    const guest = await bootLinux(qemu.service('Guest1'), image!, { cpus: 2 });
    try {
      for (const [requests, kind] of SHARES) {
        const each = requests / PROCESSES;
        const output = await guest.sh(`rsa-test ${each} ${PROCESSES} ${kind}`, 1_200_000);
        const right = [...output.matchAll(/right=(\d+) wrong=0 $/gm)].map((match) => match[1]);
        expect(right).toEqual(new Array(PROCESSES).fill(`${each}`));
      }
      const counts = await guest.sh('cat /sys/devices/ap/card0[56]/request_count');
      const total = counts
        .trim()
        .split('\n')
        .reduce((sum, count) => sum + Number(count), 0);
      expect(total).toBeGreaterThanOrEqual(REQUESTS);
      for (const count of counts.trim().split('\n')) expect(Number(count)).toBeGreaterThan(100);
      expect(await guest.sh('dmesg | grep -iE "oops|BUG:|WARNING:|stall" || true')).toBe('');
    } finally {
      await guest.close();
      qemu.machine.close();
    }
  }, 1_300_000);

  it('boots, tests queues and computes at the measured speed, which is printed', async () => {
    const figures = await measureFigures(image!, { boots: 1, instructions: 5_000, requests: 200 });
    expect(figures.tapq.bestUs).toBeGreaterThan(0);
    expect(figures.tapq.medianUs).toBeGreaterThanOrEqual(figures.tapq.bestUs);
    expect(figures.served.modulesMs).toBeGreaterThan(figures.served.initMs);
    expect([...figures.rsaPerSecond.keys()]).toEqual([1, 4]);
    console.info(formatFigures(figures));
  });
});
