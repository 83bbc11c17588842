// SPDX-License-Identifier: Apache-2.0
// Files the default card driver adds: online, type, load, serial number, EP11 properties.
// Source: docs/reference/vfio-ap.md section 3.3 (zcrypt_card.c, zcrypt_cex4.c).
import { type Attribute, READ_ONLY, READ_WRITE } from './attribute.ts';
import type { ApBus } from './bus.ts';
import { queuesOf } from './card-files.ts';
import type { ApCard, ApQueue } from './device.ts';
import type { Outcome } from './errno.ts';
import { scanInt } from './numbers.ts';

const MODE_CCA = 0x10000000;
const MODE_ACCELERATOR = 0x08000000;
const MODE_EP11 = 0x04000000;

/** Type text by the type number a card is driven as. */
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

/** zcrypt's type string: generation and A, C or P; accelerator mode is looked at first. */
export function cardTypeText(card: ApCard): string {
  const base = TYPE_NAMES[card.type] ?? 'unknown';
  if (base.length > 4) return base;
  if ((card.info.functions & MODE_ACCELERATOR) !== 0) return `${base}A`;
  if ((card.info.functions & MODE_CCA) !== 0) return `${base}C`;
  return `${base}P`;
}

const has = (card: ApCard, mode: number): boolean => (card.info.functions & mode) !== 0;
const isCca = (card: ApCard): boolean => has(card, MODE_CCA) && !has(card, MODE_ACCELERATOR);
const isEp11 = (card: ApCard): boolean =>
  has(card, MODE_EP11) && !has(card, MODE_ACCELERATOR) && !has(card, MODE_CCA);

/** ONLINE=0|1 of a card or queue. */
export function onlineEvent(bus: ApBus, device: ApCard | ApQueue, online: boolean): void {
  bus.journal.uevent('ap', 'change', device.path, [['ONLINE', online ? '1' : '0']]);
}

function storeOnline(bus: ApBus, card: ApCard, text: string): Outcome {
  const parsed = scanInt(text, 10);
  if (!parsed.ok || parsed.value < 0 || parsed.value > 1) return 'EINVAL';
  const online = parsed.value === 1;
  if (online && (!card.config || card.checkstop)) return 'ENODEV';
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

/** What a request to the adapter would tell; filled in by the message library where there is one. */
export interface AdapterTexts {
  /** CCA and EP11 serial number, up to 16 characters. */
  serial?: (apid: number) => string;
  /** EP11: API ordinal, firmware version, operation modes; undefined while the card cannot be asked. */
  ep11?: (apid: number) => { api: number; firmware: string; modes: string } | undefined;
  /** Master key states of a queue: the lines of mkvps. */
  masterKeys?: (apqn: number) => string | undefined;
}

const texts = new WeakMap<ApBus, AdapterTexts>();

/** Gives the bus a source for what only the adapters know. */
export function setAdapterTexts(bus: ApBus, source: AdapterTexts): void {
  texts.set(bus, source);
}

export const adapterTexts = (bus: ApBus): AdapterTexts => texts.get(bus) ?? {};

/** Rows of section 3.3 that exist only under the default driver. */
export function zcryptCardFiles(bus: ApBus): Attribute<ApCard>[] {
  const ep11 = (card: ApCard) => adapterTexts(bus).ep11?.(card.id);
  return [
    {
      name: 'online',
      mode: READ_WRITE,
      show: (c) => (c.config && !c.checkstop && c.zcrypt?.online ? '1\n' : '0\n'),
      store: (c, text) => storeOnline(bus, c, text),
    },
    { name: 'type', mode: READ_ONLY, show: (c) => `${cardTypeText(c)}\n` },
    { name: 'load', mode: READ_ONLY, show: (c) => `${c.zcrypt?.load ?? 0}\n` },
    {
      name: 'serialnr',
      mode: READ_ONLY,
      show: (c) => `${(adapterTexts(bus).serial?.(c.id) ?? '').slice(0, 16)}\n`,
      when: (c) => isCca(c) || isEp11(c),
    },
    {
      name: 'API_ordinalnr',
      mode: READ_ONLY,
      show: (c) => `${ep11(c)?.api ?? ''}\n`,
      when: isEp11,
    },
    {
      name: 'FW_version',
      mode: READ_ONLY,
      show: (c) => `${ep11(c)?.firmware ?? ''}\n`,
      when: isEp11,
    },
    { name: 'op_modes', mode: READ_ONLY, show: (c) => `${ep11(c)?.modes ?? ''}\n`, when: isEp11 },
  ];
}
