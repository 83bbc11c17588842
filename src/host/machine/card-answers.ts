// SPDX-License-Identifier: Apache-2.0
// What the host's zcrypt drivers show of a card by asking it: serial number, EP11 properties, master key patterns. Each text is
// made from the replies to the queries the kernel sends.
// Source: docs/reference/messages.md 1.2 (which queries, text forms), 2.11, 4.1 (layouts); drivers/s390/crypto/zcrypt_cex4.c.
import { messageLimit } from '../../../native-like/arch/limits.ts';
import type { CardAnswers } from '../../ap-bus/zcrypt-requests.ts';
import { DRAFT_BYTES, processRequest } from '../../cex/adapter.ts';
import { buildQuery } from '../../cex/messages/build.ts';
import { u32 } from '../../cex/messages/bytes.ts';
import {
  EP11_DOMAIN_FLAGS,
  EP11_DOMAIN_INFO,
  EP11_MODULE_INFO,
  EP11_QUERY_DOMAIN,
  EP11_QUERY_MODULE,
} from '../../cex/messages/ep11.ts';
import { parseReply, type Reply } from '../../cex/messages/parse.ts';
import type { Card } from '../context/card-models.ts';
import { makeKey, WRAPPING_PATTERN } from './secure-keys.ts';

/** One line of `mkvps` of a CCA card: the rule element with its state, and offset and length of its pattern in the var data. */
interface KeyLine {
  readonly label: string;
  readonly keyword: 'STATICSA' | 'STATICSB';
  readonly rule: number;
  readonly offset: number;
  readonly bytes: number;
}

/** The lines in the order in which the kernel prints them. Source: messages.md 4.1. */
const KEY_LINES: readonly KeyLine[] = [
  { label: 'AES NEW', keyword: 'STATICSA', rule: 7, offset: 196, bytes: 8 },
  { label: 'AES CUR', keyword: 'STATICSA', rule: 8, offset: 184, bytes: 8 },
  { label: 'AES OLD', keyword: 'STATICSA', rule: 9, offset: 172, bytes: 8 },
  { label: 'APKA NEW', keyword: 'STATICSB', rule: 10, offset: 232, bytes: 8 },
  { label: 'APKA CUR', keyword: 'STATICSB', rule: 11, offset: 220, bytes: 8 },
  { label: 'APKA OLD', keyword: 'STATICSB', rule: 12, offset: 208, bytes: 8 },
  { label: 'ASYM NEW', keyword: 'STATICSA', rule: 4, offset: 104, bytes: 16 },
  { label: 'ASYM CUR', keyword: 'STATICSA', rule: 5, offset: 84, bytes: 16 },
  { label: 'ASYM OLD', keyword: 'STATICSA', rule: 6, offset: 64, bytes: 16 },
];

/** Words for the states '1', '2' and '3' of a new key register. */
const NEW_STATES: readonly string[] = ['empty', 'partial', 'full'];
const OTHER_STATES: readonly string[] = ['invalid', 'valid'];

/** Words for the bits of op_mode, lowest bit first, as Linux 6.12 knows them. Source: messages.md 1.2. */
const OPERATING_MODES: readonly string[] = [
  'FIPS2009',
  'BSI2009',
  'FIPS2011',
  'BSI2011',
  'SIGG-IMPORT',
  'SIGG',
  'BSICC2017',
  'FIPS2021',
  'FIPS2024',
];

/** Text of `mkvps` for a domain in imprint mode. */
const NO_KEYS = 'WK CUR: invalid -\nWK NEW: empty -\n';

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A card's answer to a query of the host. */
const ask = (card: Card, apqi: number, request: Uint8Array): Reply => {
  const room = new Uint8Array(DRAFT_BYTES);
  const length = processRequest(card, request, room, {
    apid: card.apid,
    apqi,
    usage: () => true,
    control: () => true,
    random: (target) => target.fill(0),
    special: false,
    maxReplyBytes: messageLimit(card.ml ?? 0),
  });
  return parseReply(room.subarray(0, length));
};

const ccaInfo = (card: Card, apqi: number, keyword: KeyLine['keyword']) => {
  const reply = ask(card, apqi, buildQuery({ mode: 'cca', keyword, domain: apqi }));
  return reply.kind === 'cca' && reply.rc === 0 ? reply : undefined;
};

