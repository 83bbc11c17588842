// SPDX-License-Identifier: Apache-2.0
// The interruptions that a guest's queues have enabled, carried to the destination's queues as a future driver could do it.
// Source: docs/reference/migration.md section 9 item 6 (public code does nothing about them). Decision VD-70.
import { GISA_IPM } from '../../native-like/arch/sie.ts';
import { G_EXTERNAL, K_APQN } from '../../native-like/machine/layout.ts';
import { savedAqic } from '../vfio-ap/aqic-resources.ts';
import type { GuestPlace } from './guest-state.ts';

/**
 * What becomes of the interruptions that the guest's queues had enabled at the source. Nothing posted moves them (`lost`). What a future driver could
 * do: the destination's host enables them again with the guest's own notification bytes and sub-class (`redone`), and makes one pending
 * for each, so that the guest looks at its queues (`told`).
 */
export const MOVED_INTERRUPTIONS = ['lost', 'redone', 'told'] as const;
export type MovedInterruptions = (typeof MOVED_INTERRUPTIONS)[number];

export const isMovedInterruptions = (text: string): text is MovedInterruptions =>
  (MOVED_INTERRUPTIONS as readonly string[]).includes(text);

/** What the guest's AQIC has said of one queue. */
export interface Registration {
  readonly apqn: number;
  /** Interruption sub-class of the guest. */
  readonly isc: number;
  /** Guest absolute address of the notification byte. */
  readonly nib: number;
}

/** What vfio_ap has saved of the guest's AQICs, in the order of the queues. */
export const registrationsOf = ({ machine, guest }: GuestPlace): Registration[] => {
  const { image } = machine;
  const found: Registration[] = [];
  for (let n = 1; n < image.queues; n++) {
    const cold = image.cold(image.queueRecord(n));
    const saved = savedAqic(image, cold);
    if (saved?.guest !== guest.number) continue;
    found.push({ apqn: image.word(cold + K_APQN), isc: saved.isc, nib: saved.nib });
  }
  return found;
};

/** The host executes the guest's AQICs once more, through vfio_ap's hook. Returns those that were accepted. */
export const redoInterruptions = (
  { guest }: GuestPlace,
  registrations: readonly Registration[],
): Registration[] =>
  registrations.filter(({ apqn, isc, nib }) => {
    const { status } = guest.cpu().aqic(apqn, { enable: true, isc, nib });
    return status?.rc === 0;
  });

/** Notifies the guest once for each queue: stores the queue's byte, and makes its sub-class pending. */
export const tell = (
  { machine, guest }: GuestPlace,
  registrations: readonly Registration[],
): void => {
  const { image, loaded } = machine;
  const outside = image.word(image.guest(guest.number) + G_EXTERNAL) !== 0;
  for (const { apqn, isc, nib } of registrations) {
    if (outside) loaded.external?.notify(image.cold(image.queue(apqn)));
    else guest.write(nib, Uint8Array.of(1));
    Atomics.or(image.u8, image.gisa(guest.number) + GISA_IPM, 0x80 >> isc);
  }
};
