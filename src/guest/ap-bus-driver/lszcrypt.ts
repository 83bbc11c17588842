// SPDX-License-Identifier: Apache-2.0
// The driver's own view of its cards and queues, as `lszcrypt -V` prints it, and totals of its statistics.
// Source: test/golden/linux-guest/lszcrypt-*.txt, docs/reference/messages.md section 6.1 (columns, letters, QDEPTH).

import {
  GR2_A,
  GR2_C,
  GR2_D,
  GR2_FULL_FUNCTION,
  GR2_H,
  GR2_M,
  GR2_N,
  GR2_QD_MASK,
  GR2_RESTRICTED_FUNCTION,
  GR2_S,
  GR2_TYPE_SHIFT,
  GR2_X,
} from '../../../native-like/arch/registers.ts';
import type { KernelName } from './kernels.ts';
import type { ApBusState, CardState, QueueState } from './state.ts';
import { addStatistics, createStatistics, type QueueStatistics } from './statistics.ts';

/** One line of lszcrypt, for a card (no `apqn`) or a queue. */
export interface LszcryptRow {
  readonly id: string;
  readonly type: string;
  readonly mode: string;
  readonly status: string;
  readonly requests: number;
  readonly pending: number;
  readonly hwtype: number;
  readonly qdepth: number;
  readonly functions: string;
  readonly driver: string;
}

/** Mode by facility bit, in zcrypt's precedence. */
const MODES = [
  { bit: GR2_A, letter: 'A', name: 'Accelerator' },
  { bit: GR2_D, letter: 'C', name: 'CCA-Coproc' },
  { bit: GR2_X, letter: 'P', name: 'EP11-Coproc' },
] as const;

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

/** Letters of the FUNCTIONS column; s390-tools of the 6.1 guest do not know H. */
const FUNCTION_LETTERS = [
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

interface Column {
  readonly title: string;
  readonly width: number;
  readonly right?: boolean;
  readonly value: (row: LszcryptRow) => string;
}

const two = (n: number): string => String(n).padStart(2, '0');

/** The columns of lszcrypt -V; widths of the first and fourth differ between the s390-tools of the two guests. */
const columnsOf = (kernel: KernelName): readonly Column[] => [
  kernel === '6.1'
    ? { title: 'CARD.DOMAIN', width: 11, value: (row) => row.id }
    : { title: 'CARD.DOM', width: 8, value: (row) => row.id },
  { title: 'TYPE', width: 5, value: (row) => row.type },
  { title: 'MODE', width: 11, value: (row) => row.mode },
  { title: 'STATUS', width: kernel === '6.1' ? 8 : 10, value: (row) => row.status },
  { title: 'REQUESTS', width: 8, right: true, value: (row) => String(row.requests) },
  { title: 'PENDING', width: 8, right: true, value: (row) => String(row.pending) },
  { title: 'HWTYPE', width: 6, right: true, value: (row) => two(row.hwtype) },
  { title: 'QDEPTH', width: 6, right: true, value: (row) => two(row.qdepth) },
  { title: 'FUNCTIONS', width: 10, value: (row) => row.functions },
  { title: 'DRIVER', width: 11, value: (row) => row.driver },
];

const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');

const functionsText = (kernel: KernelName, functions: number): string =>
  FUNCTION_LETTERS.filter((row) => kernel !== '6.1' || row.letter !== 'H')
    .map((row) => ((functions & row.bit) !== 0 ? row.letter : '-'))
    .join('');

const statusText = (device: CardState | QueueState): string => {
  if (device.chkstop) return 'chkstop';
  if (!device.config) return 'deconfig';
  // The attribute `online` is zcrypt's, so a device without its driver has none.
  if (device.driver === '') return '-';
  return device.online ? 'online' : 'offline';
};

/** What a card and its queues show alike. */
const shared = (
  kernel: KernelName,
  card: CardState,
): Pick<LszcryptRow, 'type' | 'mode' | 'hwtype' | 'qdepth' | 'functions'> => {
  const mode = MODES.find((row) => (card.infoHigh & row.bit) !== 0);
  const qd = card.infoLow & GR2_QD_MASK;
  return {
    type: `${TYPE_NAMES[card.type] ?? '-'}${card.type >= 10 ? (mode?.letter ?? '') : ''}`,
    mode: mode?.name ?? '-',
    hwtype: card.infoLow >>> GR2_TYPE_SHIFT,
    // sysfs depth is qd in 6.1 and qd + 1 in 6.12; both programs show it plus one.
    qdepth: qd + (kernel === '6.1' ? 1 : 2),
    functions: functionsText(kernel, card.infoHigh),
  };
};

const outstanding = (queue: QueueState): number =>
  queue.slots.pendingCount + queue.slots.waitingCount;

/** Cards and queues in lszcrypt's order: each card, then its queues, by number. */
export const lszcryptRows = (state: ApBusState): LszcryptRow[] => {
  const rows: LszcryptRow[] = [];
  const sum = (queues: QueueState[], of: (queue: QueueState) => number): number =>
    queues.reduce((total, queue) => total + of(queue), 0);
  for (const card of [...state.cards].sort((a, b) => a.apid - b.apid)) {
    const common = shared(state.kernel, card);
    const queues = state.queues
      .filter((queue) => queue.apqn >> 8 === card.apid)
      .sort((a, b) => a.apqn - b.apqn);
    rows.push({
      id: hex(card.apid, 2),
      status: statusText(card),
      requests: sum(queues, (queue) => queue.requests),
      pending: sum(queues, outstanding),
      driver: card.driver === '' ? '-no-driver-' : card.driver,
      ...common,
    });
    for (const queue of queues) {
      rows.push({
        id: `${hex(card.apid, 2)}.${hex(queue.apqn & 0xff, 4)}`,
        status: statusText(queue),
        requests: queue.requests,
        pending: outstanding(queue),
        driver: queue.driver === '' ? '-no-driver-' : queue.driver,
        ...common,
      });
    }
  }
  return rows;
};

/** The table as the lszcrypt of a guest with this kernel prints it, header and rule included, no line end at the end. */
export const lszcryptText = (kernel: KernelName, rows: readonly LszcryptRow[]): string => {
  const columns = columnsOf(kernel);
  const line = (cell: (column: Column) => string): string =>
    columns
      .map((column) => {
        const text = cell(column);
        return column.right === true ? text.padStart(column.width) : text.padEnd(column.width);
      })
      .join(' ');
  const header = line((column) => column.title);
  const body = rows.map((row) => line((column) => column.value(row)));
  return [header, '-'.repeat(header.length), ...body].join('\n');
};

/** Statistics of all queues together, those that are gone included. */
export const totalStatistics = (state: ApBusState): QueueStatistics => {
  const total = createStatistics();
  addStatistics(total, state.retired);
  for (const queue of state.queues) addStatistics(total, queue.statistics);
  return total;
};
