// SPDX-License-Identifier: Apache-2.0
// What all control blocks have in common: a table of fields whose offsets are checked when the module is loaded, and masks of ids.
// Source: docs/reference/ap-architecture.md sections 0 and 4.3 (bit n is 0x80 >> (n & 7) of byte n >> 3).
// Status: architected.

/** One field of a control block in storage. */
export interface BlockField {
  readonly name: string;
  /** Offset in bytes. */
  readonly offset: number;
  readonly bytes: number;
  readonly meaning: string;
}

/**
 * Checks a block's table: fields ascend and do not overlap, and the last one ends where the block ends. `whole` also demands
 * that no byte is left out, so a reserved field is a row like any other. Throws when a module with a wrong table is loaded.
 */
export const assertLayout = (
  block: string,
  bytes: number,
  fields: readonly BlockField[],
  whole = true,
): void => {
  let end = 0;
  for (const field of fields) {
    if (field.offset < end || (whole && field.offset !== end))
      throw new Error(
        `${block}: field ${field.name} is at ${field.offset}, the one before ends at ${end}`,
      );
    end = field.offset + field.bytes;
  }
  if (end > bytes || (whole && end !== bytes))
    throw new Error(`${block}: fields end at ${end}, the block at ${bytes}`);
};

/** Refuses bytes that are not a block's length: a caller's mistake. */
export const assertBytes = (block: string, bytes: Uint8Array, expected: number): void => {
  if (bytes.length !== expected)
    throw new RangeError(`${block}: ${bytes.length} bytes (expected ${expected})`);
};

/** A big-endian view of a block. */
export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Ids 0 to 255 as eight native words: id n is bit n & 31 from the left of word n >>> 5, as the machine image keeps masks. */
export type MaskWords = Int32Array;

const MASK_WORD_COUNT = 8;

/** An empty mask. */
export const emptyMask = (): MaskWords => new Int32Array(MASK_WORD_COUNT);

/** A mask with these ids on. Throws RangeError for an id outside 0 to 255. */
export const maskOf = (ids: Iterable<number>): MaskWords => {
  const mask = emptyMask();
  for (const id of ids) {
    if (!Number.isInteger(id) || id < 0 || id > 255)
      throw new RangeError(`${id} is no id of a mask (expected 0 to 255)`);
    mask[id >>> 5] = mask[id >>> 5] | (0x80000000 >>> (id & 31));
  }
  return mask;
};

/** The ids of a mask, ascending. */
export const idsOf = (mask: MaskWords): number[] => {
  const ids: number[] = [];
  for (let id = 0; id < MASK_WORD_COUNT * 32; id++)
    if ((mask[id >>> 5] << (id & 31)) & 0x80000000) ids.push(id);
  return ids;
};

/** Writes the first `bytes` bytes of a mask at `offset`. */
export const writeMask = (view: DataView, offset: number, bytes: number, mask: MaskWords): void => {
  for (let n = 0; n < bytes; n++)
    view.setUint8(offset + n, (mask[n >>> 2] >>> (24 - 8 * (n & 3))) & 0xff);
};

/** Reads a mask of `bytes` bytes at `offset`; ids behind it are off. */
export const readMask = (view: DataView, offset: number, bytes: number): MaskWords => {
  const mask = emptyMask();
  for (let n = 0; n < bytes; n++)
    mask[n >>> 2] = mask[n >>> 2] | (view.getUint8(offset + n) << (24 - 8 * (n & 3)));
  return mask;
};
