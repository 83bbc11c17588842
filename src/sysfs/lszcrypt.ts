// SPDX-License-Identifier: Apache-2.0
// lszcrypt: cards and queues as a table; options, selection and the other reports.
// Source: docs/reference/vfio-ap.md section 7.4; test/golden/linux-guest/lszcrypt-s390-tools-2.35-linux-6.12.txt.
import { type CommandResult, done, driverOf, failed, namesIn, readLine } from './command.ts';
import { busReport, capabilityReport, domainReport } from './lszcrypt-reports.ts';
import type { Sysfs } from './sysfs.ts';

const AP_DEVICES = '/sys/devices/ap';
const AP_BUS = '/sys/bus/ap';
/** Bits of ap_functions that decide MODE, in the order looked at. */
const MODES: readonly (readonly [number, string, Filter])[] = [
  [0x10000000, 'CCA-Coproc', 'ccaonly'],
  [0x08000000, 'Accelerator', 'accelonly'],
  [0x04000000, 'EP11-Coproc', 'ep11only'],
];
/** Letters of FUNCTIONS from bit 0. */
const FUNCTION_LETTERS = 'SMCDAXNHFR';

type Filter = 'ccaonly' | 'accelonly' | 'ep11only';
type Report = 'list' | 'bus' | 'domains' | 'capability';

interface Options {
  verbose: boolean;
  serial: boolean;
  report: Report;
  filter: Filter | undefined;
  cardsOnly: boolean;
  queuesOnly: boolean;
  devices: string[];
}

/** One device as a row needs it. */
interface Row {
  readonly name: string;
  readonly path: string;
  readonly card: string;
  readonly isQueue: boolean;
}

interface Column {
  readonly title: string;
  readonly width: number;
  readonly right?: true;
  readonly value: (sysfs: Sysfs, row: Row) => string;
}

const file = (sysfs: Sysfs, path: string): string => readLine(sysfs, path) ?? '-';
const deconfigured = (sysfs: Sysfs, row: Row): boolean =>
  readLine(sysfs, `${row.path}/config`) === '0';
const functionsOf = (sysfs: Sysfs, row: Row): number =>
  Number(readLine(sysfs, `${row.card}/ap_functions`) ?? 0);

function modeOf(functions: number): string {
  return MODES.find(([bit]) => (functions & bit) !== 0)?.[1] ?? 'Unknown';
}

function statusOf(sysfs: Sysfs, row: Row): string {
  if (deconfigured(sysfs, row)) return 'deconfig';
  if (readLine(sysfs, `${row.path}/chkstop`) === '1') return 'chkstop';
  const online = readLine(sysfs, `${row.path}/online`);
  if (online !== undefined) return online === '1' ? 'online' : 'offline';
  if (driverOf(sysfs, row.path) === 'vfio_ap') return file(sysfs, `${row.path}/status`);
  return '-';
}

function pendingOf(sysfs: Sysfs, row: Row): string {
  const driver = driverOf(sysfs, row.path) ?? '';
  if (deconfigured(sysfs, row) || (row.isQueue && !/^cex\w+queue$/.test(driver))) return '-';
  const count = (name: string): number => Number(readLine(sysfs, `${row.path}/${name}`) ?? 0);
  return String(count('pendingq_count') + count('requestq_count'));
}

function functionLetters(functions: number): string {
  return [...FUNCTION_LETTERS]
    .map((letter, bit) => ((functions & (0x80000000 >>> bit)) !== 0 ? letter : '-'))
    .join('');
}

/** SE bind state of a queue, from its se_bind and se_associate files. */
function sestat(sysfs: Sysfs, row: Row): string {
  if (!row.isQueue) return '-';
  const bind = readLine(sysfs, `${row.path}/se_bind`);
  if (bind === undefined) return 'error';
  if (bind === '-') return '-';
  if (bind === 'unbound') return 'unbound';
  const association = readLine(sysfs, `${row.path}/se_associate`) ?? '';
  return association.startsWith('associated') ? 'usable' : 'bound';
}

