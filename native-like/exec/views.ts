// SPDX-License-Identifier: Apache-2.0
// The views and region addresses of this kernel instance, as module-level constants.
// Source: docs/reference/performance.md section 2.2. Status: choice.
import {
  C_ADM,
  C_CLOCKS,
  C_EMPTY_MASKS,
  C_FAULTS,
  C_GISA_BYTE,
  C_GUEST,
  C_INDEX,
  C_MASKS,
  C_PENDING_BYTE,
  C_QUEUE,
  C_RUNNER,
  C_TRACE,
  C_TRACE_RECORDS,
  C_VCPU,
  CLOCK_STRIDE,
  QUEUE_WORDS,
  T_PENDING,
  T_STAND_IN,
  T_TRACE,
} from '../machine/layout.ts';
import { TRACE_WORDS } from '../machine/trace-layout.ts';
import { takeBinding } from './registry.ts';

const binding = takeBinding();

export const I32 = new Int32Array(binding.memory.buffer);
export const U8 = new Uint8Array(binding.memory.buffer);
export const U16 = new Uint16Array(binding.memory.buffer);
export const U64 = new BigUint64Array(binding.memory.buffer);
export const F64 = new Float64Array(binding.memory.buffer);
export const BYTES = new DataView(binding.memory.buffer);

export const wasmCopy = binding.copy;
export const external = binding.external;
export const stuck = binding.stuck;
export const targetDomain = binding.targetDomain;
export const requestFunction = binding.requestFunction;
/** What this thread writes into a lock it holds: its number plus 1. */
export const LOCK_OWNER = binding.thread + 1;

export const MASKS = I32[C_MASKS];
/** A record of masks that is always empty. The fast paths test it when every instruction has to take the slow path (see V_MASKS). */
export const EMPTY_MASKS = I32[C_EMPTY_MASKS];
export const ADM = I32[C_ADM];
export const GUESTS = I32[C_GUEST];
export const VCPUS = I32[C_VCPU];
export const RUNNERS = I32[C_RUNNER];
export const INDEX = I32[C_INDEX];
export const QUEUES = I32[C_QUEUE];
export const FAULTS = I32[C_FAULTS];
export const GISAS_BYTE = I32[C_GISA_BYTE];
const PENDING_BYTE = I32[C_PENDING_BYTE];
/** Index of this thread's clock in F64. */
export const CLOCK = (C_CLOCKS + binding.thread * CLOCK_STRIDE) / 2;

const THREAD_PENDING = CLOCK * 2 + T_PENDING;
/** Word with the queue that all APQNs mean while an intercepted instruction is executed; 0 otherwise. */
export const STAND_IN = CLOCK * 2 + T_STAND_IN;

/** This thread's trace: the word that counts its records; how many records its ring has, less 1; the first record. */
export const TRACED = CLOCK * 2 + T_TRACE;
export const TRACE_LAST = I32[C_TRACE_RECORDS] - 1;
export const TRACE = I32[C_TRACE] + binding.thread * (TRACE_LAST + 1) * TRACE_WORDS;

/** Sets two words with one store. The first must have an even index; `double` is the double with the bits of both. */
export const setPair = (word: number, double: number): void => {
  F64[word >> 1] = double;
};

/** Tells the code that serves queues that this queue has work or a due time. */
export const markPending = (q: number): void => {
  I32[THREAD_PENDING] = 1;
  U8[PENDING_BYTE + (((q - QUEUES) / QUEUE_WORDS) | 0)] = 1;
};
