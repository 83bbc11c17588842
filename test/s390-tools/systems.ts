// SPDX-License-Identifier: Apache-2.0
// Systems the real lszcrypt was run on: plain records, of which the recorder made sysfs files (test/golden/s390-tools/README.md).
import type {
  ApSystemRecord,
  BusRecord,
  CardRecord,
  QueueRecord,
} from '../../src/s390-tools/ap-system.ts';

const mask = (...numbers: number[]): string => {
  const digits = Array.from({ length: 64 }, () => 0);
  for (const n of numbers) digits[n >> 2] |= 8 >> (n & 3);
  return `0x${digits.map((digit) => digit.toString(16)).join('')}`;
};

const BUS: BusRecord = {
  features: 'APSC APXA QACT RC8A',
  domain: 4,
  maxDomain: 255,
  interrupts: true,
  configTimeS: 30,
  pollThread: false,
  pollTimeoutNs: 250_000,
  usageDomains: mask(4, 0xab),
  controlDomains: mask(4, 0x10, 0xab),
};

const queue = (apqi: number, more: Partial<QueueRecord> = {}): QueueRecord => ({
  apqi,
  config: true,
  chkstop: false,
  online: true,
  requests: '0',
  pending: 0,
  driver: 'cex4queue',
  functions: 0x92800000,
  ...more,
});

const card = (apid: number, more: Partial<CardRecord> = {}): CardRecord => ({
  apid,
  config: true,
  chkstop: false,
  online: true,
  requests: '0',
  pending: 0,
  driver: 'cex4card',
  type: 'CEX8C',
  functions: 0x92800000,
  hwtype: '14',
  depth: 8,
  maxMessageBytes: 12_288,
  serial: '93AADFK7',
  queues: [queue(4), queue(0xab)],
  ...more,
});

const without = <T extends object, K extends keyof T>(value: T, ...keys: K[]): Omit<T, K> => {
  const copy = { ...value };
  for (const key of keys) delete copy[key];
  return copy;
};

const vfio = (apqi: number, status: string): QueueRecord => ({
  ...without(queue(apqi, { driver: 'vfio_ap', status }), 'online'),
});

const MASTER_KEYS = [
  'AES NEW: empty 0x0000000000000000',
  'AES CUR: valid 0xd1a2b3c4d5e6f708',
  'AES OLD: invalid 0x0000000000000000',
  'APKA NEW: empty 0x0000000000000000',
  'APKA CUR: valid 0x1112131415161718',
  'APKA OLD: invalid 0x0000000000000000',
  'ASYM NEW: empty 0x00000000000000000000000000000000',
  'ASYM CUR: valid 0x21222324252627282122232425262728',
  'ASYM OLD: invalid 0x00000000000000000000000000000000',
];

/** Cards of every kind and state. */
const MIXED: ApSystemRecord = {
  bus: BUS,
  cards: [
    card(0x05, {
      requests: '1234567',
      pending: 3,
      queues: [
        queue(4, { requests: '1234560', pending: 3, masterKeys: MASTER_KEYS }),
        queue(0xab, { online: false, requests: '7' }),
      ],
    }),
    card(0x06, {
      type: 'CEX8A',
      functions: 0xea800000,
      serial: '',
      queues: [vfio(4, 'assigned'), vfio(0xab, 'in use')],
    }),
    card(0x07, {
      type: 'CEX8P',
      functions: 0x06800000,
      serial: '93AADHZU93AADHZU',
      maxMessageBytes: 65_536,
      queues: [
        queue(4, { masterKeys: ['WK CUR: valid 0x00aabbcc', 'WK NEW: empty -'] }),
        queue(0xab, { chkstop: true }),
      ],
    }),
    card(0x08, {
      config: false,
      online: false,
      requests: '1000',
      queues: [
        queue(4, { config: false, online: false, requests: '1000' }),
        queue(0xab, { config: true, chkstop: true, pending: 2 }),
      ],
    }),
    card(0x09, {
      chkstop: true,
      type: 'CEX6C',
      hwtype: '12',
      functions: 0xf1400000,
      depth: 32,
      serial: '-',
      queues: [queue(4, { chkstop: true, online: false })],
    }),
    card(0x0a, {
      config: false,
      chkstop: true,
      type: 'CEX5A',
      hwtype: '11',
      functions: 0x8a000000,
      depth: 1,
      queues: [queue(4, { config: false, chkstop: true })],
    }),
    card(0x0b, {
      ...without(card(0x0b), 'type', 'online', 'driver', 'serial'),
      functions: 0x02000000,
      hwtype: '15',
      maxMessageBytes: 0,
      queues: [without(queue(4), 'online', 'driver') as QueueRecord],
    } as CardRecord),
    card(0x1f, {
      online: false,
      type: 'CEX7C',
      hwtype: '13',
      functions: 0x90000000,
      queues: [queue(4)],
    }),
  ].map((c) =>
    c.apid === 0x0b ? (without(c, 'type', 'online', 'driver', 'serial') as CardRecord) : c,
  ),
};

