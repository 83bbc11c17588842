// SPDX-License-Identifier: Apache-2.0
// The files that the default queue driver adds: online, load, master key patterns, operation modes.
// Source: docs/reference/vfio-ap.md section 3.4 (zcrypt_queue.c, zcrypt_cex4.c).
import { type Attribute, READ_ONLY, READ_WRITE } from './attribute.ts';
import type { ApBus } from './bus.ts';
import type { ApQueue } from './device.ts';
import type { Outcome } from './errno.ts';
import { scanInt } from './number-syntax.ts';
import type { Operation } from './operation.ts';
import { cardTypeText, onlineEvent } from './zcrypt-card-files.ts';

const CCA_KEYS = ['AES', 'APKA', 'ASYM'];
const CCA_STATES = ['NEW', 'CUR', 'OLD'];

/** Text of mkvps if the adapter gives no information. */
const NO_CCA_KEYS = CCA_KEYS.flatMap((key) => CCA_STATES.map((s) => `${key} ${s}: - -\n`)).join('');
const NO_EP11_KEYS = 'WK CUR: - -\nWK NEW: - -\n';

/** Whether a queue can be online: it and its card are configured and not checkstopped. 6.1 does not look at checkstops. */
function available({ switches }: ApBus, queue: ApQueue): boolean {
  if (!queue.config || !queue.card.config) return false;
  return !switches.onlineSeesCheckstop || (!queue.checkstop && !queue.card.checkstop);
}

function storeOnline(bus: ApBus, queue: ApQueue, text: string): Outcome {
  const parsed = scanInt(text, 10);
  if (!parsed.ok || parsed.value < 0 || parsed.value > 1) return 'EINVAL';
  const online = parsed.value === 1;
  if (online && !available(bus, queue)) return 'ENODEV';
  if (online && queue.card.zcrypt?.online === false) return 'EINVAL';
  if (queue.zcrypt === null) return 'ENODEV';
  queue.zcrypt.online = online;
  onlineEvent(bus, queue, online);
  if (!online) bus.queueStates.flush(queue);
  return 'ok';
}

const suffix = (queue: ApQueue): string => cardTypeText(queue.card).slice(-1);
const isOnline = (queue: ApQueue): boolean => queue.zcrypt?.online === true;

/** Text of mkvps. An EP11 queue that is offline is not asked. The last answer of a CCA card may be remembered. */
function* keysText(bus: ApBus, queue: ApQueue): Operation<string> {
  if (suffix(queue) === 'P') {
    const info = isOnline(queue) ? yield* bus.requests.ep11Domain(queue) : undefined;
    return info?.keys ?? NO_EP11_KEYS;
  }
  const info = yield* bus.requests.ccaInfo(queue.apid, queue.apqi, isOnline(queue));
  return info?.keys ?? NO_CCA_KEYS;
}

function* modesText(bus: ApBus, queue: ApQueue): Operation<string> {
  const info = isOnline(queue) ? yield* bus.requests.ep11Domain(queue) : undefined;
  return `${info?.modes ?? ''}\n`;
}

/** The files of section 3.4 that exist only under a default driver. */
export function zcryptQueueFiles(bus: ApBus): Attribute<ApQueue>[] {
  // The bits of the queue itself, not those of its card.
  const seen = (queue: ApQueue): boolean =>
    queue.config && !(bus.switches.onlineSeesCheckstop && queue.checkstop);
  return [
    {
      name: 'online',
      mode: READ_WRITE,
      show: (q) => (seen(q) && isOnline(q) ? '1\n' : '0\n'),
      store: (q, text) => storeOnline(bus, q, text),
    },
    { name: 'load', mode: READ_ONLY, show: (q) => `${q.zcrypt?.load ?? 0}\n` },
    {
      name: 'mkvps',
      mode: READ_ONLY,
      show: (q) => keysText(bus, q),
      when: (q) => suffix(q) !== 'A',
    },
    {
      name: 'op_modes',
      mode: READ_ONLY,
      show: (q) => modesText(bus, q),
      when: (q) => suffix(q) === 'P',
    },
  ];
}
