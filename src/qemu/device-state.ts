// SPDX-License-Identifier: Apache-2.0
// Sends the state of a guest's devices and CPUs out of a QEMU and into another, by QEMU's own migration, but without the storage, which
// both have as the same file.
// Source: QEMU's QMP reference (migrate, migrate-incoming, query-migrate, x-ignore-shared).
import { setTimeout as nap } from 'node:timers/promises';
import { ApemuError } from '../errors.ts';
import type { Qmp } from './qmp.ts';

/** Parameters of a migration that leaves out the RAM, because it is a shared file. */
const WITHOUT_RAM = {
  capabilities: [{ capability: 'x-ignore-shared', state: true }],
} as const;

/** Milliseconds between two questions to QEMU. */
const ASK_MS = 1;
/** Milliseconds. Sending takes 20 ms, and a QEMU that cannot migrate says so at once. */
const DEVICES_SENT_MS = 10_000;

/**
 * Sends the devices of a guest that stands still to `uri`.
 *
 * @throws ApemuError APEMU_ERR_QEMU_MOMENT if QEMU cannot do it
 */
export async function sendDevices(qmp: Qmp, uri: string): Promise<void> {
  await qmp.execute('migrate-set-capabilities', WITHOUT_RAM);
  await qmp.execute('migrate', { uri });
  const end = performance.now() + DEVICES_SENT_MS;
  for (;;) {
    const { status } = await qmp.execute('query-migrate');
    if (status === 'completed') return;
    if (status === 'failed' || status === 'cancelled' || performance.now() > end)
      throw new ApemuError(
        'APEMU_ERR_QEMU_MOMENT',
        `QEMU cannot save the guest's devices: its migration is ${status ?? 'not begun'}`,
      );
    await nap(ASK_MS);
  }
}

/** Has a QEMU that was started for this purpose take devices from `uri`. They may come later. */
export async function expectDevices(qmp: Qmp, uri: string): Promise<void> {
  await qmp.execute('migrate-set-capabilities', WITHOUT_RAM);
  await qmp.execute('migrate-incoming', { uri });
}

/** Waits until all that was expected has arrived. The guest then stands still. */
export async function devicesArrived(qmp: Qmp): Promise<void> {
  while ((await qmp.execute('query-status')).status === 'inmigrate') await nap(ASK_MS);
}