/** A secure-execution guest with queues in every bind state. */
const SECURE: ApSystemRecord = {
  bus: { ...BUS, features: 'APSC APXA QACT RC8A APSB' },
  cards: [
    card(0x0a, {
      type: 'CEX8P',
      functions: 0x06800000,
      queues: [
        queue(1, { functions: 0x06800000, seBind: 'bound', seAssociate: 'associated 3' }),
        queue(2, { functions: 0x06804000, seBind: 'bound', seAssociate: 'unassociated' }),
        queue(3, { functions: 0x06808000, seBind: 'unbound', seAssociate: 'unassociated' }),
        queue(4, { functions: 0x0680c000, seBind: 'unbound', seAssociate: 'unassociated' }),
        queue(5, { functions: 0, seBind: 'unbound', seAssociate: 'unassociated' }),
        { ...without(queue(6), 'functions'), seBind: null, seAssociate: null },
      ],
    }),
  ],
};

export const SYSTEMS: Readonly<Record<string, ApSystemRecord | undefined>> = {
  'no AP bus': undefined,
  'no cards': {
    bus: { ...BUS, domain: -1, usageDomains: mask(), controlDomains: mask() },
    cards: [],
  },
  'no QCI': {
    bus: {
      ...without(BUS, 'features'),
      usageDomains: 'not supported',
      controlDomains: 'not supported',
      maxDomain: 15,
    },
    cards: [card(5)],
  },
  'cards in all states': MIXED,
  'a default domain that is gone': {
    bus: { ...BUS, domain: 0x47, pollThread: true, interrupts: false },
    cards: [card(5)],
  },
  'no default domain': { bus: { ...BUS, domain: -1 }, cards: [card(5)] },
  'a secure-execution guest': SECURE,
  'a card without queues': { bus: BUS, cards: [card(5, { queues: [] }), card(6)] },
};

/** Command lines, each tried on all systems with cards in all states; the short list on every one. */
export const EVERYWHERE: readonly (readonly string[])[] = [
  [],
  ['-V'],
  ['-b'],
  ['-d'],
  ['-s'],
  ['-c', '5'],
  ['05'],
];
export const ON_MIXED: readonly (readonly string[])[] = [
  ['-VV'],
  ['--accelonly'],
  ['--ccaonly', '-V'],
  ['--ep11only', '-V'],
  ['--cardonly'],
  ['--queueonly', '-V'],
  ['--accelonly', '--ccaonly'],
  ['--cardonly', '--queueonly'],
  ...[
    '6',
    '7',
    '8',
    '9',
    '10',
    '0x0a',
    '11',
    '31',
    '017',
    '12',
    '256',
    '-1',
    'x',
    '5.4',
    '06.0004',
    '07.0004',
    '05.0005',
    '5x',
  ].map((id) => [`-c${id}`]),
  ...[
    '05.0004',
    '.0004',
    '.4',
    '.00ab',
    '.0001',
    '07',
    'card05',
    '0x05',
    '5.4',
    'xyz',
    '3f',
    '-V',
    '08.00ab',
    '05 ',
    '05.',
  ].map((id) => [id]),
  ['06', '05.0004'],
  ['-V', '06.0004', '07.00ab', '09'],
  ['05', '3f', '06'],
  ['--verb', '05'],
  ['--capability=5'],
  ['--capability'],
  ['-c'],
  ['--c'],
  ['-z'],
  ['-Vz'],
  ['--nonsense'],
  ['--bus=3'],
  ['05', '--', '-V'],
  ['-Vb'],
  ['-h'],
  ['--help'],
  ['-v'],
];

