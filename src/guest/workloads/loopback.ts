// SPDX-License-Identifier: Apache-2.0
// Workload for adapters in loopback mode: N messages of one size per queue, each different, each reply compared byte by byte.

import { ApemuError } from '../../errors.ts';
import { NO_MORE_MESSAGES, type Workload, type WorkloadQueue } from './workload.ts';

const DEFAULT_MESSAGES = 1000;
const DEFAULT_BYTES = 64;
/** Bytes at the start of a message that number it, as far as it is long enough. */
const HEADER_BYTES = 8;

interface LoopbackState {
  apqn: number;
  bytes: number;
  /** Messages still to be built; endless when negative. */
  remaining: number;
  sequence: number;
  verify: boolean;
}

const integerArg = (
  args: Readonly<Record<string, unknown>>,
  name: string,
  normal: number,
  low: number,
  high: number,
): number => {
  const value = args[name] ?? normal;
  if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high)
    return value;
  throw new ApemuError(
    'APEMU_ERR_GUEST_ARGUMENT',
    `workload loopback: ${name} must be an integer from ${low} to ${high}, not ${String(value)}`,
  );
};

/** Body byte `i` of the messages of a queue: differs from queue to queue and from byte to byte. */
const bodyByte = (apqn: number, i: number): number => ((apqn * 167) ^ (i * 31) ^ (i >> 8)) & 0xff;

/**
 * Arguments: `messages` per queue (0 = endless), `bytes` per message (shortened to what the queue takes), `verify` (default
 * true: compare each reply with its request).
 */
export const loopback: Workload<LoopbackState> = {
  name: 'loopback',

  init(args, queue: WorkloadQueue) {
    const messages = integerArg(args, 'messages', DEFAULT_MESSAGES, 0, Number.MAX_SAFE_INTEGER);
    return {
      apqn: queue.apqn,
      bytes: Math.min(integerArg(args, 'bytes', DEFAULT_BYTES, 1, 61440), queue.maxMessageBytes),
      remaining: messages === 0 ? -1 : messages,
      sequence: 0,
      verify: args['verify'] !== false,
    };
  },

  requestBytes: (state) => state.bytes,

  next(state, storage, address) {
    if (state.remaining === 0) return NO_MORE_MESSAGES;
    if (state.remaining > 0) state.remaining--;
    const bytes = state.bytes;
    let sequence = state.sequence++;
    const header = Math.min(HEADER_BYTES, bytes);
    for (let i = 0; i < header; i++) {
      storage[address + i] = sequence & 0xff;
      sequence = Math.floor(sequence / 256);
    }
    // The body of a slot is the same for every message of a queue; it is written when it is not there yet.
    const last = address + bytes - 1;
    if (bytes > header && storage[last] !== bodyByte(state.apqn, bytes - 1)) {
      for (let i = header; i < bytes; i++) storage[address + i] = bodyByte(state.apqn, i);
    }
    return bytes;
  },

  check(state, storage, request, requestBytes, reply, replyBytes) {
    if (replyBytes !== requestBytes) return false;
    if (!state.verify) return true;
    for (let i = 0; i < requestBytes; i++) {
      if (storage[request + i] !== storage[reply + i]) return false;
    }
    return true;
  },

  lost(state, again) {
    if (again && state.remaining >= 0) state.remaining++;
  },
};
