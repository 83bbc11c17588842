// SPDX-License-Identifier: Apache-2.0
// Which thread serves a queue, and which queues several threads use at a time. These words of the image follow the guests' masks.
// Source: docs/design.md section 4; docs/reference/performance.md section 5.
import {
  ATTENTION_POOL,
  ATTENTION_SHARED,
  DEVICE_VIRTUAL,
  K_APQN,
  K_OWNER,
  Q_ATTENTION,
  Q_DEVICE,
} from '../../native-like/machine/layout.ts';
import { reaches } from '../host/machine/host-wiring.ts';
import type { Machine } from '../host/machine/machine.ts';

/** Writes these words for every queue. The vCPUs concerned must be out of interpretive execution. */
export const writeOwners = ({ image, guests }: Pick<Machine, 'image' | 'guests'>): void => {
  for (let n = 1; n < image.queues; n++) {
    const q = image.queueRecord(n);
    // A virtual queue always belongs to its guest.
    if (image.word(q + Q_DEVICE) === DEVICE_VIRTUAL) continue;
    const cold = image.cold(q);
    const apqn = image.word(cold + K_APQN);
    const owner = guests.find((guest) => reaches(image, guest.number, apqn));
    image.i32[cold + K_OWNER] = owner?.number ?? 0;
    const attention = image.word(q + Q_ATTENTION);
    const isShared = owner?.config.spread === true || (attention & ATTENTION_POOL) !== 0;
    // The attention word of a queue is written only if it changes: a guest that goes on meanwhile may be changing another bit of it.
    if (isShared !== ((attention & ATTENTION_SHARED) !== 0))
      image.i32[q + Q_ATTENTION] = attention ^ ATTENTION_SHARED;
  }
};