/** A command line of chzcrypt: the system, and files below /sys in which writes change nothing, as where the kernel refuses them. */
export interface ChzcryptCase {
  readonly system: string;
  readonly args: readonly string[];
  readonly refusing?: readonly string[];
}

const mixed = (...args: string[]): ChzcryptCase => ({ system: 'cards in all states', args });
const secure = (...args: string[]): ChzcryptCase => ({ system: 'a secure-execution guest', args });
const refused = (file: string, ...args: string[]): ChzcryptCase => ({
  ...mixed(...args),
  refusing: [file],
});
const CARD_5 = 'devices/ap/card05';
const QUEUE_3 = 'devices/ap/card0a/0a.0003';

export const CHZCRYPT: readonly ChzcryptCase[] = [
  ...[
    '-h',
    '--help',
    '-v',
    '-V',
    '-z',
    '--nonsense',
    '-c',
    '--config-time',
    '-e',
    '-d',
    '--co=1',
  ].map((o) => mixed(o)),
  { system: 'no AP bus', args: ['-e', '05'] },
  { system: 'no cards', args: ['-e', '-a'] },
  mixed(),
  mixed('05'),
  ...[
    '05',
    '5',
    '0x5',
    'card05',
    '05.0004',
    '5.4',
    '05.00ab',
    '057',
    '3f',
    '05.0005',
    '3f.0004',
    'nonsense',
    'cardxx',
    '0xzz',
    '05.',
    '06.0004',
    '0b',
  ].flatMap((id) => [mixed('-V', '-e', id), mixed('-d', id)]),
  mixed('-V', '-e', '08'),
  mixed('-V', '-d', '08'),
  mixed('-e', '08.0004', '05'),
  mixed('-d', '-a'),
  mixed('-V', '-e', '05', '3f', '07'),
  mixed('-e', '-d', '05', '-V'),
  refused(`${CARD_5}/online`, '-d', '05'),
  refused(`${CARD_5}/online`, '-V', '-d', 'card05'),
  mixed('--config-on', '05'),
  mixed('-V', '--config-off', '05', '08'),
  mixed('-V', '--config_off', '5'),
  mixed('-V', '--config-on', '08', '05'),
  mixed('--config-off', '05.0004'),
  mixed('--config-off', '3f'),
  mixed('--config-off', 'x'),
  mixed('--config-off'),
  refused(`${CARD_5}/config`, '-V', '--config-off', '05'),
  mixed('-V', '-p'),
  mixed('-V', '-n'),
  mixed('-pV', '-n'),
  refused('bus/ap/poll_thread', '-p'),
  mixed('-V', '-c', '60'),
  mixed('-V', '-c60x'),
  mixed('-c', 'x'),
  refused('bus/ap/config_time', '-V', '-c', '500'),
  mixed('-V', '-t', '30000'),
  mixed('-t', 'x'),
  refused('bus/ap/poll_timeout', '-t', '0'),
  mixed('-V', '-q', '4'),
  mixed('-V', '-q', '0xab'),
  mixed('-q', '0253'),
  mixed('-V', '--default_domain=7'),
  mixed('-q', '256'),
  mixed('-q', '-1'),
  refused('bus/ap/ap_domain', '-q', '0xab'),
  mixed('--se-bind', '05.0004'),
  mixed('--se-bind'),
  mixed('--se-associate'),
  mixed('--se-associate', '3'),
  mixed('--se-unbind'),
  secure('--se-bind', '0a.0003x'),
  secure('--se-bind', '0a.0001'),
  secure('--se-bind', '0a.0009'),
  secure('--se-bind', '0a'),
  secure('--se-bind', '0a.0003'),
  { ...secure('--se-bind', '0a.0003'), refusing: [`${QUEUE_3}/se_bind`] },
  secure('--se-unbind', '0a.0009'),
  { ...secure('-V', '--se-unbind', '0a.0003'), refusing: [`${QUEUE_3}/se_bind`] },
  secure('--se-associate', '3', '0a.0001'),
  secure('--se-associate', 'x', '0a.0002'),
  secure('--se-associate', '65536', '0a.0002'),
  secure('--se-associate', '-1', '0a.0002'),
  secure('--se-associate=7', '0a.0009'),
  {
    ...secure('--se-associate', '7', '0a.0002'),
    refusing: ['devices/ap/card0a/0a.0002/se_associate'],
  },
];
