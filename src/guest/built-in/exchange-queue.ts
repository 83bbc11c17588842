// SPDX-License-Identifier: Apache-2.0
// The queues of the exchange program, which all vCPUs of a guest share: counts, locks and messages are in guest storage.

import { type ApCpu, dqap, nqap } from '../instructions.ts';
import { queueEmpty, rc } from '../status.ts';

/** Number of messages that are on their way on a queue at the same time. */
const WINDOW = 4;
const MESSAGE_BYTES = 32;
const RECORDS_ADDRESS = 0x8000;
const RECORD_WORDS = 64;
const BUFFERS_ADDRESS = 0x10000;
const BUFFER_STRIDE = 0x1000;
const REPLY_OFFSET = 0x800;
const REPLY_BYTES = 0x100;

/** Words of a queue's record. */
const E_LOCK = 0;
/** Not 0: somebody wants the queue to be looked at again. */
const E_AGAIN = 1;
/** 1: the queue is set up, and messages can be sent. */
export const E_READY = 2;
export const E_ACCEPTED = 3;
const E_ANSWERED = 4;
/** Number of accepted messages that a reset has discarded. */
const E_FLUSHED = 5;
/** Number of NQAPs that ended with a response code other than "queue full". */
const E_REFUSED = 6;
/** Number of replies that belong to no message on its way, or have another content. */
const E_SPURIOUS = 7;
const E_IN_FLIGHT = 8;
const E_NEXT = 9;
/** Number of the message in each slot; 0 = the slot is free. */
const E_SLOTS = 16;

const RC_NONE = 0x10;

export interface QueueCounts {
  readonly apqn: number;
  readonly accepted: number;
  readonly answered: number;
  readonly flushed: number;
  readonly refused: number;
  readonly spurious: number;
  readonly inFlight: number;
}

/** The records of the queues, in the guest's storage. */
export class ExchangeQueues {
  readonly apqns: readonly number[];
  readonly storage: Uint8Array;
  readonly #words: Int32Array;

