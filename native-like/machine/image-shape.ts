// SPDX-License-Identifier: Apache-2.0
// How large a machine image is: its regions in order, from the numbers of guests, vCPUs and bytes.
// Source: docs/reference/performance.md section 3. Status: choice.
import { PAGE_BYTES } from '../arch/limits.ts';
import {
  ADAPTER_WORDS,
  ADAPTERS,
  ADM_WORDS,
  C_ADAPTER,
  C_ADM,
  C_COLD,
  C_CRYCB_BYTE,
  C_EMPTY_MASKS,
  C_FAULTS,
  C_GISA_BYTE,
  C_GUEST,
  C_INDEX,
  C_MASKS,
  C_MDEV,
  C_PENDING_BYTE,
  C_POOL_BYTE,
  C_QUEUE,
  C_RUNNER,
  C_STORAGE_BYTE,
  C_TRACE,
  C_VCPU,
  C_VIRTUAL,
  COLD_WORDS,
  CONTROL_BYTES,
  CRYCB_STRIDE_BYTE,
  FAULT_WORDS,
  FAULTS_MAX,
  GISA_STRIDE_BYTE,
  GUEST_WORDS,
  MASK_WORDS,
  MDEVS,
  QUEUE_WORDS,
  QUEUES_MAX,
  THREADS_MAX,
  VCPU_WORDS,
} from './layout.ts';
import { TRACE_WORDS } from './trace-layout.ts';
import { VIRTUAL_QUEUES_MAX, VIRTUAL_WORDS } from './virtual-layout.ts';

/** How large a machine is. Guest 0 is the host partition itself. */
export interface ImageShape {
  /**
   * One entry for each guest, the host first: number of vCPUs, and bytes of storage (a multiple of 4096; 0 = behind the external
   * accessor).
   */
  readonly guests: readonly { readonly vcpus: number; readonly storageBytes: number }[];
  /** Bytes for message slots. */
  readonly messageBytes: number;
  /** Trace records in the ring of each thread: a power of two, or 0 for no trace. */
  readonly traceRecords?: number;
}

interface Region {
  readonly word: number;
  readonly bytes: number;
  /** Whether the control word holds a byte offset instead of a word index. */
  readonly byteOffset: boolean;
}

export const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;

export const vcpuCount = (shape: ImageShape): number =>
  shape.guests.reduce((sum, guest) => sum + guest.vcpus, 0);

export const storageBytes = (shape: ImageShape): number =>
  shape.guests.reduce((sum, guest) => sum + roundUp(guest.storageBytes, PAGE_BYTES), 0);

/** The regions in their order in the image. Whatever the sizes, only the control page and what a machine uses is ever touched. */
export const regionsOf = (shape: ImageShape): Region[] => {
  const guests = shape.guests.length;
  const vcpus = vcpuCount(shape);
  const storage = storageBytes(shape);
  const words = (word: number, count: number): Region => ({
    word,
    bytes: count * 4,
    byteOffset: false,
  });
  const bytes = (word: number, count: number): Region => ({ word, bytes: count, byteOffset: true });
  return [
    // The masks of the guests themselves come first, then those of their virtual queues.
    words(C_MASKS, 2 * guests * MASK_WORDS),
    words(C_EMPTY_MASKS, MASK_WORDS),
    words(C_ADM, 2 * guests * ADM_WORDS),
    bytes(C_CRYCB_BYTE, guests * CRYCB_STRIDE_BYTE),
    words(C_GUEST, guests * GUEST_WORDS),
    words(C_VCPU, vcpus * VCPU_WORDS),
    words(C_RUNNER, vcpus),
    bytes(C_GISA_BYTE, guests * GISA_STRIDE_BYTE),
    words(C_FAULTS, (FAULTS_MAX + 1) * FAULT_WORDS),
    words(C_ADAPTER, ADAPTERS * ADAPTER_WORDS),
    words(C_INDEX, 65536),
    words(C_TRACE, (shape.traceRecords ?? 0) * TRACE_WORDS * THREADS_MAX),
    words(C_MDEV, MDEVS / 32),
    words(C_VIRTUAL, (VIRTUAL_QUEUES_MAX + 1) * VIRTUAL_WORDS),
    bytes(C_PENDING_BYTE, QUEUES_MAX + 1),
    words(C_QUEUE, (QUEUES_MAX + 1) * QUEUE_WORDS),
    words(C_COLD, (QUEUES_MAX + 1) * COLD_WORDS),
    bytes(C_POOL_BYTE, shape.messageBytes),
    bytes(C_STORAGE_BYTE, storage),
  ];
};

/** Bytes an image of this shape needs. */
export const imageBytes = (shape: ImageShape): number =>
  regionsOf(shape).reduce((sum, region) => sum + roundUp(region.bytes, PAGE_BYTES), CONTROL_BYTES);

/** Whether a machine of `shape` fits where one of `capacity` was laid out, with all regions at the same place. */
export const fitsInto = (shape: ImageShape, capacity: ImageShape): boolean =>
  shape.guests.length <= capacity.guests.length &&
  vcpuCount(shape) <= vcpuCount(capacity) &&
  storageBytes(shape) <= storageBytes(capacity) &&
  shape.messageBytes <= capacity.messageBytes &&
  (shape.traceRecords ?? 0) === (capacity.traceRecords ?? 0);
