// SPDX-License-Identifier: Apache-2.0
// The queue records of a partition in the image. A record is taken when a queue comes, and kept for the next queue when it goes.
// Source: docs/reference/ap-architecture.md sections 1.2, 2.4, 4.7 and decision AD-24.
import { adapterMode } from '../../native-like/arch/adapter-types.ts';
import { FACILITY_APXA } from '../../native-like/arch/facilities.ts';
import { DEFAULT_ND, messageLimit } from '../../native-like/arch/limits.ts';
import { QCI_FLAG_R } from '../../native-like/arch/qci.ts';
import {
  GR2_ML_SHIFT,
  GR2_N,
  GR2_ND_SHIFT,
  GR2_TYPE_SHIFT,
} from '../../native-like/arch/registers.ts';
import { STATUS_EMPTY } from '../../native-like/arch/status-word.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  ATTENTION_DOMAIN,
  ATTENTION_SHARED,
  C_COLD,
  C_INDEX,
  C_QCI_FLAGS,
  C_QUEUES,
  COLD_WORDS,
  DEVICE_ADAPTER,
  DEVICE_LOOPBACK,
  G_FACILITIES,
  K_APQN,
  K_MODE,
  Q_ALL_FREE,
  Q_ATTENTION,
  Q_COLD,
  Q_DEVICE,
  Q_FREE,
  Q_GR2_HIGH,
  Q_GR2_LOW,
  Q_LIMIT,
  Q_SLOTS_BYTE,
  Q_STATUS,
  Q_STRIDE_BYTE,
  QUEUE_WORDS,
  QUEUES_MAX,
} from '../../native-like/machine/layout.ts';
import { ApemuError } from '../errors.ts';
import type { AdapterProfile } from './profile.ts';
import { type PutBack, rememberList } from './remember.ts';

/** Words of a queue record that say where its slots are and how many and how large they are. */
const SLOT_WORDS = [Q_SLOTS_BYTE, Q_STRIDE_BYTE, Q_LIMIT, Q_ALL_FREE] as const;

/** Sets or clears an attention bit of a queue. */
export const setAttention = (image: MachineImage, q: number, bit: number, on: boolean): void => {
  const attention = image.word(q + Q_ATTENTION);
  image.i32[q + Q_ATTENTION] = on ? attention | bit : attention & ~bit;
};

/** Decides whether the adapter model gets the queue's messages, or the kernel itself answers them. */
export const selectDevice = (
  image: MachineImage,
  q: number,
  adapter: AdapterProfile | undefined,
  messageFaults: boolean,
): void => {
  const instant =
    adapter?.mode === 'loopback' && adapter.service.model === 'instant' && !messageFaults;
  image.i32[q + Q_DEVICE] = instant ? DEVICE_LOOPBACK : DEVICE_ADAPTER;
};

/** Whether NQAP refuses a request for a foreign domain. With RC8A the reply does that instead (section 4.7). */
const checksDomains = (image: MachineImage, adapter: AdapterProfile): boolean => {
  const parses = adapter.mode === 'cca' || adapter.mode === 'ep11';
  return parses && (image.word(C_QCI_FLAGS) & QCI_FLAG_R) === 0;
};

/** Facility word of TAPQ: that of the profile, or what AD-24 sets for the mode on this machine. */
const functionsOf = (image: MachineImage, adapter: AdapterProfile): number => {
  if (adapter.functions !== undefined) return adapter.functions;
  const apxa = (image.word(image.guest(0) + G_FACILITIES) & FACILITY_APXA) !== 0;
  const preset = adapterMode(adapter.mode).functions;
  return apxa ? preset : preset & ~GR2_N;
};

/** AD-08: a message that some queue of the partition would accept has a legal length also for a queue that is not available or has gone. */
const raiseUnavailableLimit = (image: MachineImage, limit: number): void => {
  const word = image.queueRecord(0) + Q_LIMIT;
  image.i32[word] = Math.max(image.word(word), limit);
};