/** The program adds one to the depth file, as the recordings of two kernels and two releases show. */
function depthOf(sysfs: Sysfs, row: Row): string {
  const depth = readLine(sysfs, `${row.card}/depth`);
  return depth === undefined ? '-' : String(Number(depth) + 1).padStart(2, '0');
}

const BASE: readonly Column[] = [
  { title: 'CARD.DOM', width: 8, value: (_, row) => row.name },
  { title: 'TYPE', width: 5, value: (s, row) => file(s, `${row.card}/type`) },
  { title: 'MODE', width: 11, value: (s, row) => modeOf(functionsOf(s, row)) },
  { title: 'STATUS', width: 10, value: statusOf },
];
const REQUESTS: Column = {
  title: 'REQUESTS',
  width: 8,
  right: true,
  value: (s, row) => (deconfigured(s, row) ? '-' : file(s, `${row.path}/request_count`)),
};
const SERIALNR: Column = {
  title: 'SERIALNR',
  width: 8,
  value: (s, row) => file(s, `${row.card}/serialnr`),
};
const VERBOSE: readonly Column[] = [
  { title: 'PENDING', width: 8, right: true, value: pendingOf },
  { title: 'HWTYPE', width: 6, right: true, value: (s, row) => file(s, `${row.card}/hwtype`) },
  {
    title: 'QDEPTH',
    width: 6,
    right: true,
    value: depthOf,
  },
  { title: 'FUNCTIONS', width: 10, value: (s, row) => functionLetters(functionsOf(s, row)) },
  { title: 'DRIVER', width: 11, value: (s, row) => driverOf(s, row.path) ?? '-no-driver-' },
];
const SESTAT: Column = { title: 'SESTAT', width: 11, value: sestat };

function columnsFor(sysfs: Sysfs, options: Options): readonly Column[] {
  const columns = [...BASE, options.serial ? SERIALNR : REQUESTS];
  if (options.verbose) {
    columns.push(...VERBOSE);
    if (readLine(sysfs, `${AP_BUS}/features`)?.split(' ').includes('APSB')) columns.push(SESTAT);
  }
  return columns;
}

const cell = (text: string, { width, right }: Column): string =>
  right ? text.padStart(width) : text.padEnd(width);

function allRows(sysfs: Sysfs): Row[] {
  return namesIn(sysfs, AP_DEVICES, /^card[0-9a-f]{2}$/).flatMap((cardName) => {
    const card = `${AP_DEVICES}/${cardName}`;
    const queues = namesIn(sysfs, card, /^[0-9a-f]{2}\.[0-9a-f]{4}$/);
    return [
      { name: cardName.slice(4), path: card, card, isQueue: false },
      ...queues.map((name) => ({ name, path: `${card}/${name}`, card, isQueue: true })),
    ];
  });
}

/** What zcrypt does not drive shows in the long listing only. */
const drivenByZcrypt = (sysfs: Sysfs, row: Row): boolean =>
  readLine(sysfs, `${row.card}/type`) !== undefined &&
  readLine(sysfs, `${row.path}/online`) !== undefined;

function wanted(sysfs: Sysfs, row: Row, options: Options): boolean {
  if (options.cardsOnly && row.isQueue) return false;
  if (options.queuesOnly && !row.isQueue) return false;
  if (!options.verbose && !drivenByZcrypt(sysfs, row)) return false;
  if (options.filter === undefined) return true;
  const functions = functionsOf(sysfs, row);
  return MODES.find(([bit]) => (functions & bit) !== 0)?.[2] === options.filter;
}

/** A device argument (05, 05.0004, .0004, card05, 0x05) in comparable form. */
function parseDevice(text: string): { card?: string; domain?: string } | undefined {
  const match = /^(?:card|0x)?([0-9a-f]{1,2})?(?:\.([0-9a-f]{1,4}))?$/i.exec(text);
  if (match === null || (match[1] === undefined && match[2] === undefined)) return undefined;
  return {
    ...(match[1] === undefined ? {} : { card: match[1].toLowerCase().padStart(2, '0') }),
    ...(match[2] === undefined ? {} : { domain: match[2].toLowerCase().padStart(4, '0') }),
  };
}

