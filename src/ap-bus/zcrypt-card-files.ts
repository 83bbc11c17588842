// SPDX-License-Identifier: Apache-2.0
// The files that the default card driver adds: online, type, load, serial number, EP11 properties.
// Source: docs/reference/vfio-ap.md section 3.3 (zcrypt_card.c, zcrypt_cex4.c).
import { GR2_A, GR2_D, GR2_X } from '../../native-like/arch/registers.ts';
import { type Attribute, READ_ONLY, READ_WRITE } from './attribute.ts';
import type { ApBus } from './bus.ts';
import { queuesOf } from './card-files.ts';
import type { ApCard, ApQueue } from './device.ts';
import type { Outcome } from './errno.ts';
import { scanInt } from './number-syntax.ts';
import type { Operation } from './operation.ts';
import { deviceUevent } from './uevents.ts';
import type { Ep11CardInfo } from './zcrypt-requests.ts';

/** Type text, by the type number as which a card is driven. */
const TYPE_NAMES: Readonly<Record<number, string>> = {
  6: 'CEX2A',
  7: 'CEX2C',
  8: 'CEX3A',
  9: 'CEX3C',
  10: 'CEX4',
  11: 'CEX5',
  12: 'CEX6',
  13: 'CEX7',
  14: 'CEX8',
};

/** zcrypt's type text: the generation, and A, C or P. Accelerator mode is looked at first. */
export function cardTypeText(card: ApCard): string {
  const base = TYPE_NAMES[card.type] ?? 'unknown';
  if (base.length > 4) return base;
  if ((card.info.functions & GR2_A) !== 0) return `${base}A`;
  if ((card.info.functions & GR2_D) !== 0) return `${base}C`;
  return `${base}P`;
}

const has = (card: ApCard, mode: number): boolean => (card.info.functions & mode) !== 0;
const isCca = (card: ApCard): boolean => has(card, GR2_D) && !has(card, GR2_A);
const isEp11 = (card: ApCard): boolean =>
  has(card, GR2_X) && !has(card, GR2_A) && !has(card, GR2_D);

/** Reports ONLINE=0 or ONLINE=1 of a card or queue. */
export function onlineEvent(bus: ApBus, device: ApCard | ApQueue, online: boolean): void {
  deviceUevent(bus, device, 'change', [['ONLINE', online ? '1' : '0']]);
}

function storeOnline(bus: ApBus, card: ApCard, text: string): Outcome {
  const parsed = scanInt(text, 10);
  if (!parsed.ok || parsed.value < 0 || parsed.value > 1) return 'EINVAL';
  const online = parsed.value === 1;
  const stopped = bus.switches.onlineSeesCheckstop && card.checkstop;
  if (online && (!card.config || stopped)) return 'ENODEV';
  if (card.zcrypt === null) return 'ENODEV';
  card.zcrypt.online = online;
  onlineEvent(bus, card, online);
  for (const queue of queuesOf(bus, card)) {
    if (queue.zcrypt === null || queue.zcrypt.online === online) continue;
    queue.zcrypt.online = online;
    if (!online) bus.queueStates.flush(queue);
    onlineEvent(bus, queue, online);
  }
  return 'ok';
}

/** A text from the answer of an EP11 card; empty if there is no answer. */
function* ep11Text(
  bus: ApBus,
  card: ApCard,
  text: (info: Ep11CardInfo) => string,
): Operation<string> {
  const info = yield* bus.requests.ep11Card(card.id, card.zcrypt?.online === true);
  return `${info === undefined ? '' : text(info)}\n`;
}

/** The serial number: up to 8 characters of a CCA card, 16 of an EP11 card. */
function* serialText(bus: ApBus, card: ApCard): Operation<string> {
  if (isEp11(card)) return yield* ep11Text(bus, card, (info) => info.serial.slice(0, 16));
  const info = yield* bus.requests.ccaInfo(card.id, undefined, card.zcrypt?.online === true);
  return `${info?.serial ?? ''}\n`;
}

/** The files of section 3.3 that exist only under the default driver. */
export function zcryptCardFiles(bus: ApBus): Attribute<ApCard>[] {
  const seen = (card: ApCard): boolean =>
    card.config && !(bus.switches.onlineSeesCheckstop && card.checkstop);
  return [
    {
      name: 'online',
      mode: READ_WRITE,
      show: (c) => (seen(c) && c.zcrypt?.online ? '1\n' : '0\n'),
      store: (c, text) => storeOnline(bus, c, text),
    },
    { name: 'type', mode: READ_ONLY, show: (c) => `${cardTypeText(c)}\n` },
    { name: 'load', mode: READ_ONLY, show: (c) => `${c.zcrypt?.load ?? 0}\n` },
    {
      name: 'serialnr',
      mode: READ_ONLY,
      show: (c) => serialText(bus, c),
      when: (c) => isCca(c) || isEp11(c),
    },
    {
      name: 'API_ordinalnr',
      mode: READ_ONLY,
      show: (c) => ep11Text(bus, c, (info) => String(info.api)),
      when: isEp11,
    },
    {
      name: 'FW_version',
      mode: READ_ONLY,
      show: (c) => ep11Text(bus, c, (info) => info.firmware),
      when: isEp11,
    },
    {
      name: 'op_modes',
      mode: READ_ONLY,
      show: (c) => ep11Text(bus, c, (info) => info.modes),
      when: isEp11,
    },
  ];
}
