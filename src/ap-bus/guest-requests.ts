// SPDX-License-Identifier: Apache-2.0
// Requests of guests that the host passes on to its queues: counted with the host's own in the files of queues and cards.
// Source: docs/reference/vfio-ap.md sections 3.3, 3.4 (request_count, pendingq_count) and 8.3 (V-07).

import { type Apqn, apqnOf } from './apqn.ts';
import type { ApBus } from './bus.ts';
import type { ApCard, ApQueue } from './device.ts';

export interface GuestRequestCounts {
  /** Sent since the queue is there. */
  readonly sent: number;
  /** Not answered yet. */
  readonly pending: number;
}

/** Undefined for a queue that no guest reaches through the host. */
export type GuestRequests = (apqn: Apqn) => GuestRequestCounts | undefined;

/** Of all queues of a card. */
export function guestRequestsOf(bus: ApBus, card: ApCard): GuestRequestCounts {
  let [sent, pending] = [0, 0];
  for (let apqi = 0; apqi <= bus.maxDomainId; apqi++) {
    const apqn = apqnOf(card.id, apqi);
    const counts = bus.queues[apqn] === undefined ? undefined : bus.requests.ofGuests(apqn);
    sent += counts?.sent ?? 0;
    pending += counts?.pending ?? 0;
  }
  return { sent, pending };
}

/** Counts from here on: what has been is taken away from what guests sent. */
export function zeroQueueRequests(bus: ApBus, queue: ApQueue): void {
  queue.totalRequests = -(bus.requests.ofGuests(queue.apqn)?.sent ?? 0);
}
