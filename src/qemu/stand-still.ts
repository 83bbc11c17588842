// SPDX-License-Identifier: Apache-2.0
// Stops a guest at a moment at which nothing is on its way to its CPUs, because QEMU's migration of an emulated s390x loses what is
// pending in a CPU (interruptions, restarts, signals of other CPUs).
// Source: QEMU target/s390x/machine.c: pending_int and what belongs to it are no fields of vmstate_s390_cpu.

import { setTimeout as nap } from 'node:timers/promises';
import { ApemuError } from '../errors.ts';
import type { Attachment } from './attach.ts';
import { allEnabled } from './cpu-registers.ts';
import type { InterruptionDelivery } from './interruptions.ts';
import type { GuestPause } from './pause.ts';
import type { Monitor } from './qmp.ts';

/** The parts of a guest that have to be stopped. */
export interface Standing extends Pick<Attachment, 'state' | 'reporting'> {
  readonly interruptions: Pick<InterruptionDelivery, 'hold' | 'release' | 'underWay'>;
  readonly pause: GuestPause;
}

/**
 * Number of attempts, and the milliseconds for which a guest runs between two of them. A busy guest is disabled for microseconds at a
 * time.
 */
const ATTEMPTS = 1000;
const BETWEEN_MS = 1;

/**
 * Stops a served guest at a moment when every CPU is enabled for interruptions. Then none is pending, and no CPU waits for the answer to
 * an AP instruction, since the hook runs disabled. Interruptions of ours are not delivered until `attachment.interruptions.release()`.
 *
 * @throws ApemuError APEMU_ERR_QEMU_MOMENT if there is no such moment; the guest then runs
 */
export async function standStill(guest: Standing, qmp: Monitor): Promise<void> {
  const { interruptions, pause } = guest;
  if (guest.state !== 'attached') throw noMoment('its kernel is not up yet');
  interruptions.hold();
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const quiet = !interruptions.underWay && !guest.reporting;
    if (quiet && (await pause.alone(() => stopEnabled(qmp)))) return;
    await nap(BETWEEN_MS);
  }
  interruptions.release();
  throw noMoment('it is never enabled for interruptions');
}

async function stopEnabled(qmp: Monitor): Promise<boolean> {
  await qmp.execute('stop');
  const enabled = await allEnabled(qmp);
  if (!enabled) await qmp.execute('cont');
  return enabled;
}

const noMoment = (why: string): ApemuError =>
  new ApemuError('APEMU_ERR_QEMU_MOMENT', `the guest cannot be stopped to be moved: ${why}`);
