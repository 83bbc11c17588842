// SPDX-License-Identifier: Apache-2.0
// The machine image: one shared memory laid out by machine/layout.ts, with views over it, for code off the instruction path.
// Source: docs/reference/performance.md section 3. Status: choice.
import { ML_ZERO_BYTES, PAGE_BYTES } from '../arch/limits.ts';
import { CR6_SUBCLASSES, PSW_BA, PSW_EA, PSW_IO } from '../arch/psw.ts';
import { AP_RESPONSE_Q_NOT_AVAIL } from '../arch/response-codes.ts';
import { STATUS_RC_SHIFT } from '../arch/status-word.ts';
import { createSharedMemory, type SharedMemory } from './globals.ts';
import {
  type ImageShape,
  imageBytes,
  regionsOf,
  roundUp,
  storageBytes,
  vcpuCount,
} from './image-shape.ts';
import {
  ADAPTER_WORDS,
  ADM_WORDS,
  ATTENTION_ABSENT,
  C_ADAPTER,
  C_ADM,
  C_CLOCKS,
  C_COLD,
  C_CRYCB_BYTE,
  C_FAULTS,
  C_GISA_BYTE,
  C_GUEST,
  C_GUESTS,
  C_INDEX,
  C_MASKS,
  C_PENDING_BYTE,
  C_POOL_BYTE,
  C_POOL_END_BYTE,
  C_POOL_NEXT_BYTE,
  C_QUEUE,
  C_QUEUES,
  C_RUNNER,
  C_STORAGE_BYTE,
  C_STORAGE_END_BYTE,
  C_TRACE_RECORDS,
  C_VCPU,
  C_VCPUS,
  C_VIRTUAL_MASKS,
  CLOCK_STRIDE,
  COLD_WORDS,
  CONTROL_BYTES,
  CRYCB_STRIDE_BYTE,
  FAULT_WORDS,
  G_FIRST_VCPU,
  G_STORAGE_BYTE,
  G_STORAGE_SIZE,
  G_VCPUS,
  GISA_STRIDE_BYTE,
  GUEST_WORDS,
  IMAGE_BYTES_MAX,
  K_APQN,
  K_MODE,
  K_OWNER,
  K_REQUESTS,
  MASK_WORDS,
  Q_ATTENTION,
  Q_COLD,
  Q_LIMIT,
  Q_STATUS,
  QUEUE_WORDS,
  V_CR6,
  V_FACILITIES,
  V_GUEST,
  V_MASKS,
  V_PSW_MASK_HIGH,
  V_PSW_MASK_LOW,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
  V_TRUE_MASKS,
  VCPU_WORDS,
} from './layout.ts';

/** Views over one machine's memory, and the places of its records. Code on the instruction path uses constants instead. */
export class MachineImage {
  readonly memory: SharedMemory;
  readonly i32: Int32Array;
  readonly u8: Uint8Array;
  /** The same bytes for the big-endian fields of control blocks and lowcores. It is made once, since making one costs a microsecond. */
  readonly view: DataView;
  readonly f64: Float64Array;
  /** Called by a thread that has looked many times for a lock of another thread, which may have died. */
  stuck: (() => void) | undefined;

  /** Attaches to a memory that `createImage` has laid out, in this thread or another. */
  constructor(memory: SharedMemory) {
    this.memory = memory;
    this.i32 = new Int32Array(memory.buffer);
    this.u8 = new Uint8Array(memory.buffer);
    this.view = new DataView(memory.buffer);
    this.f64 = new Float64Array(memory.buffer);
  }

