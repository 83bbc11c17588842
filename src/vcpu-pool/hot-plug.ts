// SPDX-License-Identifier: Apache-2.0
// Hot plug and unplug under load: takes adapters from running guests and gives them back, and checks that nothing reaches a queue after
// it was taken away.
// Source: docs/reference/vfio-ap.md sections 4.1 and 6.1 (O-4, O-6, I-5, I-6).

import {
  K_SAVED_ISC,
  Q_FREE,
  Q_REPLY_HEAD,
  Q_REPLY_TAIL,
  Q_REQUEST_HEAD,
  Q_REQUEST_TAIL,
  Q_STATUS,
} from '../../native-like/machine/layout.ts';
import { permits } from '../../native-like/machine/mask-test.ts';
import type { ExchangeState } from '../guest/built-in/exchange.ts';
import { counts, ExchangeQueues } from '../guest/built-in/exchange-queue.ts';
import type { HotPlugResult } from '../load/result.ts';
import { formatApqn } from '../lpar/profile.ts';
import type { PooledMachine } from './pooled-machine.ts';
import type { WorkerReport } from './task.ts';
import { pause } from './wall-timer.ts';

export interface HotPlugOptions {
  /** Milliseconds between two changes. */
  readonly intervalMs: number;
  readonly durationMs: number;
  /** Whether the guests have ended already. */
  readonly ended?: () => boolean;
}

export type HotPlugOutcome = Pick<HotPlugResult, 'plugs' | 'unplugs' | 'violations'>;

/** Words of a queue record that do not change while nobody uses the queue. */
const QUIET_WORDS = [
  Q_STATUS,
  Q_FREE,
  Q_REPLY_HEAD,
  Q_REPLY_TAIL,
  Q_REQUEST_HEAD,
  Q_REQUEST_TAIL,
] as const;

/** A queue of the guest on an adapter, as it was right after the unplug. */
interface Taken {
  readonly apqn: number;
  readonly words: readonly number[];
}

const lookAt = (pool: PooledMachine, apqn: number): Taken => {
  const { image } = pool.machine;
  const q = image.queue(apqn);
  const words = QUIET_WORDS.map((word) => image.word(q + word));
  return { apqn, words: [...words, image.requestsOf(q)] };
};

/** O-4, I-5, I-6: right after an unplug a queue is empty, has interruptions off, holds no page, and is not in the guest's masks. */
const checkLeft = (pool: PooledMachine, guest: number, { apqn, words }: Taken): string[] => {
  const { image } = pool.machine;
  const found: string[] = [];
  const name = formatApqn(apqn);
  if (words[0] !== (0x80000000 | 0)) found.push(`${name} was not zeroized when it left its guest`);
  if (image.word(image.cold(image.queue(apqn)) + K_SAVED_ISC) !== 0)
    found.push(`${name} still holds a notification byte`);
  if (permits(image, image.masks(guest), apqn))
    found.push(`${name} is still in the masks of its guest`);
  return found;
};

const checkQuiet = (pool: PooledMachine, taken: Taken): string[] => {
  const now = lookAt(pool, taken.apqn).words;
  return now.every((word, n) => word === taken.words[n])
    ? []
    : [`an instruction reached ${formatApqn(taken.apqn)} after it was taken away`];
};

/** Takes away and gives back adapter after adapter, of all guests in turn, until the time is over. At the end every adapter is back. */
export const hotPlug = async (
  pool: PooledMachine,
  options: HotPlugOptions,
): Promise<HotPlugOutcome> => {
  const { guests } = pool.machine;
  const violations: string[] = [];
  const end = performance.now() + options.durationMs;
  let plugs = 0;
  let unplugs = 0;
  const over = (): boolean => performance.now() >= end || options.ended?.() === true;
  for (let turn = 0; !over(); turn++) {
    const guest = guests[turn % guests.length];
    const mdev = guest?.config.mdev;
    if (guest === undefined || mdev === undefined) continue;
    const apid = mdev.adapters[Math.floor(turn / guests.length) % mdev.adapters.length];
    const path = `/sys/devices/vfio_ap/matrix/${guest.uuid}`;
    const change = async (file: string): Promise<void> => {
      const outcome = await pool.write(`${path}/${file}`, `${apid}\n`);
      if (outcome !== 'ok') violations.push(`${file} of ${apid} for ${guest.name}: ${outcome}`);
    };
    await change('unassign_adapter');
    unplugs++;
    const taken = mdev.domains.map((domain) => lookAt(pool, (apid << 8) | domain));
    for (const one of taken) violations.push(...checkLeft(pool, guest.number, one));
    await pause(options.intervalMs, over);
    for (const one of taken) violations.push(...checkQuiet(pool, one));
    await change('assign_adapter');
    plugs++;
    await pause(options.intervalMs, over);
  }
  return { plugs, unplugs, violations };
};

export type Accounts = Omit<HotPlugResult, 'plugs' | 'unplugs'>;

const isExchange = (state: unknown): state is ExchangeState =>
  typeof state === 'object' && state !== null && 'lostWakeups' in state;

/** Counts where all messages of the exchange programs went, from the counts in the guests' storage. The pool must have been stopped. */
export const accountFor = (pool: PooledMachine, reports: readonly WorkerReport[]): Accounts => {
  const sum = { accepted: 0, answered: 0, flushed: 0, refused: 0, inFlight: 0 };
  const violations: string[] = [];
  // A thread that dies may leave a guest's books in the middle of an entry, also one that shares the guest with threads that live.
  const crashed = new Set(pool.crashes.map(({ guest }) => guest));
  for (const vcpu of reports.flatMap((report) => [...report.vcpus])) {
    const { state, guestName } = vcpu;
    if (!isExchange(state)) continue;
    if (vcpu.failure !== undefined) violations.push(`${guestName}.${vcpu.vcpu}: ${vcpu.failure}`);
    if (state.lostWakeups > 0) violations.push(`${guestName}: ${state.lostWakeups} lost wake-ups`);
    if (vcpu.vcpu !== 0) continue;
    const { storage } = pool.machine.guest(guestName);
    const records = new ExchangeQueues(storage, state.apqns);
    for (const queue of state.apqns.map((_apqn, n) => counts(records, n))) {
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += queue[key];
      if (crashed.has(guestName)) continue;
      const name = `${guestName} ${formatApqn(queue.apqn)}`;
      if (queue.spurious > 0) violations.push(`${name}: ${queue.spurious} spurious replies`);
      if (queue.accepted !== queue.answered + queue.flushed + queue.inFlight)
        violations.push(`${name}: ${queue.accepted} accepted, not all accounted for`);
    }
  }
  return { ...sum, violations };
};
