// SPDX-License-Identifier: Apache-2.0
// A vCPU's thread that needs the host thread: sends it something and sleeps until the answer is there, again and again.
import { parentPort, workerData } from 'node:worker_threads';
import { MAIL_ANSWERED, MAIL_EMPTY, MAIL_POSTED, X_DOORBELL, X_MAIL } from './shared-words.ts';

export interface ExchangeTask {
  /** Words both threads see: X_*. */
  readonly words: Int32Array;
  readonly rounds: number;
  /** Exchanges of each kind in a round. */
  readonly exchanges: number;
}

/** Microseconds of each exchange, by round. */
export interface ExchangeTimes {
  readonly posted: number[][];
  readonly echoed: number[][];
}

const US_PER_MS = 1000;
const WAIT_MS = 1000;

const awaitAnswer = (words: Int32Array): void => {
  while (Atomics.load(words, X_MAIL) !== MAIL_ANSWERED)
    Atomics.wait(words, X_MAIL, MAIL_POSTED, WAIT_MS);
  Atomics.store(words, X_MAIL, MAIL_EMPTY);
};

/** Forwarded intercept: mailbox and doorbell. */
const viaMailbox = (words: Int32Array): void => {
  Atomics.store(words, X_MAIL, MAIL_POSTED);
  Atomics.add(words, X_DOORBELL, 1);
  Atomics.notify(words, X_DOORBELL);
  awaitAnswer(words);
};

/** The echo it is compared with: a message, answered by a notification. */
const viaMessage = (words: Int32Array): void => {
  Atomics.store(words, X_MAIL, MAIL_POSTED);
  parentPort?.postMessage(X_MAIL);
  awaitAnswer(words);
};

const timed = (count: number, exchange: () => void): number[] => {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const start = performance.now();
    exchange();
    times.push((performance.now() - start) * US_PER_MS);
  }
  return times;
};

const run = ({ words, rounds, exchanges }: ExchangeTask): ExchangeTimes => {
  const posted: number[][] = [];
  const echoed: number[][] = [];
  for (let round = 0; round < rounds; round++) {
    posted.push(timed(exchanges, () => viaMailbox(words)));
    echoed.push(timed(exchanges, () => viaMessage(words)));
  }
  return { posted, echoed };
};

parentPort?.postMessage(run(workerData as ExchangeTask));
