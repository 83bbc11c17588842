// SPDX-License-Identifier: Apache-2.0
// PQAP(AQIC) as the host partition executes it, and the notification of a reply.
// Source: ap-architecture.md 1.6, 6.7, 6.8, AD-17, AD-21, AD-22, AD-32, AD-33.

import type { Outcome } from '../vectors/under-test.ts';
import { bitOf, fieldOf } from './bits.ts';
import type { Instruction } from './instruction.ts';
import type { Model } from './model.ts';
import type { ModelQueue, Notification } from './state.ts';
import { accept, refuse } from './status.ts';

const GISA_BYTES = [16, 32];
const GISA_IPM = 4;

export function aqic(i: Instruction): Outcome {
  const queue = i.queue!;
  const enable = bitOf(i.gr1, 16);
  if (queue.aqicPending && !i.defect('aqic-pending-not-seen')) return refuse(i, 0x05);
  const enabled = queue.notification !== undefined;
  if (enable && i.gr2 === 0n && i.defect('aqic-06-before-07')) return refuse(i, 0x06);
  if (enable === enabled && !i.defect('aqic-07')) return refuse(i, 0x07);
  let notification: Notification | undefined;
  if (enable) {
    const nib = i.address(i.gr2);
    const nibBad = (nib === 0n && !i.defect('nib-0-allowed')) || !i.inStorage(nib, 1);
    if (nibBad) return i.defect('nib-outside-allowed') ? accept(i) : refuse(i, 0x06);
    const format = fieldOf(i.gr1, 30, 31);
    const gisa = fieldOf(i.gr1, 33, 59) * 16;
    const gisc = fieldOf(i.gr1, 21, 23);
    if (gisaBad(i, format, gisa, gisc)) return refuse(i, 0x08);
    notification = { nib: Number(nib), isc: fieldOf(i.gr1, 61, 63), gisc, gisa };
  }
  queue.aqicPending = true;
  const done = accept(i);
  const delay = i.defect('aqic-at-once') ? 0 : i.model.machine.timing.aqicNs;
  i.model.events.after(delay, 'aqic', queue, () =>
    changeNotification(i.model, queue, notification),
  );
  return done;
}

/** AD-32. */
function gisaBad(i: Instruction, format: number, gisa: number, gisc: number): boolean {
  if (i.defect('gisa-not-checked')) return false;
  if (format > 1) return true;
  if (gisa === 0) return gisc !== 0;
  return !i.inStorage(BigInt(gisa), GISA_BYTES[format]);
}

/** The interruption enablement changes; a reply that waits already is notified at once (AD-21b). */
export function changeNotification(
  model: Model,
  queue: ModelQueue,
  to: Notification | undefined,
): void {
  queue.aqicPending = false;
  queue.notification = to;
  if (queue.replies.length > 0 && !model.defect('no-late-notification')) notify(model, queue);
}

/** NIB, then the IPM bit of the GISA, or a host adapter interruption if there is no GISA. */
export function notify(model: Model, queue: ModelQueue): void {
  const n = queue.notification;
  if (n === undefined || model.defect('no-notification')) return;
  const storage = model.storage(0);
  if (!model.defect('nib-not-stored')) storage[n.nib] = 0x01;
  if (n.gisa === 0) {
    model.pendingHostIscs.add(n.isc);
  } else {
    const at = n.gisa + GISA_IPM;
    storage[at] = storage[at] | (0x80 >> n.gisc);
  }
}