/** Rows of one device argument, or the message of the failure. */
function select(rows: readonly Row[], text: string): Row[] | string {
  const device = parseDevice(text);
  const missing = `Error - cryptographic device ${text} does not exist.`;
  if (device === undefined) return `Error - '${text}' is an invalid device id.`;
  const { card, domain } = device;
  const hit = rows.filter(({ name, isQueue }) => {
    if (domain === undefined) return card === undefined || name.startsWith(card);
    const sameCard = card === undefined || name.startsWith(`${card}.`);
    return isQueue && sameCard && name.endsWith(`.${domain}`);
  });
  if (hit.length > 0) return hit;
  return card === undefined ? 'No queue devices with given domain value found.' : missing;
}

function list(sysfs: Sysfs, options: Options): CommandResult {
  const rows = allRows(sysfs);
  if (rows.length === 0) return failed('No crypto card devices found.');
  let chosen = rows;
  if (options.devices.length > 0) {
    chosen = [];
    for (const text of options.devices) {
      const hit = select(rows, text);
      if (typeof hit === 'string') return failed(hit);
      chosen.push(...hit);
    }
  }
  const columns = columnsFor(sysfs, options);
  const heading = columns.map((c) => cell(c.title, c)).join(' ');
  const lines = chosen
    .filter((row) => wanted(sysfs, row, options))
    .map((row) => columns.map((c) => cell(c.value(sysfs, row), c)).join(' '));
  return done(`${[heading, '-'.repeat(heading.length), ...lines].join('\n')}\n`);
}

/** Option letters and words. */
const OPTIONS: Readonly<Record<string, (o: Options) => void>> = {
  '-V': (o) => {
    o.verbose = true;
  },
  '-s': (o) => {
    o.serial = true;
  },
  '-b': (o) => {
    o.report = 'bus';
  },
  '-d': (o) => {
    o.report = 'domains';
  },
  '-c': (o) => {
    o.report = 'capability';
  },
  '--accelonly': (o) => {
    o.filter = 'accelonly';
  },
  '--ccaonly': (o) => {
    o.filter = 'ccaonly';
  },
  '--ep11only': (o) => {
    o.filter = 'ep11only';
  },
  '--cardonly': (o) => {
    o.cardsOnly = true;
  },
  '--queueonly': (o) => {
    o.queuesOnly = true;
  },
};
const LONG: Readonly<Record<string, string>> = {
  '--verbose': '-V',
  '--serial': '-s',
  '--bus': '-b',
  '--domains': '-d',
  '--capability': '-c',
};

/** Runs `lszcrypt` with these arguments over a tree. Errors: status 1 and one line on standard error. */
export function lszcrypt(sysfs: Sysfs, args: readonly string[] = []): CommandResult {
  const options: Options = {
    verbose: false,
    serial: false,
    report: 'list',
    filter: undefined,
    cardsOnly: false,
    queuesOnly: false,
    devices: [],
  };
  // -VV and -bV as getopt splits them.
  for (const arg of args.flatMap((a) =>
    /^-[a-zA-Z]{2,}$/.test(a) ? [...a.slice(1)].map((c) => `-${c}`) : [a],
  )) {
    if (!arg.startsWith('-')) {
      options.devices.push(arg);
      continue;
    }
    const name = LONG[arg] ?? arg;
    const set = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (set === undefined) return failed(`lszcrypt: unrecognized option '${arg}'`);
    set(options);
  }
  if (!sysfs.exists(AP_BUS)) return failed('Crypto device driver not available.');
  switch (options.report) {
    case 'bus':
      return busReport(sysfs);
    case 'domains':
      return domainReport(sysfs);
    case 'capability':
      return capabilityReport(sysfs, options.devices[0]);
    case 'list':
      return list(sysfs, options);
  }
}