export class QueueRecords {
  readonly #image: MachineImage;
  /** Records of queues that have gone, to be used again. */
  readonly #free: number[] = [];

  constructor(image: MachineImage) {
    this.#image = image;
  }

  /** Records of queues that have gone, for saving a machine. */
  get free(): readonly number[] {
    return this.#free;
  }

  remember(): PutBack {
    return rememberList(this.#free);
  }

  /** Sets which records are free, in a restored machine. */
  restore(free: readonly number[]): void {
    this.#free.splice(0, this.#free.length, ...free);
  }

  /** Makes an idle queue of an adapter in a domain. `attention` are the attention bits with which it begins. */
  add(adapter: AdapterProfile, domain: number, attention: number): void {
    const image = this.#image;
    const { i32 } = image;
    const q = this.take();
    const cold = image.cold(q);
    const apqn = (adapter.apid << 8) | domain;
    const slots = SLOT_WORDS.map((word) => image.word(q + word));
    i32.fill(0, q, q + QUEUE_WORDS);
    i32.fill(0, cold, cold + COLD_WORDS);
    const allFree = adapter.depth >= 32 ? -1 : ~(0xffffffff >>> adapter.depth);
    i32[q + Q_STATUS] = STATUS_EMPTY;
    i32[q + Q_COLD] = cold;
    i32[q + Q_FREE] = allFree;
    i32[q + Q_ALL_FREE] = allFree;
    i32[q + Q_LIMIT] = messageLimit(adapter.ml);
    raiseUnavailableLimit(image, messageLimit(adapter.ml));
    this.#keepSlots(q, slots);
    i32[q + Q_GR2_HIGH] = functionsOf(image, adapter);
    i32[q + Q_GR2_LOW] =
      (adapter.type << GR2_TYPE_SHIFT) |
      ((adapter.nd ?? DEFAULT_ND) << GR2_ND_SHIFT) |
      (adapter.ml << GR2_ML_SHIFT) |
      (adapter.depth - 1);
    i32[cold + K_APQN] = apqn;
    i32[cold + K_MODE] = adapterMode(adapter.mode).number;
    selectDevice(image, q, adapter, false);
    i32[q + Q_ATTENTION] = attention | (checksDomains(image, adapter) ? ATTENTION_DOMAIN : 0);
    i32[image.word(C_INDEX) + apqn] = q;
  }

  /** Takes an empty queue out of the index, and keeps its record. */
  remove(apqn: number, q: number): void {
    const image = this.#image;
    image.i32[image.word(C_INDEX) + apqn] = image.queueRecord(0);
    image.i32[q + Q_ATTENTION] = image.word(q + Q_ATTENTION) & ATTENTION_SHARED;
    this.#free.push(q);
  }

  /** Gives back a record that is not in the index. */
  give(q: number): void {
    this.#image.i32[q + Q_ATTENTION] = 0;
    this.#free.push(q);
  }

  /** A record that nobody uses. Its words have whatever values they had. */
  take(): number {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    const image = this.#image;
    const number = image.queues;
    if (number > QUEUES_MAX)
      throw new ApemuError('APEMU_ERR_LPAR_QUEUE', 'there are no more queue records');
    image.i32[C_QUEUES] = number + 1;
    const q = image.queueRecord(number);
    image.i32[q + Q_COLD] = image.word(C_COLD) + number * COLD_WORDS;
    return q;
  }

  /** Keeps the slots of a reused record if they have the right size; otherwise the queue will take new ones. */
  #keepSlots(q: number, slots: readonly number[]): void {
    const [first, stride, limit, allFree] = slots as readonly [number, number, number, number];
    const { i32 } = this.#image;
    if (limit !== i32[q + Q_LIMIT] || allFree !== i32[q + Q_ALL_FREE]) return;
    i32[q + Q_SLOTS_BYTE] = first;
    i32[q + Q_STRIDE_BYTE] = stride;
  }
}
