// SPDX-License-Identifier: Apache-2.0
// Files the default queue driver adds: online, load, master key patterns, operation modes.
// Source: docs/reference/vfio-ap.md section 3.4 (zcrypt_queue.c, zcrypt_cex4.c).
import { type Attribute, READ_ONLY, READ_WRITE } from './attribute.ts';
import type { ApBus } from './bus.ts';
import type { ApQueue } from './device.ts';
import type { Outcome } from './errno.ts';
import { scanInt } from './numbers.ts';
import { adapterTexts, cardTypeText, onlineEvent } from './zcrypt-card-files.ts';

const CCA_KEYS = ['AES', 'APKA', 'ASYM'];
const CCA_STATES = ['NEW', 'CUR', 'OLD'];

/** mkvps when the adapter gave no information. */
const NO_CCA_KEYS = CCA_KEYS.flatMap((key) => CCA_STATES.map((s) => `${key} ${s}: - -\n`)).join('');
const NO_EP11_KEYS = 'WK CUR: - -\nWK NEW: - -\n';

const available = (queue: ApQueue): boolean =>
  queue.config && !queue.checkstop && queue.card.config && !queue.card.checkstop;

function storeOnline(bus: ApBus, queue: ApQueue, text: string): Outcome {
  const parsed = scanInt(text, 10);
  if (!parsed.ok || parsed.value < 0 || parsed.value > 1) return 'EINVAL';
  const online = parsed.value === 1;
  if (online && !available(queue)) return 'ENODEV';
  if (online && queue.card.zcrypt?.online === false) return 'EINVAL';
  if (queue.zcrypt === null) return 'ENODEV';
  queue.zcrypt.online = online;
  onlineEvent(bus, queue, online);
  if (!online) bus.queueStates.flush(queue);
  return 'ok';
}

/** Rows of section 3.4 that exist only under a default driver. */
export function zcryptQueueFiles(bus: ApBus): Attribute<ApQueue>[] {
  const suffix = (queue: ApQueue): string => cardTypeText(queue.card).slice(-1);
  return [
    {
      name: 'online',
      mode: READ_WRITE,
      show: (q) => (available(q) && q.zcrypt?.online ? '1\n' : '0\n'),
      store: (q, text) => storeOnline(bus, q, text),
    },
    { name: 'load', mode: READ_ONLY, show: (q) => `${q.zcrypt?.load ?? 0}\n` },
    {
      name: 'mkvps',
      mode: READ_ONLY,
      show: (q) =>
        adapterTexts(bus).masterKeys?.(q.apqn) ?? (suffix(q) === 'P' ? NO_EP11_KEYS : NO_CCA_KEYS),
      when: (q) => suffix(q) !== 'A',
    },
    {
      name: 'op_modes',
      mode: READ_ONLY,
      show: (q) => `${(q.zcrypt?.online && adapterTexts(bus).ep11?.(q.apid)?.modes) || ''}\n`,
      when: (q) => suffix(q) === 'P',
    },
  ];
}