  get guests(): number {
    return this.i32[C_GUESTS];
  }
  get vcpus(): number {
    return this.i32[C_VCPUS];
  }
  /** Number of queue records in use, record 0 included. */
  get queues(): number {
    return this.i32[C_QUEUES];
  }
  /** Word index of guest record `guest`. */
  guest(guest: number): number {
    return this.word(C_GUEST) + guest * GUEST_WORDS;
  }
  /** Number of the guest whose record is at word index `record`. */
  guestNumber(record: number): number {
    return (record - this.word(C_GUEST)) / GUEST_WORDS;
  }
  /** Word index of the block of vCPU `n` of `guest`. */
  vcpu(guest: number, n = 0): number {
    return this.word(C_VCPU) + (this.word(this.guest(guest) + G_FIRST_VCPU) + n) * VCPU_WORDS;
  }
  /** Word that says which thread runs the vCPU whose block is at `vcpu`: the thread's number plus 1; 0 = none. */
  runner(vcpu: number): number {
    return this.word(C_RUNNER) + (vcpu - this.word(C_VCPU)) / VCPU_WORDS;
  }
  /** Word index of a thread's block. */
  thread(number: number): number {
    return C_CLOCKS + number * CLOCK_STRIDE;
  }
  /** Word index of the effective masks of `guest`. */
  masks(guest: number): number {
    return this.word(C_MASKS) + guest * MASK_WORDS;
  }
  adm(guest: number): number {
    return this.word(C_ADM) + guest * ADM_WORDS;
  }
  /** Byte offset of the CRYCB of `guest`. */
  crycb(guest: number): number {
    return this.word(C_CRYCB_BYTE) + guest * CRYCB_STRIDE_BYTE;
  }
  gisa(guest: number): number {
    return this.word(C_GISA_BYTE) + guest * GISA_STRIDE_BYTE;
  }
  /** Word index of the queue record of an APQN; that of record 0 when the machine has no such queue. */
  queue(apqn: number): number {
    return this.word(this.word(C_INDEX) + apqn);
  }
  /** Word index of the n-th queue record. */
  queueRecord(n: number): number {
    return this.word(C_QUEUE) + n * QUEUE_WORDS;
  }
  cold(queue: number): number {
    return this.word(queue + Q_COLD);
  }
  adapter(apid: number): number {
    return this.word(C_ADAPTER) + apid * ADAPTER_WORDS;
  }
  fault(n: number): number {
    return this.word(C_FAULTS) + n * FAULT_WORDS;
  }
  /** The storage of `guest`, byte by byte. */
  storage(guest: number): Uint8Array {
    const record = this.guest(guest);
    const start = this.word(record + G_STORAGE_BYTE);
    return this.u8.subarray(start, start + this.word(record + G_STORAGE_SIZE));
  }
  word(index: number): number {
    return this.i32[index];
  }
  /** The double at word `word`, which has an even index: a time in nanoseconds. */
  time(word: number): number {
    return this.f64[word >> 1];
  }
  setTime(word: number, ns: number): void {
    this.f64[word >> 1] = ns;
  }
  /** A thread's clock: virtual time in nanoseconds. */
  clock(thread: number): number {
    return this.time(this.thread(thread));
  }
  setClock(thread: number, ns: number): void {
    this.setTime(this.thread(thread), ns);
  }
  /** APQN of a queue. */
  apqnOf(queue: number): number {
    return this.word(this.cold(queue) + K_APQN);
  }
  /** Mode of a queue's adapter: MODE_*. */
  modeOf(queue: number): number {
    return this.word(this.cold(queue) + K_MODE);
  }
  /** Messages a queue has accepted since the machine started, modulo 2^32. */
  requestsOf(queue: number): number {
    return this.word(this.cold(queue) + K_REQUESTS);
  }
  /** Number of the guest that has the queue while vCPUs run on several threads; 0 = the host. */
  ownerOf(queue: number): number {
    return this.word(this.cold(queue) + K_OWNER);
  }
  /** Word index of the record of a vCPU's guest. */
  guestOf(vcpu: number): number {
    return this.word(vcpu + V_GUEST);
  }
}

const initialiseGuests = (image: MachineImage, shape: ImageShape): void => {
  const { i32 } = image;
  let firstVcpu = 0;
  let storage = i32[C_STORAGE_BYTE];
  shape.guests.forEach((guest, number) => {
    const record = image.guest(number);
    i32[record + G_STORAGE_BYTE] = storage;
    i32[record + G_STORAGE_SIZE] = guest.storageBytes;
    i32[record + G_FIRST_VCPU] = firstVcpu;
    i32[record + G_VCPUS] = guest.vcpus;
    for (let n = 0; n < guest.vcpus; n++) {
      const vcpu = image.vcpu(number, n);
      i32[vcpu + V_GUEST] = record;
      i32[vcpu + V_MASKS] = image.masks(number);
      i32[vcpu + V_TRUE_MASKS] = image.masks(number);
      i32[vcpu + V_STORAGE_BYTE] = storage;
      i32[vcpu + V_STORAGE_SIZE] = guest.storageBytes;
      resetVcpu(image, vcpu);
    }
    firstVcpu += guest.vcpus;
    storage += roundUp(guest.storageBytes, PAGE_BYTES);
  });
};

