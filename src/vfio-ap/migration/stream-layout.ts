// SPDX-License-Identifier: Apache-2.0
// The data of a migration: header and one record a queue, in both posted forms.
// Source: docs/reference/migration.md section 4. Status: as posted, not merged.

import type { Apqn } from '../../ap-bus/apqn.ts';
import { emptyMask, type Mask, maskFromBytes, maskToBytes } from '../../ap-bus/mask.ts';
import type { Migration } from '../../ap-bus/profile.ts';

/** "vfap". */
const MIGRATION_MAGIC = 0x76666170;
const MIGRATION_VERSION = 1;
const ADM_BYTES = 32;
const QUEUE_BYTES = 16;
const QUEUE_APQN = 8;

/** Where the header's fields are. */
export interface DataLayout {
  /** Magic and version stand at 0 and 4. */
  readonly identified: boolean;
  readonly count: number;
  readonly adm: number;
  readonly headerBytes: number;
  /** Bytes that tell the size of all, and of a first write at least. */
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

/** The layout of a switch value; the strict form is the newest. */
export const layoutOf = (migration: Migration): DataLayout =>
  migration === 'posted-a' ? FORM_A : FORM_B;

/** One queue as the source has it: TAPQ's GR2 in halves. */
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

/** The data as bytes, big-endian. */
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

/** Number of queues; the bytes reach at least to `prefixBytes`. */
export const countOf = (layout: DataLayout, bytes: Uint8Array): number =>
  viewOf(bytes).getUint32(layout.count);

/** Magic and version are there and right, or the form has none. */
export const isIdentified = (layout: DataLayout, bytes: Uint8Array): boolean => {
  if (!layout.identified) return true;
  const view = viewOf(bytes);
  return view.getUint32(0) === MIGRATION_MAGIC && view.getUint32(4) === MIGRATION_VERSION;
};

/** Complete data taken apart. */
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
