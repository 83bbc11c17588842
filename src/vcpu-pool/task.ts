// SPDX-License-Identifier: Apache-2.0
// What a worker is given and what it returns: plain data, and the machine's memory.
// Source: docs/design.md section 4.
import type { SharedMemory } from '../../native-like/machine/globals.ts';
import type { Card } from '../host/context/card-models.ts';

/** One vCPU a worker runs, with its guest program. */
export interface VcpuTask {
  readonly guestName: string;
  /** Number of the guest in the image. */
  readonly guest: number;
  readonly vcpu: number;
  /** Name of a built-in program, or URL of a module whose default export is one. */
  readonly program: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** The one long-lived task of a worker. */
export interface WorkerTask {
  readonly memory: SharedMemory;
  /** Thread number, from 1. */
  readonly thread: number;
  readonly vcpus: readonly VcpuTask[];
  readonly cards: readonly Card[];
  readonly seed: number;
  /** Start of the machine's time, in milliseconds of `performance.timeOrigin + performance.now()`. */
  readonly startMs: number;
  /** Milliseconds between progress reports; 0 = none. */
  readonly progressMs: number;
  /** Whether the vCPUs of some guest run on several workers, so that queues need locks. */
  readonly spread: boolean;
  /** Whether instructions leave trace records. */
  readonly traced: boolean;
}

/** The result of one vCPU. `state` is the program's own plain data. */
export interface VcpuReport {
  readonly guestName: string;
  readonly guest: number;
  readonly vcpu: number;
  readonly program: string;
  readonly executed: number;
  readonly done: boolean;
  /** Message of what the program threw, if it failed. */
  readonly failure: string | undefined;
  readonly state: unknown;
  readonly counters: Int32Array;
}

/** A worker's result at the end, and its reports in between. */
export interface WorkerReport {
  readonly thread: number;
  readonly threadId: number;
  /** Machine time of the report in nanoseconds. */
  readonly nowNs: number;
  /** How often the worker slept because nothing could run. */
  readonly sleeps: number;
  readonly vcpus: readonly VcpuReport[];
  readonly keyCache: { readonly hits: number; readonly misses: number };
}