/** Initial state: 64-bit mode, supervisor state, DAT off, key 0, I/O enabled, all sub-classes on in CR6, registers zero. */
export const resetVcpu = (image: MachineImage, vcpu: number): void => {
  const { i32 } = image;
  const keep = [V_GUEST, V_MASKS, V_TRUE_MASKS, V_FACILITIES, V_STORAGE_BYTE, V_STORAGE_SIZE].map(
    (word) => [word, i32[vcpu + word]] as const,
  );
  i32.fill(0, vcpu, vcpu + VCPU_WORDS);
  for (const [word, value] of keep) i32[vcpu + word] = value;
  i32[vcpu + V_PSW_MASK_HIGH] = PSW_EA | PSW_IO;
  i32[vcpu + V_PSW_MASK_LOW] = PSW_BA;
  i32[vcpu + V_CR6] = CR6_SUBCLASSES;
};

/** Sets everything that a machine may have written to zero, so that another machine can be laid out in the memory. */
export const clearImage = (image: MachineImage): void => {
  const { u8 } = image;
  const queues = image.queues;
  u8.fill(0, image.word(C_QUEUE) * 4, image.queueRecord(queues) * 4);
  u8.fill(0, image.word(C_COLD) * 4, (image.word(C_COLD) + queues * COLD_WORDS) * 4);
  u8.fill(0, image.word(C_PENDING_BYTE), image.word(C_PENDING_BYTE) + queues);
  u8.fill(0, image.word(C_POOL_BYTE), image.word(C_POOL_NEXT_BYTE));
  u8.fill(0, image.word(C_STORAGE_BYTE), image.word(C_STORAGE_END_BYTE));
  // All the other regions are small and lie before the pending bytes.
  u8.fill(0, 0, image.word(C_PENDING_BYTE));
};

/**
 * Lays out a machine in a fresh or cleared memory. Every guest starts without AP facilities and with empty masks. Regions are placed as a
 * machine of shape `capacity` needs them, so that a kernel instance bound to this memory remains usable.
 */
export const layOutImage = (
  memory: SharedMemory,
  shape: ImageShape,
  capacity: ImageShape = shape,
): MachineImage => {
  const image = new MachineImage(memory);
  const { i32 } = image;
  let offset = CONTROL_BYTES;
  for (const region of regionsOf(capacity)) {
    i32[region.word] = region.byteOffset ? offset : offset / 4;
    offset += roundUp(region.bytes, PAGE_BYTES);
  }
  i32[C_VIRTUAL_MASKS] = image.word(C_MASKS) + capacity.guests.length * MASK_WORDS;
  i32[C_GUESTS] = shape.guests.length;
  i32[C_VCPUS] = vcpuCount(shape);
  i32[C_STORAGE_END_BYTE] = image.word(C_STORAGE_BYTE) + storageBytes(shape);
  i32[C_TRACE_RECORDS] = shape.traceRecords ?? 0;
  i32[C_POOL_NEXT_BYTE] = i32[C_POOL_BYTE];
  i32[C_POOL_END_BYTE] = i32[C_POOL_BYTE] + shape.messageBytes;
  i32[C_QUEUES] = 1;
  const absent = image.queueRecord(0);
  i32[absent + Q_STATUS] = AP_RESPONSE_Q_NOT_AVAIL << STATUS_RC_SHIFT;
  i32[absent + Q_ATTENTION] = ATTENTION_ABSENT;
  i32[absent + Q_LIMIT] = ML_ZERO_BYTES;
  i32[absent + Q_COLD] = i32[C_COLD];
  const index = i32[C_INDEX];
  i32.fill(absent, index, index + 65536);
  initialiseGuests(image, shape);
  return image;
};

/** Creates the memory of a machine and lays it out. Throws RangeError when the shape exceeds the image's limit. */
export const createImage = (shape: ImageShape): MachineImage => {
  const bytes = imageBytes(shape);
  if (bytes > IMAGE_BYTES_MAX) {
    throw new RangeError(
      `a machine image of ${bytes} bytes exceeds the limit of ${IMAGE_BYTES_MAX} bytes`,
    );
  }
  return layOutImage(createSharedMemory(bytes), shape);
};
