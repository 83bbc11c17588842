// SPDX-License-Identifier: Apache-2.0
// Stock kernels whose queues are virtual: they see their own numbers only, compute rightly on shared accelerators, and live on when one of
// these dies. Source: docs/reference/vfio-ap.md section 8.3.
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { configFromObject, loadConfigFile } from '../../src/config/load.ts';
import type { Machine } from '../../src/host/machine/machine.ts';
import { formatDemo, runDemo } from '../../src/qemu/demo.ts';
import { createQemuMachine } from '../../src/qemu/guest-machine.ts';
import { bootLinux, type TestGuest } from './support/guest.ts';
import { imageOrReason } from './support/requirements.ts';

const image = await imageOrReason('6.12');
/** A quarter of a minute on a quiet computer. */
const REQUESTS = Number(process.env['APEMU_LINUX_REQUESTS'] ?? 10_000);
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

/** What the host counts on both cards. */
const sentTo = (machine: Machine): number =>
  [6, 7]
    .map((apid) => machine.sysfs.read(`/sys/bus/ap/devices/card0${apid}/request_count`))
    .reduce((sum, read) => sum + (read.ok ? Number(read.text) : 0), 0);

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
      // In the middle: half of them have come to the cards, as the host's request_count of both shows.
      await mail.sh('rsa-test 200 1 mex-1024', PATIENCE_MS);
      while (sentTo(machine) < REQUESTS / 2) await setTimeout(20);
      machine.partition.checkstop(7);
      expect(sentTo(machine)).toBeLessThan(REQUESTS);
      expect(rightResults(await running)).toBe(REQUESTS);
      expect(rightResults(await mail.sh('rsa-test 100 1 mex-1024', PATIENCE_MS))).toBe(100);
      expect(await requestCount(web)).toBeGreaterThanOrEqual(REQUESTS);
      expect(await requestCount(mail)).toBeGreaterThanOrEqual(300);
      expect(sentTo(machine)).toBeGreaterThanOrEqual(REQUESTS + 300);
    } finally {
      await mail.close();
      await web.close();
      machine.close();
    }
  });
});

/** Requests of a line of lszcrypt -V. */
const requestsOf = (table: string, device: string): number => {
  const line = table.split('\n').find((one) => one.startsWith(`${device} `)) ?? '';
  return Number(/(?:online|in use) +(\d+)/.exec(line)?.[1]);
};

describe.skipIf(image === undefined)('two stock guests that share one accelerator', () => {
  it('count their own requests, and the host counts the sum', async () => {
    const { config } = loadConfigFile('examples/two-guests-share.yaml');
    const outputs = await runDemo(config, image!);
    const table = (name: string): string => outputs.get(name) ?? '';
    expect(table('Web')).toContain('right=100 wrong=0');
    expect(table('Mail')).toContain('right=200 wrong=0');
    const web = requestsOf(table('Web'), '00.0001');
    const mail = requestsOf(table('Mail'), '09.0002');
    expect(web).toBeGreaterThanOrEqual(100);
    expect(mail).toBeGreaterThanOrEqual(200);
    expect(requestsOf(table('host'), '06.0004')).toBe(web + mail);
    expect(table('Web') + table('Mail')).not.toMatch(/^06/m);
    expect(formatDemo(outputs)).toMatch(/^host: lszcrypt -V\nCARD/m);
  });
});
