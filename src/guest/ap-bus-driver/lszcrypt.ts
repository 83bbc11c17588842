// SPDX-License-Identifier: Apache-2.0
// The AP bus of the driver's Linux as the record from which lszcrypt's output is made.
// Source: test/golden/linux-guest/lszcrypt-*.txt, docs/reference/messages.md section 6.1 (depth).

import { adapterType, TYPE_CEX2A, TYPE_CEX4 } from '../../../native-like/arch/adapter-types.ts';
import { messageLimit } from '../../../native-like/arch/limits.ts';
import { QCI_ADM, QCI_AQM, QCI_FLAG_ROWS, QCI_MASK_BYTES } from '../../../native-like/arch/qci.ts';
import {
  GR2_A,
  GR2_BS_MASK,
  GR2_BS_SHIFT,
  GR2_D,
  GR2_ML_MASK,
  GR2_ML_SHIFT,
  GR2_QD_MASK,
  GR2_TYPE_SHIFT,
  GR2_X,
} from '../../../native-like/arch/registers.ts';
import type {
  ApSystemRecord,
  BusRecord,
  CardRecord,
  DeviceRecord,
  QueueRecord,
} from '../../s390-tools/ap-system.ts';
import { type ReleaseRow, releaseOf } from '../../s390-tools/releases.ts';
import { NS_PER_SECOND } from '../../units.ts';
import { KERNELS, type KernelName } from './kernels.ts';
import type { ApBusState, CardState, QueueState } from './state.ts';

/** Release of s390-tools in the distribution that has this kernel. */
const RELEASE_OF_KERNEL: Readonly<Record<KernelName, string>> = { '6.1': '2.16', '6.12': '2.35' };

/** Release of s390-tools on this guest: the one that was named, or that of its distribution. */
export const guestRelease = (state: ApBusState, name: string | undefined): ReleaseRow =>
  releaseOf(name ?? RELEASE_OF_KERNEL[state.kernel]);

/** Letter of a card's type, in zcrypt's precedence. */
const TYPE_LETTERS = [
  { bit: GR2_A, letter: 'A' },
  { bit: GR2_D, letter: 'C' },
  { bit: GR2_X, letter: 'P' },
] as const;

const typeName = ({ type, infoHigh }: CardState): string | undefined => {
  const letter = TYPE_LETTERS.find(({ bit }) => (infoHigh & bit) !== 0)?.letter ?? '';
  const name = type < TYPE_CEX2A ? undefined : adapterType(type)?.name;
  // The names of types before CEX4 contain their mode.
  return name === undefined ? undefined : `${name}${type < TYPE_CEX4 ? '' : letter}`;
};

/** The attribute `online` belongs to zcrypt, so a device without that driver does not have it. */
const deviceOf = (
  { config, chkstop, driver, online }: CardState | QueueState,
  requests: number,
  pending: number,
): DeviceRecord => ({
  config,
  chkstop,
  requests: String(requests),
  pending,
  ...(driver === '' ? {} : { driver, online: online && config && !chkstop }),
});

const outstanding = ({ slots }: QueueState): number => slots.pendingCount + slots.waitingCount;

const queueOf = (card: CardState, queue: QueueState): QueueRecord => ({
  ...deviceOf(queue, queue.requests, outstanding(queue)),
  apqi: queue.apqn & 0xff,
  functions: (card.infoHigh & ~GR2_BS_MASK) | (queue.bindState << GR2_BS_SHIFT),
});

const cardOf = (card: CardState, queues: readonly QueueState[], kernel: KernelName): CardRecord => {
  const sum = (of: (queue: QueueState) => number): number =>
    queues.reduce((total, queue) => total + of(queue), 0);
  const type = card.driver === '' ? undefined : typeName(card);
  const ml = (card.infoLow >>> GR2_ML_SHIFT) & GR2_ML_MASK;
  return {
    ...deviceOf(
      card,
      sum((queue) => queue.requests),
      sum(outstanding),
    ),
    apid: card.apid,
    ...(type === undefined ? {} : { type }),
    functions: card.infoHigh,
    hwtype: String(card.infoLow >>> GR2_TYPE_SHIFT),
    // The file `depth` shows qd in 6.1, and qd + 1 in 6.12.
    depth: (card.infoLow & GR2_QD_MASK) + (kernel === '6.1' ? 0 : 1),
    maxMessageBytes: messageLimit(ml),
    queues: queues.map((queue) => queueOf(card, queue)),
  };
};

const maskOf = ({ qci }: ApBusState, at: number): string =>
  `0x${[...qci.subarray(at, at + QCI_MASK_BYTES)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;

/** Text of the file `features`. Only a secure-execution guest sees the flag for binding. */
const featuresOf = (flags: number): string =>
  QCI_FLAG_ROWS.filter(({ mask }) => (flags & mask) !== 0)
    .map(({ name }) => name)
    .join(' ');

const busOf = (state: ApBusState): BusRecord => {
  const flags = new DataView(state.qci.buffer, state.qci.byteOffset).getInt32(0);
  const masks = (at: number): string => (flags === 0 ? 'not supported' : maskOf(state, at));
  return {
    ...(KERNELS[state.kernel].hasFeatures
      ? { features: flags === 0 ? '-' : featuresOf(flags) }
      : {}),
    domain: state.defaultDomain,
    maxDomain: state.maxApqi,
    interrupts: state.irq,
    configTimeS: state.scanIntervalNs / NS_PER_SECOND,
    pollThread: state.pollThread,
    pollTimeoutNs: state.highPollNs,
    usageDomains: masks(QCI_AQM),
    controlDomains: masks(QCI_ADM),
  };
};

/** The AP bus as this Linux shows it; undefined if there are no AP instructions. */
export const apSystemOf = (state: ApBusState): ApSystemRecord | undefined => {
  if (!state.apInstalled) return undefined;
  const cards = [...state.cards].sort((a, b) => a.apid - b.apid);
  return {
    bus: busOf(state),
    cards: cards.map((card) => {
      const queues = state.queues.filter(({ apqn }) => apqn >> 8 === card.apid);
      return cardOf(
        card,
        queues.sort((a, b) => a.apqn - b.apqn),
        state.kernel,
      );
    }),
  };
};
