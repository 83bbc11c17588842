// SPDX-License-Identifier: Apache-2.0
// Reads what threads write into their trace rings (native-like/exec/trace.ts) while they go on.
// Source: docs/reference/performance.md section 5 (raw ring, drained by the main thread, encoded off the hot path).
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_TRACE,
  C_TRACE_RECORDS,
  T_TRACE,
  THREADS_MAX,
} from '../../native-like/machine/layout.ts';
import { TRACE_WORDS } from '../../native-like/machine/trace-layout.ts';
import {
  byTime,
  isInstruction,
  readRecord,
  readService,
  type ServiceRecord,
  type TraceRecord,
} from './record.ts';

/** Records a ring holds: a few milliseconds of a thread that does nothing but instructions, 1 MiB. A power of two. */
export const TRACE_RECORDS = 32_768;

/**
 * Takes records in the order of their time. `lost` is how many have been overwritten so far before they were read. `services` are the
 * requests that adapters have taken meanwhile, in the order of each queue.
 */
export type TakeTrace = (
  records: readonly TraceRecord[],
  lost: number,
  services: readonly ServiceRecord[],
) => void;

/** The trace rings of a machine. */
export class TraceRings {
  readonly #image: MachineImage;
  readonly #nameOf: (guest: number) => string;
  readonly #take: TakeTrace;
  /** Records read, for each thread, modulo 2^32. */
  readonly #taken = new Int32Array(THREADS_MAX);
  /** Records that were overwritten before they were read. */
  #lost = 0;

  /** `nameOf` names a guest by its number in the image; `take` gets the records. */
  constructor(image: MachineImage, nameOf: (guest: number) => string, take: TakeTrace) {
    this.#image = image;
    this.#nameOf = nameOf;
    this.#take = take;
  }

  /** Whether a ring of this thread will be full soon. */
  isFilling(thread: number): boolean {
    return (this.#count(thread) - this.#taken[thread]) >>> 0 > TRACE_RECORDS / 2;
  }

  /** Hands over all records since the last call, in the order of their time. Returns how many were lost so far. */
  flush(): number {
    const records: TraceRecord[] = [];
    const services: ServiceRecord[] = [];
    for (let thread = 0; thread < THREADS_MAX; thread++)
      for (const record of this.#drainThread(thread)) {
        if ('instruction' in record) records.push(record);
        else services.push(record);
      }
    if (records.length + services.length > 0)
      this.#take(records.sort(byTime), this.#lost, services);
    return this.#lost;
  }

  #count(thread: number): number {
    return Atomics.load(this.#image.i32, this.#image.thread(thread) + T_TRACE);
  }

  #read(at: number): TraceRecord | ServiceRecord {
    return isInstruction(this.#image, at)
      ? readRecord(this.#image, at, this.#nameOf)
      : readService(this.#image, at);
  }

  #drainThread(thread: number): readonly (TraceRecord | ServiceRecord)[] {
    const end = this.#count(thread);
    const size = this.#image.word(C_TRACE_RECORDS);
    const fresh = Math.min((end - this.#taken[thread]) >>> 0, size);
    const ring = this.#image.word(C_TRACE) + thread * size * TRACE_WORDS;
    const found: (TraceRecord | ServiceRecord)[] = [];
    for (let n = fresh; n > 0; n--)
      found.push(this.#read(ring + ((end - n) & (size - 1)) * TRACE_WORDS));
    // The thread has gone on meanwhile. Records that it may have overwritten, including the one it is writing, do not count.
    const overwritten = Math.max(0, ((this.#count(thread) - end) >>> 0) + fresh + 1 - size);
    this.#lost += ((end - this.#taken[thread]) >>> 0) - fresh;
    this.#lost += Math.min(overwritten, fresh);
    this.#taken[thread] = end;
    return found.slice(overwritten);
  }
}
