// SPDX-License-Identifier: Apache-2.0
// Workload for adapters in loopback mode: N messages for each queue, all different. Each reply is compared byte by byte.

import { MESSAGE_BYTES_MAX } from '../../../native-like/arch/limits.ts';
import { badArgument, flagArg, integerArg } from '../arguments.ts';
import { sameStorage } from './compare.ts';
import { DEFAULT_MESSAGES, NO_MORE_MESSAGES, type Workload } from './workload.ts';

const DEFAULT_BYTES = 64;
/** Number of bytes at the beginning of a message that contain its number, if the message is long enough. */
const NUMBERED_BYTES = 8;

interface LoopbackState {
  apqn: number;
  minLength: number;
  maxLength: number;
  /** Number of messages that are still to be built; endless if negative. */
  remaining: number;
  sequence: number;
  /** State of the generator that draws lengths. It is never 0. */
  random: number;
  verify: boolean;
}

/** Byte `i` of the messages of a queue. It differs from queue to queue and from byte to byte. */
const bodyByte = (apqn: number, i: number): number =>
  ((apqn * 167) ^ (i * 31) ^ (i >> 8) ^ 0x5a) & 0xff;

/** Length of the next message: drawn evenly from the range (xorshift, seeded by the APQN). */
const drawLength = (state: LoopbackState): number => {
  const span = state.maxLength - state.minLength + 1;
  if (span === 1) return state.minLength;
  let x = state.random;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  state.random = x;
  return state.minLength + ((x >>> 0) % span);
};

/** Writes the body of a message, unless its first and last bytes show that the slot still has it from the message before. */
const writeBody = (state: LoopbackState, storage: Uint8Array, at: number, bytes: number): void => {
  const last = bytes - 1;
  const first = NUMBERED_BYTES;
  if (
    storage[at + first] === bodyByte(state.apqn, first) &&
    storage[at + last] === bodyByte(state.apqn, last)
  ) {
    return;
  }
  const all = Math.min(state.maxLength, MESSAGE_BYTES_MAX);
  for (let i = first; i < all; i++) storage[at + i] = bodyByte(state.apqn, i);
};

/**
 * Arguments: `messages` per queue (default 1000, -1 = endless), `minLength` and `maxLength` in bytes (default 64, shortened to
 * what the queue takes), `verify` (default true: compare each reply with its request).
 */
export const loopback: Workload<LoopbackState> = {
  name: 'loopback',

  init(args, queue) {
    const length = (name: string): number =>
      integerArg('loopback', args, name, {
        normal: DEFAULT_BYTES,
        low: 1,
        high: MESSAGE_BYTES_MAX,
      });
    const minLength = length('minLength');
    const maxLength = Math.max(minLength, length('maxLength'));
    if (args['maxLength'] !== undefined && length('maxLength') < minLength) {
      throw badArgument('loopback', 'maxLength', `at least ${minLength}`, args['maxLength']);
    }
    return {
      apqn: queue.apqn,
      minLength: Math.min(minLength, queue.maxMessageBytes),
      maxLength: Math.min(maxLength, queue.maxMessageBytes),
      remaining: integerArg('loopback', args, 'messages', {
        normal: DEFAULT_MESSAGES,
        low: -1,
        high: Number.MAX_SAFE_INTEGER,
      }),
      sequence: 0,
      random: queue.apqn + 1,
      verify: flagArg('loopback', args, 'verify', true),
    };
  },

  requestBytes: (state) => state.maxLength,

  next(state, storage, address) {
    if (state.remaining === 0) return NO_MORE_MESSAGES;
    if (state.remaining > 0) state.remaining--;
    const bytes = drawLength(state);
    let sequence = state.sequence++;
    const header = Math.min(NUMBERED_BYTES, bytes);
    for (let i = 0; i < header; i++) {
      storage[address + i] = sequence & 0xff;
      sequence = Math.floor(sequence / 256);
    }
    if (bytes > header) writeBody(state, storage, address, bytes);
    return bytes;
  },

  check(state, storage, request, requestBytes, reply, replyBytes) {
    if (replyBytes !== requestBytes) return false;
    return !state.verify || sameStorage(storage, request, reply, requestBytes);
  },

  lost(state, again) {
    if (again && state.remaining >= 0) state.remaining++;
  },
};
