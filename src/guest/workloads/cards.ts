// SPDX-License-Identifier: Apache-2.0
// Workloads of the message library (RSA, random numbers, queries) for the reference driver, for cards that compute.
// Source: src/cex/messages/workloads.ts; mode precedence from docs/reference/ap-architecture.md section 4.4.

import { GR2_A, GR2_D } from '../../../native-like/arch/registers.ts';
import {
  canRun,
  checkReply,
  createWorkload,
  type Job,
  WORKLOAD_NAMES,
  type WorkloadMode,
  type WorkloadName,
} from '../../cex/messages/workloads.ts';
import { integerArg } from '../arguments.ts';
import { DEFAULT_MESSAGES, NO_MORE_MESSAGES, type Workload } from './workload.ts';

/** Number of jobs that a queue draws once and then sends in turn. */
const DEFAULT_JOBS = 16;

interface CardState {
  remaining: number;
  sequence: number;
  jobs: Job[];
  /** For each address of a request in guest storage, the number of its job. */
  jobAt: Record<number, number>;
}

const modeOf = (functions: number): WorkloadMode => {
  if ((functions & GR2_A) !== 0) return 'accelerator';
  return (functions & GR2_D) !== 0 ? 'cca' : 'ep11';
};

/** Returns a function that fills bytes from a seed (xorshift). The same seed and APQN give the same messages. */
const randomBytes = (seed: number): ((target: Uint8Array) => void) => {
  let x = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return (target) => {
    for (let i = 0; i < target.length; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      target[i] = x >>> 11;
    }
  };
};

/**
 * A workload of the message library. Arguments: `messages` per queue (default 1000, -1 = endless), `seed` (default 1), `jobs`
 * drawn per queue (default 16). Queues whose card cannot run it send nothing.
 */
const cardWorkload = (name: WorkloadName): Workload<CardState> => ({
  name,

  init(args, queue) {
    const integer = (arg: string, normal: number, low: number, high: number): number =>
      integerArg(name, args, arg, { normal, low, high });
    const messages = integer('messages', DEFAULT_MESSAGES, -1, Number.MAX_SAFE_INTEGER);
    const seed = integer('seed', 1, 0, 0xffffffff);
    const count = integer('jobs', DEFAULT_JOBS, 1, 1024);
    const mode = modeOf(queue.functions);
    if (!canRun(name, mode)) return { remaining: 0, sequence: 0, jobs: [], jobAt: {} };
    const source = createWorkload(name, {
      mode,
      domain: queue.apqn & 0xff,
      random: randomBytes(seed * 0x10001 + queue.apqn),
    });
    const jobs = Array.from({ length: count }, () => source.next()).filter(
      (job) => job.request.length <= queue.maxMessageBytes,
    );
    return { remaining: jobs.length === 0 ? 0 : messages, sequence: 0, jobs, jobAt: {} };
  },

  requestBytes: (state) =>
    state.jobs.reduce((longest, job) => Math.max(longest, job.request.length), 8),

  next(state, storage, address) {
    if (state.remaining === 0) return NO_MORE_MESSAGES;
    if (state.remaining > 0) state.remaining--;
    const number = state.sequence++ % state.jobs.length;
    const { request } = state.jobs[number];
    storage.set(request, address);
    state.jobAt[address] = number;
    return request.length;
  },

  check(state, storage, request, _requestBytes, reply, replyBytes) {
    const job = state.jobs[state.jobAt[request]];
    // The reply is copied, since checkReply compares Buffers and storage may be shared memory.
    return checkReply(job, storage.slice(reply, reply + replyBytes)) === undefined;
  },

  lost(state, again) {
    if (again && state.remaining >= 0) state.remaining++;
  },
});

/** All workloads of the message library. */
export const cardWorkloads: readonly Workload[] = WORKLOAD_NAMES.map(cardWorkload);
