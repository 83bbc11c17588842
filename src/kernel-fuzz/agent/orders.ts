// SPDX-License-Identifier: Apache-2.0
// Orders to the agent in the guest: system calls and what they point at, as the bytes of one buffer.
// Source: agent.c beside this file (struct order).

/** Length of the agent's buffer, and of what comes before the data in it. */
export const ORDER_BYTES = 32_768;
const CALLS = 128;
const FIXUPS = 64;
const CALL_BYTES = 56;
const FIXUP_AT = 8 + CALLS * CALL_BYTES;
const DATA_AT = FIXUP_AT + FIXUPS * 4;

/** Numbers of system calls. Source: Linux, arch/s390/kernel/syscalls. */
const SYSTEM_CALL = { read: 3, write: 4, ioctl: 54, openat: 288 } as const;
const AT_FDCWD = -100;
/** Flags of open(2) on s390. */
export const OPEN = { read: 0, write: 1, both: 2 } as const;

/** Storage of the guest that a call points at. `pointers` tells where the addresses of other blocks belong in it. */
export interface Block {
  readonly bytes: Uint8Array;
  readonly pointers?: readonly (readonly [at: number, to: Block])[];
}

/** An argument of a call. `file` is the descriptor of the file that was opened last. */
export type Argument = number | 'file' | Block;

export interface SystemCall {
  readonly number: number;
  readonly arguments: readonly Argument[];
  /** Whether the next call is executed even if this one fails. */
  readonly goesOn?: boolean;
}

/** An order as bytes, and where its blocks are in it. */
export interface EncodedOrder {
  readonly bytes: Buffer;
  readonly places: ReadonlyMap<Block, number>;
}

/**
 * Encodes an order.
 *
 * @throws RangeError if it does not fit into the buffer
 */
export const encodeOrder = (calls: readonly SystemCall[]): EncodedOrder => {
  const bytes = Buffer.alloc(ORDER_BYTES);
  const places = new Map<Block, number>();
  const fixups: number[] = [];
  let end = DATA_AT;
  const place = (block: Block): number => {
    const known = places.get(block);
    if (known !== undefined) return known;
    const at = end;
    end += (block.bytes.length + 7) & ~7;
    if (end > ORDER_BYTES) throw new RangeError(`an order of more than ${ORDER_BYTES} bytes`);
    places.set(block, at);
    bytes.set(block.bytes, at);
    for (const [offset, to] of block.pointers ?? []) {
      bytes.writeBigUInt64BE(BigInt(place(to)), at + offset);
      fixups.push(at + offset);
    }
    return at;
  };
  for (const [n, call] of calls.entries()) {
    const at = 8 + n * CALL_BYTES;
    bytes.writeUInt32BE(call.number, at);
    if (call.goesOn === true) bytes[at + 6] = 1;
    for (const [i, argument] of call.arguments.entries()) {
      const value = at + 8 + 8 * i;
      if (argument === 'file') bytes[at + 5] |= 1 << i;
      else if (typeof argument === 'number') bytes.writeBigInt64BE(BigInt(argument), value);
      else {
        bytes[at + 4] |= 1 << i;
        bytes.writeBigUInt64BE(BigInt(place(argument)), value);
      }
    }
  }
  if (calls.length > CALLS || fixups.length > FIXUPS)
    throw new RangeError(`an order of ${calls.length} calls and ${fixups.length} pointers`);
  bytes.writeUInt32BE(calls.length, 0);
  bytes.writeUInt32BE(fixups.length, 4);
  for (const [n, fixup] of fixups.entries()) bytes.writeUInt32BE(fixup, FIXUP_AT + 4 * n);
  return { bytes: bytes.subarray(0, end), places };
};

/** A text with a zero byte at the end. */
const textBlock = (text: string): Block => ({ bytes: Buffer.from(`${text}\0`) });

/** Opens a file. Afterwards `file` means its descriptor. */
export const open = (path: string, flags: number): SystemCall => ({
  number: SYSTEM_CALL.openat,
  arguments: [AT_FDCWD, textBlock(path), flags, 0],
});

export const ioctl = (code: number, argument: Block | number): SystemCall => ({
  number: SYSTEM_CALL.ioctl,
  arguments: ['file', code, argument],
});

export const read = (into: Block): SystemCall => ({
  number: SYSTEM_CALL.read,
  arguments: ['file', into, into.bytes.length],
});

export const write = (text: string): SystemCall => {
  const bytes = Buffer.from(text);
  return { number: SYSTEM_CALL.write, arguments: ['file', { bytes }, bytes.length] };
};