  constructor(storage: Uint8Array, apqns: readonly number[]) {
    this.apqns = apqns;
    this.storage = storage;
    this.#words = new Int32Array(
      storage.buffer,
      storage.byteOffset + RECORDS_ADDRESS,
      RECORD_WORDS * apqns.length,
    );
  }

  load(n: number, word: number): number {
    return Atomics.load(this.#words, n * RECORD_WORDS + word);
  }
  store(n: number, word: number, value: number): void {
    Atomics.store(this.#words, n * RECORD_WORDS + word, value);
  }
  add(n: number, word: number, value: number): void {
    Atomics.add(this.#words, n * RECORD_WORDS + word, value);
  }
  lock(n: number): boolean {
    return Atomics.compareExchange(this.#words, n * RECORD_WORDS + E_LOCK, 0, 1) === 0;
  }
  unlock(n: number): void {
    this.store(n, E_LOCK, 0);
  }
}

export const accepted = (queues: ExchangeQueues, n: number): number => queues.load(n, E_ACCEPTED);
export const answered = (queues: ExchangeQueues, n: number): number => queues.load(n, E_ANSWERED);
export const inFlight = (queues: ExchangeQueues, n: number): number => queues.load(n, E_IN_FLIGHT);

export const counts = (queues: ExchangeQueues, n: number): QueueCounts => ({
  apqn: queues.apqns[n],
  accepted: queues.load(n, E_ACCEPTED),
  answered: queues.load(n, E_ANSWERED),
  flushed: queues.load(n, E_FLUSHED),
  refused: queues.load(n, E_REFUSED),
  spurious: queues.load(n, E_SPURIOUS),
  inFlight: queues.load(n, E_IN_FLIGHT),
});

/** Accounts for the messages on their way, which a reset has discarded. The caller holds the lock. */
export const flushAll = (queues: ExchangeQueues, n: number): void => {
  queues.add(n, E_FLUSHED, queues.load(n, E_IN_FLIGHT));
  queues.store(n, E_IN_FLIGHT, 0);
  for (let slot = 0; slot < WINDOW; slot++) queues.store(n, E_SLOTS + slot, 0);
};

/**
 * Takes replies and sends requests until no more can be done. If another vCPU is doing that already, it is told to look again. Returns
 * how many messages were moved.
 */
export const serviceQueue = (
  ap: ApCpu,
  queues: ExchangeQueues,
  n: number,
  messages: number,
): number => {
  let moved = 0;
  queues.store(n, E_AGAIN, 1);
  while (queues.load(n, E_AGAIN) !== 0 && queues.lock(n)) {
    queues.store(n, E_AGAIN, 0);
    if (queues.load(n, E_READY) !== 0)
      moved += receiveAll(ap, queues, n) + sendAll(ap, queues, n, messages);
    queues.unlock(n);
  }
  return moved;
};

const receiveAll = (ap: ApCpu, queues: ExchangeQueues, n: number): number => {
  let moved = 0;
  for (;;) {
    const at = BUFFERS_ADDRESS + n * BUFFER_STRIDE + REPLY_OFFSET;
    const status = dqap(ap, queues.apqns[n], at, REPLY_BYTES);
    const code = rc(status);
    if (code !== 0) {
      if (code !== RC_NONE) leave(queues, n);
      else if (queueEmpty(status) && queues.load(n, E_IN_FLIGHT) > 0) leave(queues, n);
      return moved;
    }
    takeReply(ap, queues, n, at);
    moved++;
  }
};

/** Marks a queue that has gone or was reset. Its vCPU then sets it up again and accounts for the messages on their way. */
const leave = (queues: ExchangeQueues, n: number): void => queues.store(n, E_READY, 0);

const takeReply = (ap: ApCpu, queues: ExchangeQueues, n: number, at: number): void => {
  const slot = ap.psmidHigh & 0xff;
  const sequence = ap.psmidLow;
  const mine =
    ap.psmidHigh >>> 8 === queues.apqns[n] &&
    slot < WINDOW &&
    sequence !== 0 &&
    queues.load(n, E_SLOTS + slot) === sequence;
  if (!mine || !sameMessage(queues.storage, at, sequence, ap.length)) {
    queues.add(n, E_SPURIOUS, 1);
    return;
  }
  queues.store(n, E_SLOTS + slot, 0);
  queues.add(n, E_IN_FLIGHT, -1);
  queues.add(n, E_ANSWERED, 1);
};

const sameMessage = (
  storage: Uint8Array,
  at: number,
  sequence: number,
  length: number,
): boolean => {
  if (length !== MESSAGE_BYTES) return false;
  for (let i = 0; i < MESSAGE_BYTES; i++)
    if (storage[at + i] !== ((sequence >> (8 * (i & 3))) & 0xff)) return false;
  return true;
};

const sendAll = (ap: ApCpu, queues: ExchangeQueues, n: number, messages: number): number => {
  let moved = 0;
  for (let slot = 0; slot < WINDOW; slot++) {
    if (queues.load(n, E_SLOTS + slot) !== 0) continue;
    const wanted = queues.load(n, E_ANSWERED) + queues.load(n, E_IN_FLIGHT);
    if ((messages >= 0 && wanted >= messages) || queues.load(n, E_READY) === 0) break;
    if (!send(ap, queues, n, slot)) break;
    moved++;
  }
  return moved;
};

const send = (ap: ApCpu, queues: ExchangeQueues, n: number, slot: number): boolean => {
  const apqn = queues.apqns[n];
  const sequence = queues.load(n, E_NEXT) + 1;
  const at = BUFFERS_ADDRESS + n * BUFFER_STRIDE + slot * MESSAGE_BYTES;
  for (let i = 0; i < MESSAGE_BYTES; i++)
    queues.storage[at + i] = (sequence >> (8 * (i & 3))) & 0xff;
  queues.store(n, E_NEXT, sequence);
  // The slot is marked before NQAP, because the reply may be there before NQAP has ended.
  queues.store(n, E_SLOTS + slot, sequence);
  const status = nqap(ap, apqn, (apqn << 8) | slot, sequence, at, MESSAGE_BYTES, false);
  if (rc(status) === 0) {
    queues.add(n, E_ACCEPTED, 1);
    queues.add(n, E_IN_FLIGHT, 1);
    return true;
  }
  queues.store(n, E_SLOTS + slot, 0);
  if (rc(status) !== RC_NONE) {
    queues.add(n, E_REFUSED, 1);
    leave(queues, n);
  }
  return false;
};
