// SPDX-License-Identifier: Apache-2.0
// The files of every card device, whichever driver it has.
// Source: docs/reference/vfio-ap.md section 3.3 (ap_card.c; drivers/s390/char/sclp_ap.c).
import { messageLimit } from '../../native-like/arch/limits.ts';
import { apqnOf } from './apqn.ts';
import { type Attribute, READ_ONLY, READ_WRITE } from './attribute.ts';
import type { ApBus } from './bus.ts';
import type { ApCard, ApQueue } from './device.ts';
import type { Outcome } from './errno.ts';
import { guestRequestsOf, zeroQueueRequests } from './guest-requests.ts';
import { scanInt } from './number-syntax.ts';
import { setCardConfig, withOwnCommand } from './scan.ts';
import { deviceKeys, keysText, storeDeviceUevent } from './uevents.ts';

/** The facility word as text, `0x%08X`. */
export const functionsText = (functions: number): string =>
  `0x${functions.toString(16).toUpperCase().padStart(8, '0')}`;

/** The queues of a card that exist, in the order of their domains. */
export function* queuesOf(bus: ApBus, card: ApCard): Iterable<ApQueue> {
  for (let apqi = 0; apqi <= bus.maxDomainId; apqi++) {
    const queue = bus.queues[apqnOf(card.id, apqi)];
    if (queue !== undefined) yield queue;
  }
}

function sumOverQueues(bus: ApBus, card: ApCard, of: (queue: ApQueue) => number): number {
  let sum = 0;
  for (const queue of queuesOf(bus, card)) if (queue.driver !== null) sum += of(queue);
  return sum;
}

function zeroRequests(bus: ApBus, card: ApCard): Outcome {
  for (const queue of queuesOf(bus, card)) if (queue.driver !== null) zeroQueueRequests(bus, queue);
  card.totalRequests = -guestRequestsOf(bus, card).sent;
  return 'ok';
}

function storeConfig(bus: ApBus, card: ApCard, text: string): Outcome {
  const parsed = scanInt(text, 10);
  if (!parsed.ok || parsed.value < 0 || parsed.value > 1) return 'EINVAL';
  const on = parsed.value === 1;
  return withOwnCommand(bus, () => {
    const outcome = on ? bus.partition.configure(card.id) : bus.partition.deconfigure(card.id);
    if (outcome === 'ok') setCardConfig(bus, card, on);
    return outcome;
  });
}

/** The files of section 3.3 that the bus itself makes. */
export function cardFiles(bus: ApBus): Attribute<ApCard>[] {
  const upper = (n: number): string => n.toString(16).toUpperCase().padStart(2, '0');
  return [
    { name: 'hwtype', mode: READ_ONLY, show: (c) => `${c.type}\n` },
    { name: 'raw_hwtype', mode: READ_ONLY, show: (c) => `${c.info.type}\n` },
    {
      name: 'depth',
      mode: READ_ONLY,
      show: (c) => `${c.info.qd + (bus.switches.depthCountsMessages ? 1 : 0)}\n`,
    },
    { name: 'ap_functions', mode: READ_ONLY, show: (c) => `${functionsText(c.info.functions)}\n` },
    {
      name: 'request_count',
      mode: READ_WRITE,
      show: (c) => `${Math.max(0, c.totalRequests + guestRequestsOf(bus, c).sent)}\n`,
      store: (c) => zeroRequests(bus, c),
    },
    {
      name: 'requestq_count',
      mode: READ_ONLY,
      show: (c) => `${sumOverQueues(bus, c, (q) => q.requestCount)}\n`,
    },
    {
      name: 'pendingq_count',
      mode: READ_ONLY,
      show: (c) =>
        `${sumOverQueues(bus, c, (q) => q.pendingCount) + guestRequestsOf(bus, c).pending}\n`,
    },
    { name: 'modalias', mode: READ_ONLY, show: (c) => `ap:t${upper(c.type)}\n` },
    {
      name: 'config',
      mode: READ_WRITE,
      show: (c) => (c.config ? '1\n' : '0\n'),
      store: (c, text) => storeConfig(bus, c, text),
    },
    { name: 'chkstop', mode: READ_ONLY, show: (c) => (c.checkstop ? '1\n' : '0\n') },
    {
      name: 'max_msg_size',
      mode: READ_ONLY,
      show: (c) => `${messageLimit(c.info.ml)}\n`,
    },
    {
      name: 'uevent',
      mode: READ_WRITE,
      show: (c) => keysText(deviceKeys(c)),
      store: (c, text) => storeDeviceUevent(bus, c, text),
    },
  ];
}
