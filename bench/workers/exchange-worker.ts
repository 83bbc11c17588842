// SPDX-License-Identifier: Apache-2.0
// A vCPU's thread that needs the host thread: sends it something and sleeps until the answer is there, again and again.
import { parentPort, workerData } from 'node:worker_threads';
import type { SharedMemory } from '../../native-like/machine/globals.ts';
import { MachineImage } from '../../native-like/machine/image.ts';
import { C_DOORBELL, M_STATE } from '../../native-like/machine/layout.ts';
import { MAIL_ANSWERED, MAIL_EMPTY, MAIL_POSTED } from './shared-words.ts';

export interface ExchangeTask {
  readonly memory: SharedMemory;
  /** Word index of the vCPU's mailbox. */
  readonly mailbox: number;
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

const awaitAnswer = (i32: Int32Array, state: number): void => {
  while (Atomics.load(i32, state) !== MAIL_ANSWERED) Atomics.wait(i32, state, MAIL_POSTED, WAIT_MS);
  Atomics.store(i32, state, MAIL_EMPTY);
};

/** Forwarded intercept: mailbox and doorbell in the image. */
const viaMailbox = (i32: Int32Array, state: number): void => {
  Atomics.store(i32, state, MAIL_POSTED);
  Atomics.add(i32, C_DOORBELL, 1);
  Atomics.notify(i32, C_DOORBELL);
  awaitAnswer(i32, state);
};

/** The echo it is compared with: a message, answered by a notification. */
const viaMessage = (i32: Int32Array, state: number): void => {
  Atomics.store(i32, state, MAIL_POSTED);
  parentPort?.postMessage(state);
  awaitAnswer(i32, state);
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

const run = ({ memory, mailbox, rounds, exchanges }: ExchangeTask): ExchangeTimes => {
  const { i32 } = new MachineImage(memory);
  const state = mailbox + M_STATE;
  const posted: number[][] = [];
  const echoed: number[][] = [];
  for (let round = 0; round < rounds; round++) {
    posted.push(timed(exchanges, () => viaMailbox(i32, state)));
    echoed.push(timed(exchanges, () => viaMessage(i32, state)));
  }
  return { posted, echoed };
};

parentPort?.postMessage(run(workerData as ExchangeTask));
