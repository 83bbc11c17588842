// SPDX-License-Identifier: Apache-2.0
// What stands behind a reply in the buffer a driver under test gave to DQAP: no part of the reply. Who reads on takes it for one.
// Source: docs/reference/fuzzing.md section 5 ("short reply read beyond its end").
import { V_STORAGE_BYTE, V_STORAGE_SIZE } from '../../native-like/machine/layout.ts';
import type { ExecutionContext } from '../host/context/execution-context.ts';

/** What is put behind a reply, and how many bytes at most. */
const SPOILT = 0xdb;
const SPOILT_BYTES = 512;
/** So many of them in a row stand in no message by chance. */
const IN_A_ROW = Buffer.alloc(8, SPOILT);

/**
 * The bytes behind a reply become nonsense, at guest address `at` and at most `length` of them. After a reply of an odd number of bytes they
 * stay what they were: the rest of an earlier reply, whose lengths a driver finds in order.
 */
export const spoilBehind = (
  context: ExecutionContext,
  vcpu: number,
  at: number,
  length: number,
): void => {
  if ((at & 1) !== 0) return;
  const { image } = context;
  const brought = context.broughtStorage(vcpu);
  const size = brought?.length ?? image.word(vcpu + V_STORAGE_SIZE);
  const bytes = Math.min(length, SPOILT_BYTES, size - at);
  if (bytes <= 0) return;
  const from = brought === undefined ? image.word(vcpu + V_STORAGE_BYTE) + at : at;
  (brought ?? image.u8).fill(SPOILT, from, from + bytes);
};

/** Whether what a driver hands up as a reply has bytes that stood behind one. */
export const hasSpoilt = ({ buffer, byteOffset, byteLength }: Uint8Array): boolean =>
  Buffer.from(buffer, byteOffset, byteLength).includes(IN_A_ROW);
