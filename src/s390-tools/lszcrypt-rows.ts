// SPDX-License-Identifier: Apache-2.0
// The rows of lszcrypt: from the record of a card or queue and the release of s390-tools to the cells of its line.
// Source: test/golden/s390-tools, test/golden/linux-guest/lszcrypt-*.txt; docs/reference/vfio-ap.md section 7.4.
import {
  GR2_A,
  GR2_BS_MASK,
  GR2_BS_SHIFT,
  GR2_C,
  GR2_D,
  GR2_FULL_FUNCTION,
  GR2_H,
  GR2_M,
  GR2_N,
  GR2_RESTRICTED_FUNCTION,
  GR2_S,
  GR2_X,
} from '../../native-like/arch/registers.ts';
import { type ApSystemRecord, type CardRecord, type QueueRecord, queueName } from './ap-system.ts';
import type { ReleaseRow } from './releases.ts';
import type { Column } from './text-table.ts';

/** A line's subject: a card, or a queue with its card. */
export interface Device {
  readonly card: CardRecord;
  readonly queue?: QueueRecord;
}

/** Modes in the order their bits are looked at. */
const MODES = [
  { bit: GR2_D, name: 'CCA-Coproc' },
  { bit: GR2_A, name: 'Accelerator' },
  { bit: GR2_X, name: 'EP11-Coproc' },
] as const;

/** Letters of the column FUNCTIONS, from bit 0 on. */
const LETTERS = [
  { bit: GR2_S, letter: 'S' },
  { bit: GR2_M, letter: 'M' },
  { bit: GR2_C, letter: 'C' },
  { bit: GR2_D, letter: 'D' },
  { bit: GR2_A, letter: 'A' },
  { bit: GR2_X, letter: 'X' },
  { bit: GR2_N, letter: 'N' },
  { bit: GR2_H, letter: 'H' },
  { bit: GR2_FULL_FUNCTION, letter: 'F' },
  { bit: GR2_RESTRICTED_FUNCTION, letter: 'R' },
] as const;

/** Texts of the column SESTAT, by the bind state of TAPQ. */
const BIND_STATES = ['usable', 'bound', 'unbound', 'illicit'] as const;

const DRIVEN_BY_ZCRYPT = /cex[0-9](card|queue)/;
const KNOWN_DRIVER = /cex[0-9](card|queue)|vfio.ap/;
const NONE = '-';

const nameOf = ({ card, queue }: Device): string =>
  queue === undefined ? card.apid.toString(16).padStart(2, '0') : queueName(card.apid, queue.apqi);

const stateOf = ({ card, queue }: Device): CardRecord | QueueRecord => queue ?? card;

const modeOf = ({ functions }: CardRecord): string =>
  MODES.find(({ bit }) => (functions & bit) !== 0)?.name ?? 'Unknown';

/** Before 2.17 a device that is online is that, whatever else is known of it. */
function earlyStatus(device: Device): string {
  const { online, config } = stateOf(device);
  if (online === undefined) return NONE;
  if (online) return 'online';
  return config === false ? 'deconfig' : 'offline';
}

function statusOf(device: Device): string {
  const { config, chkstop, online } = stateOf(device);
  if (config === false) return 'deconfig';
  if (chkstop === true) return 'chkstop';
  if (online !== undefined) return online ? 'online' : 'offline';
  return device.queue?.status ?? NONE;
}

/** A deconfigured device has no counts; a queue without zcrypt has no requests under way. */
function pendingOf(device: Device): string {
  const { card, queue } = device;
  if (card.config === false) return NONE;
  if (queue !== undefined && !DRIVEN_BY_ZCRYPT.test(queue.driver ?? '')) return NONE;
  return String(stateOf(device).pending);
}

const requestsOf = (device: Device): string =>
  stateOf(device).config === false ? NONE : stateOf(device).requests;

function driverOf(device: Device, { early }: ReleaseRow): string {
  const { driver } = stateOf(device);
  const named = driver !== undefined && (early || KNOWN_DRIVER.test(driver));
  return named ? driver : '-no-driver-';
}

function bindStateOf({ queue }: Device, { zeroWordIsInvalid }: ReleaseRow): string {
  if (queue === undefined) return NONE;
  if (queue.functions === undefined) return 'error';
  if (queue.functions === 0 && zeroWordIsInvalid) return 'invalid';
  return BIND_STATES[(queue.functions & GR2_BS_MASK) >>> GR2_BS_SHIFT];
}

const lettersOf = ({ functions }: CardRecord, { early }: ReleaseRow): string =>
  LETTERS.filter(({ letter }) => letter !== 'H' || !early)
    .map(({ bit, letter }) => ((functions & bit) !== 0 ? letter : NONE))
    .join('');

/** The cells of a line as texts. */
export interface LszcryptRow {
  /** `05` for a card, `05.0004` for a queue. */
  readonly id: string;
  readonly type: string;
  readonly mode: string;
  readonly status: string;
  readonly requests: string;
  readonly pending: string;
  readonly hwtype: string;
  readonly qdepth: string;
  readonly functions: string;
  readonly driver: string;
  /** Shown only where the bus binds queues. */
  readonly sestat: string;
}

/** What the lszcrypt of a release says of a card or queue. */
export function rowOf(device: Device, release: ReleaseRow): LszcryptRow {
  const { early, depthPlusOne } = release;
  const { card } = device;
  const state = stateOf(device);
  return {
    id: nameOf(device),
    type: card.type ?? NONE,
    mode: modeOf(card),
    status: early ? earlyStatus(device) : statusOf(device),
    requests: early ? state.requests : requestsOf(device),
    pending: early ? String(state.pending) : pendingOf(device),
    hwtype: card.hwtype,
    qdepth: String(card.depth + (depthPlusOne ? 1 : 0)).padStart(2, '0'),
    functions: lettersOf(card, release),
    driver: driverOf(device, release),
    sestat: bindStateOf(device, release),
  };
}

/** All rows of a system, each card before its queues. */
export const rowsOf = ({ cards }: ApSystemRecord, release: ReleaseRow): LszcryptRow[] =>
  cards.flatMap((card) => [
    rowOf({ card }, release),
    ...card.queues.map((queue) => rowOf({ card, queue }, release)),
  ]);

const column = (
  key: keyof LszcryptRow,
  title: string,
  width: number,
  right = false,
): Column<LszcryptRow> => ({ title, width, right, value: (row) => row[key] });

/** The columns before the counts. */
export const identityColumns = ({ early }: ReleaseRow): readonly Column<LszcryptRow>[] => [
  early ? column('id', 'CARD.DOMAIN', 11) : column('id', 'CARD.DOM', 8),
  column('type', 'TYPE', 5),
  column('mode', 'MODE', 11),
  column('status', 'STATUS', early ? 8 : 10),
];

/** The columns of `lszcrypt` without options. */
export const shortColumns = (release: ReleaseRow): readonly Column<LszcryptRow>[] => [
  ...identityColumns(release),
  column('requests', 'REQUESTS', 8, true),
];

/** The columns of `lszcrypt -V`, the last one only where the bus binds queues. */
export const longColumns = (
  release: ReleaseRow,
  binding: boolean,
): readonly Column<LszcryptRow>[] => [
  ...shortColumns(release),
  column('pending', 'PENDING', 8, true),
  column('hwtype', 'HWTYPE', 6, true),
  column('qdepth', 'QDEPTH', 6, true),
  column('functions', 'FUNCTIONS', 10),
  column('driver', 'DRIVER', 11),
  ...(binding && !release.early ? [column('sestat', 'SESTAT', 11)] : []),
];
