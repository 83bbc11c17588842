// SPDX-License-Identifier: Apache-2.0
// Files of a guest with which an administrator changes its AP bus: what a scenario writes into them, and how a broken guest is repaired.
// Source: Linux, drivers/s390/crypto (ap_bus.c, ap_card.c, ap_queue.c, zcrypt_card.c, zcrypt_queue.c: their attributes);
// docs/reference/fuzzing.md section 3.
import { formatApqn } from '../config/units.ts';
import { BUS, MATRIX, UUIDS } from '../host-operations/scene.ts';
import type { KernelFile } from '../target/target.ts';
import { nodeName } from './nodes.ts';

const cardOf = (apid: number): string => `card${apid.toString(16).padStart(2, '0')}`;
const cardFolder = (apid: number): string => `/sys/devices/ap/${cardOf(apid)}`;
const queueFolder = (apqn: number): string => `${cardFolder(apqn >>> 8)}/${formatApqn(apqn)}`;

/** Folder of the device nodes with masks of their own. */
const NODES = '/sys/class/zcrypt';
const nodeFolder = (apqn: number): string => `${NODES}/${nodeName(apqn)}`;
/** Name of a node that scenarios make and remove. */
const MADE_NODE = 'made';

const BUS_FILES: readonly KernelFile[] = [
  {
    file: `${NODES}/create`,
    texts: [MADE_NODE],
    back: { file: `${NODES}/destroy`, text: MADE_NODE },
  },
  { file: `${NODES}/destroy`, texts: [MADE_NODE] },
  { file: `${BUS}/scans`, texts: ['1'] },
  { file: `${BUS}/poll_thread`, texts: ['0', '1'] },
  { file: `${BUS}/poll_timeout`, texts: ['100000', '250000'] },
  { file: `${BUS}/config_time`, texts: ['5', '30'] },
  ...[
    'scans',
    'bindings',
    'features',
    'ap_interrupts',
    'ap_max_domain_id',
    'ap_usage_domain_mask',
    'ap_control_domain_mask',
    'ap_adapter_mask',
  ].map((name) => ({ file: `${BUS}/${name}`, texts: [] })),
];

const READ_OF_CARD = [
  'hwtype',
  'depth',
  'ap_functions',
  'request_count',
  'requestq_count',
  'pendingq_count',
  'modalias',
  'config',
  'chkstop',
  'max_msg_size',
  'type',
  'online',
  'load',
  'serialnr',
  'API_ordinalnr',
  'FW_version',
  'op_modes',
];
const READ_OF_QUEUE = [
  'request_count',
  'requestq_count',
  'pendingq_count',
  'reset',
  'interrupt',
  'config',
  'chkstop',
  'ap_functions',
  'states',
  'last_err_rc',
  'online',
  'load',
  'mkvps',
  'op_modes',
  'driver_override',
  'se_bind',
  'se_associate',
];

/** The adapter and queue that a file is about. */
type About = Pick<KernelFile, 'adapter' | 'apqn'>;

/** Files by which a driver is taken from a device, and bound again. */
const driverFiles = (driver: string, device: string, about: About): KernelFile[] => {
  const [unbind, bind] = ['unbind', 'bind'].map((what) => `${BUS}/drivers/${driver}/${what}`);
  return [
    { file: unbind, texts: [device], ...about, back: { file: bind, text: device } },
    { file: bind, texts: [device], ...about },
  ];
};

const cardFiles = (adapter: number): KernelFile[] => {
  const folder = cardFolder(adapter);
  return [
    { file: `${folder}/online`, texts: ['0', '1'], adapter },
    { file: `${folder}/config`, texts: ['0', '1'], adapter },
    { file: `${folder}/request_count`, texts: ['0'], adapter },
    { file: `${folder}/uevent`, texts: ['add'], adapter },
    ...driverFiles('cex4card', cardOf(adapter), { adapter }),
    { file: `${BUS}/apmask`, texts: [`-${adapter}`, `+${adapter}`], adapter },
    ...READ_OF_CARD.map((name) => ({ file: `${folder}/${name}`, texts: [], adapter })),
  ];
};

