// SPDX-License-Identifier: Apache-2.0
// Files of a guest with which an administrator changes its AP bus: what a scenario writes there, and how a broken guest is brought back.
// Source: Linux, drivers/s390/crypto (ap_bus.c, ap_card.c, ap_queue.c, zcrypt_card.c, zcrypt_queue.c: their attributes);
// docs/reference/fuzzing.md section 3.
import { formatApqn } from '../config/units.ts';
import type { KernelFile } from '../target/target.ts';

const BUS = '/sys/bus/ap';
const cardOf = (apid: number): string => `card${apid.toString(16).padStart(2, '0')}`;
const cardFolder = (apid: number): string => `/sys/devices/ap/${cardOf(apid)}`;
const queueFolder = (apqn: number): string => `${cardFolder(apqn >>> 8)}/${formatApqn(apqn)}`;

const BUS_FILES: readonly KernelFile[] = [
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

const cardFiles = (apid: number): KernelFile[] => [
  { file: `${cardFolder(apid)}/online`, texts: ['0', '1'] },
  { file: `${cardFolder(apid)}/config`, texts: ['0', '1'] },
  { file: `${cardFolder(apid)}/request_count`, texts: ['0'] },
  { file: `${BUS}/drivers/cex4card/unbind`, texts: [cardOf(apid)] },
  { file: `${BUS}/drivers/cex4card/bind`, texts: [cardOf(apid)] },
  { file: `${BUS}/apmask`, texts: [`-${apid}`, `+${apid}`] },
  ...READ_OF_CARD.map((name) => ({ file: `${cardFolder(apid)}/${name}`, texts: [] })),
];

const queueFiles = (apqn: number): KernelFile[] => [
  { file: `${queueFolder(apqn)}/online`, texts: ['0', '1'] },
  { file: `${queueFolder(apqn)}/reset`, texts: ['1'] },
  { file: `${queueFolder(apqn)}/request_count`, texts: ['0'] },
  { file: `${BUS}/drivers/cex4queue/unbind`, texts: [formatApqn(apqn)] },
  { file: `${BUS}/drivers/cex4queue/bind`, texts: [formatApqn(apqn)] },
  { file: `${BUS}/aqmask`, texts: [`-${apqn & 0xff}`, `+${apqn & 0xff}`] },
  { file: `${BUS}/ap_domain`, texts: [String(apqn & 0xff)] },
  ...READ_OF_QUEUE.map((name) => ({ file: `${queueFolder(apqn)}/${name}`, texts: [] })),
];

const adaptersOf = (queues: readonly number[]): number[] => [
  ...new Set(queues.map((apqn) => apqn >>> 8)),
];

/** Files of the guest's queues that scenarios are about. */
export const kernelFiles = (queues: readonly number[]): KernelFile[] => [
  ...BUS_FILES,
  ...adaptersOf(queues).flatMap(cardFiles),
  ...queues.flatMap(queueFiles),
];

/** A new look at the hardware. */
export const SCAN = { file: `${BUS}/scans`, text: '1' } as const;

/** What an administrator does about a guest whose queues do not work, in this order; what is refused was not necessary. */
export const repairs = (
  queues: readonly number[],
): readonly { readonly file: string; readonly text: string }[] => [
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
  // A queue whose card's driver was exchanged is of no use until its own is, too.
  ...queues.flatMap((apqn) =>
    ['unbind', 'bind'].map((what) => ({
      file: `${BUS}/drivers/cex4queue/${what}`,
      text: formatApqn(apqn),
    })),
  ),
  ...adaptersOf(queues).map((apid) => ({ file: `${cardFolder(apid)}/online`, text: '1' })),
  ...queues.map((apqn) => ({ file: `${queueFolder(apqn)}/online`, text: '1' })),
  { file: `${BUS}/poll_timeout`, text: '250000' },
];

export const resetOf = (apqn: number): { readonly file: string; readonly text: string } => ({
  file: `${queueFolder(apqn)}/reset`,
  text: '1',
});

/** Counters that are 0 when nothing is outstanding. */
export const countersOf = (apqn: number): readonly string[] =>
  ['requestq_count', 'pendingq_count'].map((name) => `${queueFolder(apqn)}/${name}`);
