// SPDX-License-Identifier: Apache-2.0
// Files of /sys/class/misc/pkey: each reading makes a random key, protected by the CPU's wrapping key or secure in a card's domain.
// Source: Linux 6.1, drivers/s390/crypto/pkey_api.c; Linux 6.12, pkey_sysfs.c, pkey_cca.c (cca_gen_key, cca_apqns4type), pkey_ep11.c,
// pkey_pckmo.c (pckmo_gen_protkey); zcrypt_ccamisc.c (cca_findcard2, cca_genseckey), zcrypt_ep11misc.c (ep11_findcard2).
import { GR2_D, GR2_X } from '../../native-like/arch/registers.ts';
import { type Attribute, attributeTable, READ_ONLY, type Shown } from './attribute.ts';
import type { ApBus } from './bus.ts';
import { DEBUG_ERROR } from './debug-areas.ts';
import type { ApQueue } from './device.ts';
import type { Errno } from './errno.ts';
import type { Operation } from './operation.ts';
import type { SecureKey, Target } from './zcrypt-requests.ts';

/** Bits of AES keys, and of the halves of keys for XTS. */
const SIZES: readonly number[] = [128, 192, 256];
const XTS_SIZES: readonly number[] = [128, 256];

/** Head of a protected key, its largest key with the wrapping key's verification pattern, and that pattern. */
const TOKEN_HEAD_BYTES = 16;
const PATTERN_BYTES = 32;
const PROTECTED_BYTES = 80;
/** EP11 API ordinal from which on a card makes such keys. */
const EP11_API = 4;

type Group = 'protkey' | SecureKey;

/** Bytes of a key's place in a file, by group; a shorter key is followed by zeros. */
const PLACES: Readonly<Record<Group, number>> = {
  protkey: PROTECTED_BYTES,
  ccadata: 64,
  ccacipher: 136,
  ep11: 336,
};

/** Files of protected keys that have come with the handlers. */
const NEWER_KEYS = [
  'protkey_aes_xts_128',
  'protkey_aes_xts_256',
  'protkey_hmac_512',
  'protkey_hmac_1024',
];

/** A key, or why there is none. */
type Made = Uint8Array | Errno;

/** A protected AES key token: version 1, number of the key's type, length, key and pattern. The key is random bytes, as it is in Linux. */
function protectedKey({ requests }: ApBus, bits: number): Uint8Array {
  const token = new Uint8Array(PROTECTED_BYTES);
  const keyEnd = TOKEN_HEAD_BYTES + bits / 8;
  token[4] = 1;
  token[11] = SIZES.indexOf(bits) + 1;
  token[15] = bits / 8 + PATTERN_BYTES;
  requests.answers.random?.(token.subarray(TOKEN_HEAD_BYTES, keyEnd));
  token.set(requests.answers.wrappingPattern ?? [], keyEnd);
  return token;
}

/** Adapter types from which on keys of a kind are made: CEX6 and CEX7. */
const LOWEST_TYPE: Readonly<Record<SecureKey, number>> = { ccadata: 0, ccacipher: 12, ep11: 13 };

/** Whether a queue can make such keys. A CCA queue is asked whether its master key is valid, an EP11 card for its release. */
function* suits(bus: ApBus, queue: ApQueue, kind: SecureKey): Operation<boolean> {
  if (queue.card.type < LOWEST_TYPE[kind]) return false;
  if (kind === 'ep11') {
    const card = yield* bus.requests.ep11Card(queue.apid, false);
    return card !== undefined && card.api >= EP11_API;
  }
  const { pkeyHandlers } = bus.switches;
  const info = yield* bus.requests.ccaInfo(queue.apid, queue.apqi, pkeyHandlers);
  return info?.keys.includes('AES CUR: valid') === true;
}

/** Asks the queues that can make such keys, one after the other in the order of their numbers, until one does. */
function* secureKey(bus: ApBus, kind: SecureKey, bits: number): Operation<Made> {
  const mode = kind === 'ep11' ? GR2_X : GR2_D;
  const targets: Target[] = [];
  // Before the handlers, a DATA key was asked of whatever queue takes requests.
  if (kind === 'ccadata' && !bus.switches.pkeyHandlers) targets.push({ mode });
  else
    for (const queue of bus.requests.usableQueues(mode))
      if (yield* suits(bus, queue, kind))
        targets.push({ mode, apid: queue.apid, apqi: queue.apqi });
  let why: Errno = 'ENODEV';
  for (const target of targets) {
    const taken = yield* bus.requests.send(target);
    why = taken === undefined ? 'ENODEV' : 'EIO';
    const key = taken && bus.requests.answers.key?.(taken.apqn, kind, bits);
    if (key !== undefined) return key;
  }
  return why;
}

/** The text of a file with `count` keys, one character a byte. */
function* keysText(bus: ApBus, group: Group, bits: number, count: number): Operation<Shown> {
  let text = '';
  for (let n = 0; n < count; n++) {
    const key = group === 'protkey' ? protectedKey(bus, bits) : yield* secureKey(bus, group, bits);
    if (typeof key === 'string') return { errno: key };
    text += String.fromCharCode(...key).padEnd(PLACES[group], '\0');
  }
  return text;
}

/** The files of a group: a key of each size, and two keys at once for XTS. */
function aesFiles(group: Group): Attribute<ApBus>[] {
  const file = (name: string, bits: number, count: number): Attribute<ApBus> => ({
    name: `${group}_aes_${name}`,
    mode: READ_ONLY,
    fresh: true,
    show: (bus) => keysText(bus, group, bits, count),
  });
  return [
    ...SIZES.map((bits) => file(`${bits}`, bits, 1)),
    ...XTS_SIZES.map((bits) => file(`${bits}_xts`, bits, 2)),
  ];
}

const newerFile = (name: string): Attribute<ApBus> => ({
  name,
  mode: READ_ONLY,
  fresh: true,
  when: ({ switches }) => switches.pkeyHandlers,
  // The processors of machines with these cards do not have the functions (VD-74). After ENODEV it is tried again with all handlers loaded.
  show: ({ journal: { areas } }) => {
    const text = 'pckmo_clr2protkey pckmo functions not available';
    for (let n = 0; n < 2; n++) areas.event('pkey', DEBUG_ERROR, text);
    return { errno: 'ENODEV' };
  },
});

/** The folders of the device with their files. */
export const PKEY_GROUPS = {
  protkey: attributeTable([...aesFiles('protkey'), ...NEWER_KEYS.map(newerFile)]),
  ccadata: attributeTable(aesFiles('ccadata')),
  ccacipher: attributeTable(aesFiles('ccacipher')),
  ep11: attributeTable(aesFiles('ep11')),
} as const;