const ep11Info = (card: Card, apqi: number, query: number): Uint8Array | undefined => {
  const reply = ask(card, apqi, buildQuery({ mode: 'ep11', query, domain: apqi }));
  return reply.kind === 'ep11' && reply.rv === 0 ? reply.body[0] : undefined;
};

const ccaKeys = (card: Card, apqi: number): string | undefined => {
  const infos = {
    STATICSA: ccaInfo(card, apqi, 'STATICSA'),
    STATICSB: ccaInfo(card, apqi, 'STATICSB'),
  };
  const { STATICSA, STATICSB } = infos;
  if (STATICSA === undefined || STATICSB === undefined) return undefined;
  return KEY_LINES.map(({ label, keyword, rule, offset, bytes }) => {
    const info = keyword === 'STATICSA' ? STATICSA : STATICSB;
    const isNew = label.endsWith('NEW');
    const state = Number(info.rules[rule]?.[0]);
    const word = (isNew ? NEW_STATES : OTHER_STATES)[state - 1];
    if (word === undefined) return `${label}: - -\n`;
    // The kernel copies a pattern only from a register that is full (new) or valid (current, old).
    const known = state === (isNew ? 3 : 2);
    const pattern = known ? info.vud.subarray(offset, offset + bytes) : new Uint8Array(bytes);
    return `${label}: ${word} 0x${hexOf(pattern)}\n`;
  }).join('');
};

const ep11Keys = (card: Card, apqi: number): string | undefined => {
  const info = ep11Info(card, apqi, EP11_QUERY_DOMAIN);
  if (info === undefined) return undefined;
  const at = EP11_DOMAIN_INFO.at;
  const flags = u32(info, at.flags);
  const FLAG = EP11_DOMAIN_FLAGS;
  if ((flags & FLAG.leftImprint) === 0) return undefined;
  const pattern = (offset: number): string => `0x${hexOf(info.subarray(offset, offset + 32))}`;
  const current =
    (flags & FLAG.currentKey) === 0 ? 'invalid -' : `valid ${pattern(at.currentPattern)}`;
  const committed = (flags & FLAG.nextCommitted) === 0 ? 'uncommitted' : 'committed';
  const next = (flags & FLAG.nextKey) === 0 ? 'empty -' : `${committed} ${pattern(at.newPattern)}`;
  return `WK CUR: ${current}\nWK NEW: ${next}\n`;
};

/** Words for the low word of an EP11 op_mode. */
const modesText = (mode: number): string =>
  OPERATING_MODES.filter((_word, bit) => ((mode >>> bit) & 1) === 1).join(' ');

const moduleOf = (card: Card, apqi: number) => {
  const info = ep11Info(card, apqi, EP11_QUERY_MODULE);
  if (info === undefined) return undefined;
  const at = EP11_MODULE_INFO.at;
  const serial = Buffer.from(info.subarray(at.serial, at.serial + 16)).toString('latin1');
  return {
    serial: serial.replace(/\0.*$/s, '').padStart(16),
    api: u32(info, at.apiOrdinal),
    firmware: `${info[at.firmwareMajor]}.${info[at.firmwareMinor]}`,
    modes: modesText(u32(info, at.opMode + 4)),
  };
};

/** Answers of the cards that a machine has. `cards` may change while it runs; `random` fills what is random in new keys. */
export const cardAnswersOf = (
  cards: ReadonlyMap<number, Card>,
  random: (target: Uint8Array) => void,
): CardAnswers => {
  const through = <T>(apqn: number, ask: (card: Card, apqi: number) => T): T | undefined => {
    const card = cards.get(apqn >>> 8);
    return card === undefined ? undefined : ask(card, apqn & 0xff);
  };
  return {
    cca: (apqn) =>
      through(apqn, (card, apqi) => {
        const keys = ccaKeys(card, apqi);
        const serial = ccaInfo(card, apqi, 'STATICSA')?.rules[0];
        return keys === undefined || serial === undefined ? undefined : { serial, keys };
      }),
    key: (apqn, kind, bits) =>
      through(apqn, (card, apqi) => makeKey(card, apqi, { kind, bits, random })),
    random,
    wrappingPattern: WRAPPING_PATTERN,
    ep11Card: (apqn) => through(apqn, moduleOf),
    ep11Domain: (apqn) =>
      through(apqn, (card, apqi) => {
        const modes = moduleOf(card, apqi)?.modes;
        const keys = ep11Keys(card, apqi);
        return modes === undefined ? undefined : { keys: keys ?? NO_KEYS, modes };
      }),
  };
};
