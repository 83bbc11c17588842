// SPDX-License-Identifier: Apache-2.0
// Requests of guests that the host passes on to its queues. The files of queues and cards count them together with the host's own.
// Source: docs/reference/vfio-ap.md sections 3.3, 3.4 (request_count, pendingq_count) and 8.3 (V-07).

import { type Apqn, apqnOf } from './apqn.ts';
import type { ApBus } from './bus.ts';
import type { ApCard, ApQueue } from './device.ts';

export interface GuestRequestCounts {
  /** Number of requests sent since the queue exists. */
  readonly sent: number;
  /** Number of requests not answered yet. */
  readonly pending: number;
}

/** The counts of a queue; undefined if no guest reaches it through the host. */
export type GuestRequests = (apqn: Apqn) => GuestRequestCounts | undefined;

/** The sum of the counts of all queues of a card. */
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

/** Makes the request count start at 0 again: what guests have sent until now is subtracted from it. */
export function zeroQueueRequests(bus: ApBus, queue: ApQueue): void {
  queue.totalRequests = -(bus.requests.ofGuests(queue.apqn)?.sent ?? 0);
}
