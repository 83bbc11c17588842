// SPDX-License-Identifier: Apache-2.0
// The data of a migration: a header and one record for each queue, in the two forms that were posted.
// Source: docs/reference/migration.md section 4. Status: as posted, not merged.

import type { Apqn } from '../../ap-bus/apqn.ts';
import { emptyMask, type Mask, maskFromBytes, maskToBytes } from '../../ap-bus/mask.ts';
import type { Migration } from '../../ap-bus/profile.ts';

/** "vfap" in ASCII. */
const MIGRATION_MAGIC = 0x76666170;
const MIGRATION_VERSION = 1;
const ADM_BYTES = 32;
const QUEUE_BYTES = 16;
const QUEUE_APQN = 8;

/** Byte offsets of the header's fields in one form of the data, and lengths. */
export interface DataLayout {
  /** Whether the header begins with magic (offset 0) and version (offset 4). */
  readonly identified: boolean;
  readonly count: number;
  readonly adm: number;
  readonly headerBytes: number;
  /** Number of bytes at the beginning that tell the size of all. Form A refuses a first write that is shorter. */
  readonly prefixBytes: number;
}

const FORM_A: DataLayout = { identified: false, count: 0, adm: 8, headerBytes: 40, prefixBytes: 4 };
const FORM_B: DataLayout = {
  identified: true,
  count: 8,
  adm: 16,
  headerBytes: 48,
  prefixBytes: 12,
};

/** The form that belongs to a value of the switch `migration`; `strict` uses the newest. */
export const layoutOf = (migration: Migration): DataLayout =>
  migration === 'posted-a' ? FORM_A : FORM_B;

/** One queue of the source, with both halves of GR2 from TAPQ. */
export interface QueueData {
  readonly apqn: Apqn;
  readonly high: number;
  readonly low: number;
}

/** Contents of the migration data. */
export interface MigrationData {
  readonly adm: Mask;
  readonly queues: readonly QueueData[];
}

export const dataBytes = (layout: DataLayout, queues: number): number =>
  layout.headerBytes + QUEUE_BYTES * queues;

/** The data as big-endian bytes. */
export const encode = (layout: DataLayout, { adm, queues }: MigrationData): Uint8Array => {
  const bytes = new Uint8Array(dataBytes(layout, queues.length));
  const view = new DataView(bytes.buffer);
  if (layout.identified) {
    view.setUint32(0, MIGRATION_MAGIC);
    view.setUint32(4, MIGRATION_VERSION);
  }
  view.setUint32(layout.count, queues.length);
  bytes.set(maskToBytes(adm), layout.adm);
  queues.forEach(({ apqn, high, low }, n) => {
    const at = layout.headerBytes + QUEUE_BYTES * n;
    view.setUint32(at, high);
    view.setUint32(at + 4, low);
    view.setUint16(at + QUEUE_APQN, apqn);
  });
  return bytes;
};

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Number of queues. The bytes must reach at least to `prefixBytes`. */
export const countOf = (layout: DataLayout, bytes: Uint8Array): number =>
  viewOf(bytes).getUint32(layout.count);

/** Whether magic and version are right; true for a form without them. */
export const isIdentified = (layout: DataLayout, bytes: Uint8Array): boolean => {
  if (!layout.identified) return true;
  const view = viewOf(bytes);
  return view.getUint32(0) === MIGRATION_MAGIC && view.getUint32(4) === MIGRATION_VERSION;
};

/** The contents of complete data. */
export const decode = (layout: DataLayout, bytes: Uint8Array): MigrationData => {
  const view = viewOf(bytes);
  const adm = emptyMask();
  adm.set(maskFromBytes(bytes.subarray(layout.adm, layout.adm + ADM_BYTES), 0));
  const queues = Array.from({ length: countOf(layout, bytes) }, (_, n) => {
    const at = layout.headerBytes + QUEUE_BYTES * n;
    return {
      apqn: view.getUint16(at + QUEUE_APQN),
      high: view.getUint32(at),
      low: view.getUint32(at + 4),
    };
  });
  return { adm, queues };
};
