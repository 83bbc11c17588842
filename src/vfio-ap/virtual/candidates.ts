// SPDX-License-Identifier: Apache-2.0
// The real queues behind a virtual one, and what the guest is shown of them.
// Source: docs/reference/vfio-ap.md section 8.3 (V-05, V-08, V-11); decision VD-50.
import { DEPTH_MAX, ML_UNIT_BYTES } from '../../../native-like/arch/limits.ts';
import {
  GR2_ML_MASK,
  GR2_ML_SHIFT,
  GR2_QD_MASK,
  GR2_TYPE_SHIFT,
} from '../../../native-like/arch/registers.ts';
import { STATUS_FULL } from '../../../native-like/arch/status-word.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  ATTENTION_ABSENT,
  ATTENTION_CHECKSTOPPED,
  ATTENTION_DECONFIGURED,
  ATTENTION_POOL,
  C_GENERATION,
  K_MODE,
  K_OPEN_SLOT,
  Q_ALL_FREE,
  Q_ATTENTION,
  Q_FREE,
  Q_GR2_HIGH,
  Q_GR2_LOW,
  Q_LIMIT,
  Q_STATUS,
} from '../../../native-like/machine/layout.ts';
import { E_APM, E_AQM, E_LIMIT, E_QUEUE } from '../../../native-like/machine/virtual-layout.ts';

const WORDS = 8;
/** The fields of GR2 bits 32-63 that are computed from all candidates. The others are those of the first candidate. */
const COMMON_FIELDS = (0xff << GR2_TYPE_SHIFT) | (GR2_ML_MASK << GR2_ML_SHIFT) | GR2_QD_MASK;

/** Numbers of the bits that are on in a mask of eight words, ascending. */
const numbersOf = (image: MachineImage, at: number): number[] => {
  const numbers: number[] = [];
  for (let word = 0; word < WORDS; word++) {
    for (let rest = image.word(at + word); rest !== 0; ) {
      const lead = Math.clz32(rest);
      numbers.push(word * 32 + lead);
      rest &= ~(0x80000000 >>> lead);
    }
  }
  return numbers;
};

/** Queue records of those real APQNs of an entry that the partition has, by APQN. */
const namedQueues = (image: MachineImage, entry: number): number[] => {
  const domains = numbersOf(image, entry + E_AQM);
  const none = image.queueRecord(0);
  return numbersOf(image, entry + E_APM)
    .flatMap((apid) => domains.map((apqi) => image.queue((apid << 8) | apqi)))
    .filter((q) => q !== none);
};

/** The candidates of one virtual queue. They are looked up again when the host has changed something. */
interface Known {
  readonly generation: number;
  readonly usable: readonly number[];
  /** Depth that the virtual queue is to get once it is empty; undefined if it has its depth. */
  shrinksTo: number | undefined;
}

export class Candidates {
  readonly #image: MachineImage;
  readonly #known = new Map<number, Known>();

  constructor(image: MachineImage) {
    this.#image = image;
  }

  /**
   * The real queues to which a message of the entry may go: bound to vfio_ap, configured, not checkstopped, and of the same mode as the
   * first of them.
   */
  of(entry: number): readonly number[] {
    const generation = this.#image.word(C_GENERATION);
    let known = this.#known.get(entry);
    if (known?.generation !== generation) {
      known = { generation, ...this.#look(entry) };
      this.#known.set(entry, known);
    }
    if (known.shrinksTo !== undefined)
      known.shrinksTo = this.#resize(this.#image.word(entry + E_QUEUE), known.shrinksTo);
    return known.usable;
  }

  #look(entry: number): Pick<Known, 'usable' | 'shrinksTo'> {
    const image = this.#image;
    const pooled = namedQueues(image, entry).filter(
      (q) => (image.word(q + Q_ATTENTION) & ATTENTION_POOL) !== 0,
    );
    const mode = pooled.length === 0 ? 0 : image.word(image.cold(pooled[0]) + K_MODE);
    const right = pooled.filter((q) => image.modeOf(q) === mode);
    const off = ATTENTION_DECONFIGURED | ATTENTION_CHECKSTOPPED;
    const usable = right.filter((q) => (image.word(q + Q_ATTENTION) & off) === 0);
    return { usable, shrinksTo: this.#show(entry, right, usable) };
  }

  /**
   * Sets what the guest sees (V-08 and V-11): the type, functions and limit that all candidates have in common, and a depth that is the
   * sum of theirs. Without candidates, it sees the state that took the last of them away. Returns the depth that the queue is to have.
   */
  #show(entry: number, all: readonly number[], usable: readonly number[]): number | undefined {
    const { i32 } = this.#image;
    const word = (queue: number, at: number): number => this.#image.word(queue + at);
    const q = this.#image.word(entry + E_QUEUE);
    const gone = usable.length > 0 ? 0 : this.#goneBy(all);
    const states = ATTENTION_ABSENT | ATTENTION_DECONFIGURED | ATTENTION_CHECKSTOPPED;
    i32[q + Q_ATTENTION] = (word(q, Q_ATTENTION) & ~states) | gone;
    const shown = usable.length > 0 ? usable : all;
    const first = shown[0];
    if (first === undefined) return undefined;
    const low = shown.map((queue) => word(queue, Q_GR2_LOW));
    const least = (field: (value: number) => number): number => Math.min(...low.map(field));
    const sum = low.reduce((total, value) => total + (value & GR2_QD_MASK) + 1, 0);
    const depth = Math.min(DEPTH_MAX, sum);
    const limit = Math.min(word(entry, E_LIMIT), ...shown.map((queue) => word(queue, Q_LIMIT)));
    i32[q + Q_LIMIT] = limit;
    i32[q + Q_GR2_HIGH] = shown.reduce((common, queue) => common & word(queue, Q_GR2_HIGH), -1);
    i32[q + Q_GR2_LOW] =
      (word(first, Q_GR2_LOW) & ~COMMON_FIELDS) |
      (least((value) => value >>> GR2_TYPE_SHIFT) << GR2_TYPE_SHIFT) |
      (((limit / ML_UNIT_BYTES) & GR2_ML_MASK) << GR2_ML_SHIFT) |
      (depth - 1);
    return depth;
  }

  #goneBy(all: readonly number[]): number {
    const attention = all.map((q) => this.#image.word(q + Q_ATTENTION));
    if (attention.some((bits) => (bits & ATTENTION_DECONFIGURED) !== 0))
      return ATTENTION_DECONFIGURED;
    return attention.length > 0 ? ATTENTION_CHECKSTOPPED : ATTENTION_ABSENT;
  }

  /**
   * Makes the queue accept `depth` messages. Since messages keep their slots, a queue gets shallower only while it is empty: until then
   * the depth is returned, to be tried again.
   */
  #resize(q: number, depth: number): number | undefined {
    const { i32 } = this.#image;
    const before = this.#image.word(q + Q_ALL_FREE);
    const after = ~(0xffffffff >>> depth) | 0;
    const used = before & ~this.#image.word(q + Q_FREE);
    const open = this.#image.word(this.#image.cold(q) + K_OPEN_SLOT) !== 0;
    if ((used !== 0 || open) && (before & ~after) !== 0) return depth;
    i32[q + Q_ALL_FREE] = after;
    const free = after & ~used;
    i32[q + Q_FREE] = free;
    const status = this.#image.word(q + Q_STATUS) & ~STATUS_FULL;
    i32[q + Q_STATUS] = free === 0 ? status | STATUS_FULL : status;
    return undefined;
  }
}
