// SPDX-License-Identifier: Apache-2.0
// Stock kernels whose queues are virtual: they see their own numbers only, compute rightly on shared accelerators, and live on when one of
// these dies. Source: docs/reference/vfio-ap.md section 8.3.
import { describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { createQemuMachine } from '../../src/qemu/guest-machine.ts';
import { bootLinux, type TestGuest } from './support/guest.ts';
import { imageOrReason } from './support/requirements.ts';

const image = await imageOrReason('6.12');
const REQUESTS = 2000;
const PROCESSES = 4;
const PATIENCE_MS = 300_000;
const mdev = { type: 'virtual', adapters: { 0: [6, 7] }, domains: { 1: [4] } };
const CONFIG = configFromObject({
  apemu: 1,
  machine: {
    profile: 'z16',
    adapters: {
      6: { type: 'CEX8', mode: 'accelerator' },
      7: { type: 'CEX8', mode: 'accelerator' },
    },
    usageDomains: [4],
  },
  guests: { Web: { mdev }, Mail: { mdev } },
}).config;

const rightResults = (output: string): number =>
  [...output.matchAll(/right=(\d+) wrong=0 $/gm)].reduce((sum, match) => sum + Number(match[1]), 0);
const requestCount = async (guest: TestGuest): Promise<number> =>
  Number(await guest.sh('cat /sys/bus/ap/devices/00.0001/request_count'));

describe.skipIf(image === undefined)('two stock kernels that share two accelerators', () => {
  it('see virtual numbers, and get every result right though one real card dies under way', async () => {
    const { machine, service } = await createQemuMachine(CONFIG, ['Web', 'Mail']);
    const web = await bootLinux(service('Web'), image!);
    const mail = await bootLinux(service('Mail'), image!, { poller: web.poller });
    try {
      const table = await web.sh('lszcrypt');
      expect(table).toContain('00.0001');
      expect(table).not.toMatch(/0[67]/);
      const each = REQUESTS / PROCESSES;
      const running = web.sh(`rsa-test ${each} ${PROCESSES} mex-1024`, PATIENCE_MS);
      await mail.sh('rsa-test 200 1 mex-1024', PATIENCE_MS);
      machine.partition.checkstop(7);
      expect(rightResults(await running)).toBe(REQUESTS);
      expect(rightResults(await mail.sh('rsa-test 100 1 mex-1024', PATIENCE_MS))).toBe(100);
      expect(await requestCount(web)).toBeGreaterThanOrEqual(REQUESTS);
      expect(await requestCount(mail)).toBeGreaterThanOrEqual(300);
    } finally {
      await mail.close();
      await web.close();
      machine.close();
    }
  });
});
