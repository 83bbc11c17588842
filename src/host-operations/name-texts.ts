// SPDX-License-Identifier: Apache-2.0
// Texts for files that take names and words: UUIDs, devices, drivers, events, switches.
// Source: docs/reference/vfio-ap.md sections 3.2 to 3.7 (what each file takes).

/** What is taken for the UUID of an mdev, or is not. */
export const uuidTexts = (uuid: string): readonly string[] => [
  uuid,
  `${uuid}\n`,
  `${uuid.toUpperCase()}\n`,
  'abcdef12-ABCD-abcd-ABCD-abcdef123456\n',
  `${uuid.slice(0, 35)}\n`,
  `${uuid}1\n`,
  `${uuid}\n\n`,
  `${uuid} \n`,
  ` ${uuid}`,
  `{${uuid}}\n`,
  `${uuid.replaceAll('-', '')}\n`,
  `${uuid.replace(/^./, 'g')}\n`,
  `${uuid.replace('-', '_')}\n`,
  '\n',
  '',
  'x',
  `${uuid}\0`,
  `${uuid.slice(0, 20)}\0${uuid.slice(21)}`,
  `${uuid}${'x'.repeat(264)}`,
  '00000000-0000-0000-0000-000000000000\n',
];

export const REMOVE_TEXTS: readonly string[] = [
  '1\n',
  '1',
  '0\n',
  '0',
  '2\n',
  '-1\n',
  '',
  '\n',
  '0x1\n',
  '01\n',
  '+1\n',
  'true\n',
  'x\n',
  '1 \n',
  '18446744073709551616\n',
  '1\0',
  '4294967296\n',
  '-0\n',
];

/** What the file `uevent` of a device takes, or does not. */
export const eventTexts = (uuid: string): readonly string[] => [
  'add\n',
  'change',
  'remove\n',
  'move\n',
  'online\n',
  'bind\n',
  'bogus\n',
  '\n',
  '',
  `add ${uuid} A=1 B=2\n`,
  `change ${uuid}`,
  'add x\n',
  'change fe4d7c9d-b8bd-4635-a6c8-1f6d A=\n',
  'change\0',
  'CHANGE\n',
  `change ${uuid} A=1 B\n`,
];

/** What drivers' files take for a queue's name, or do not. */
export const nameTexts = (queue: string): readonly string[] => [
  queue,
  `${queue}\n`,
  `${queue}\n\n`,
  ` ${queue}`,
  `${queue.toUpperCase()}\n`,
  'nosuch\n',
  '\n',
  `${queue}\0`,
  `${queue.slice(0, 6)}\n`,
  `../devices/${queue}\n`,
  `${queue} \n`,
  '07.0004\n',
  'ap\n',
];

export const OVERRIDE_TEXTS: readonly string[] = [
  'vfio_ap',
  '',
  'nosuch\n',
  ' vfio_ap\n',
  'vfio_ap \n',
  'vfio_ap\ncex4queue\n',
  '\nvfio_ap',
  'vfio_ap\0x',
  '\0',
  'VFIO_AP\n',
  'cex4card\n',
  '(null)\n',
  `${'x'.repeat(4093)}\n`,
  `${'x'.repeat(4094)}\n`,
  'x'.repeat(4095),
  ' \n',
];

/** Files of the bus and what is written into each. */
export const BUS_TEXTS: Readonly<Record<string, readonly string[]>> = {
  config_time: [
    '30\n',
    '4\n',
    '5\n',
    '120\n',
    '121\n',
    'x\n',
    '30',
    ' 30\n',
    '30 x\n',
    '0x1e\n',
    '-5\n',
    '',
  ],
  poll_thread: ['0\n', '1\n', '0\n', 'x\n', '2\n', 'y\n', 'on\n', 'off\n', '', '0x0\n'],
  poll_timeout: [
    '250000\n',
    '0\n',
    '20000000\n',
    '120000000001\n',
    'x\n',
    '-1\n',
    '0x1000\n',
    '250000',
  ],
  ap_domain: ['4\n', '0xff\n', '71\n', '5\n', '-1\n', '256\n', 'x\n', '', '4 5\n'],
  scans: ['1\n', 'x\n', '', '\n', '0\n'],
  drivers_autoprobe: ['1\n', 'x\n', '', 'y\n', '2\n'],
};

export const QUEUE_ONLINE_TEXTS: readonly string[] = [
  '0\n',
  '1\n',
  '1\n',
  '2\n',
  'x\n',
  '',
  '0x1\n',
  '-1\n',
  ' 1\n',
  '1 2\n',
];
export const CARD_ONLINE_TEXTS: readonly string[] = ['0\n', '1\n', '1\n', '2\n', 'x\n', '', '01\n'];
export const COUNT_TEXTS: readonly string[] = ['0\n', 'x\n', '', '1\n'];

/** Files of queues, cards, the bus, the mdev type and the matrix device that take no write, or are not there. */
export const UNWRITABLE = {
  queue: ['interrupt', 'config', 'states', 'status', 'load', 'ap_functions', 'mkvps'],
  card: ['hwtype', 'depth', 'type', 'serialnr', 'nosuch'],
  bus: [
    'features',
    'bindings',
    'ap_max_domain_id',
    'ap_adapter_mask',
    'ap_interrupts',
    'uevent',
    'nosuch',
  ],
  type: ['name', 'description', 'device_api', 'available_instances'],
  matrix: ['features'],
} as const;