const queueFiles = (apqn: number): KernelFile[] => {
  const apid = apqn >>> 8;
  const apqi = apqn & 0xff;
  const of = { adapter: apid, apqn };
  const folder = queueFolder(apqn);
  const node = nodeFolder(apqn);
  return [
    { file: `${folder}/online`, texts: ['0', '1'], ...of },
    { file: `${folder}/reset`, texts: ['1'], ...of },
    { file: `${folder}/request_count`, texts: ['0'], ...of },
    { file: `${folder}/uevent`, texts: ['remove'], ...of },
    ...driverFiles('cex4queue', formatApqn(apqn), of),
    { file: `${BUS}/aqmask`, texts: [`-${apqi}`, `+${apqi}`], ...of },
    { file: `${BUS}/ap_domain`, texts: [String(apqi)], ...of },
    { file: `${node}/apmask`, texts: [`-${apid}`, `+${apid}`], ...of },
    { file: `${node}/aqmask`, texts: [`-${apqi}`, `+${apqi}`], ...of },
    { file: `${node}/ioctlmask`, texts: ['-5', '+5'], ...of },
    { file: `${node}/admask`, texts: [`+${apqi}`, `-${apqi}`], ...of },
    ...READ_OF_QUEUE.map((name) => ({ file: `${folder}/${name}`, texts: [], ...of })),
  ];
};

const adaptersOf = (queues: readonly number[]): number[] => [
  ...new Set(queues.map((apqn) => apqn >>> 8)),
];

/** Files about the guest's queues, for scenarios. */
export const kernelFiles = (queues: readonly number[]): KernelFile[] => [
  ...BUS_FILES,
  ...adaptersOf(queues).flatMap(cardFiles),
  ...queues.flatMap(queueFiles),
];

/** Starts a scan of the hardware. */
export const SCAN = { file: `${BUS}/scans`, text: '1' } as const;

/** Queues come back from guests, and to the drivers that had them. */
const givenBack = (
  queues: readonly number[],
): readonly { readonly file: string; readonly text: string }[] => [
  ...UUIDS.map((uuid) => ({ file: `${MATRIX}/${uuid}/remove`, text: '1' })),
  ...queues.flatMap((apqn) => [
    { file: `${queueFolder(apqn)}/driver_override`, text: '\n' },
    { file: `${BUS}/drivers/vfio_ap/unbind`, text: formatApqn(apqn) },
  ]),
];

/** What an administrator does about a guest whose queues do not work, in this order. Something that is refused was not necessary. */
export const repairs = (
  queues: readonly number[],
  isHost = false,
): readonly { readonly file: string; readonly text: string }[] => [
  ...(isHost ? givenBack(queues) : []),
  ...adaptersOf(queues).flatMap((apid) => [
    { file: `${BUS}/apmask`, text: `+${apid}` },
    { file: `${cardFolder(apid)}/config`, text: '1' },
  ]),
  ...[...new Set(queues.map((apqn) => apqn & 0xff))].map((apqi) => ({
    file: `${BUS}/aqmask`,
    text: `+${apqi}`,
  })),
  SCAN,
  ...adaptersOf(queues).map((apid) => ({
    file: `${BUS}/drivers/cex4card/bind`,
    text: cardOf(apid),
  })),
  // A queue whose card was bound to a driver again cannot be used until the queue itself was too.
  ...queues.flatMap((apqn) =>
    ['unbind', 'bind'].map((what) => ({
      file: `${BUS}/drivers/cex4queue/${what}`,
      text: formatApqn(apqn),
    })),
  ),
  ...adaptersOf(queues).map((apid) => ({ file: `${cardFolder(apid)}/online`, text: '1' })),
  ...queues.map((apqn) => ({ file: `${queueFolder(apqn)}/online`, text: '1' })),
  { file: `${BUS}/poll_timeout`, text: '250000' },
  ...queues.flatMap((apqn) => [
    { file: `${nodeFolder(apqn)}/apmask`, text: `+${apqn >>> 8}` },
    { file: `${nodeFolder(apqn)}/aqmask`, text: `+${apqn & 0xff}` },
    { file: `${nodeFolder(apqn)}/ioctlmask`, text: '+5' },
  ]),
];

export const resetOf = (apqn: number): { readonly file: string; readonly text: string } => ({
  file: `${queueFolder(apqn)}/reset`,
  text: '1',
});

/** Counters that are 0 if nothing is outstanding. */
export const countersOf = (apqn: number): readonly string[] =>
  ['requestq_count', 'pendingq_count'].map((name) => `${queueFolder(apqn)}/${name}`);

/** File with the number of messages that a queue was ever given. */
export const requestCountOf = (apqn: number): string => `${queueFolder(apqn)}/request_count`;
