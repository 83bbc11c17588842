// SPDX-License-Identifier: Apache-2.0
// A machine whose vCPUs run on worker threads in real time, with the host side on the main thread.
// Source: docs/design.md section 4; docs/reference/performance.md sections 5 and 6 (piscina).

import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Piscina } from 'piscina';
import {
  C_STOP,
  G_CRASHED,
  T_DOORBELL,
  T_IN_SIE,
  T_WORKER,
  THREADS_MAX,
} from '../../native-like/machine/layout.ts';
import { driveAsync } from '../ap-bus/driving.ts';
import type { Operation } from '../ap-bus/operation.ts';
import type { MachineConfig } from '../config/types.ts';
import { Machine } from '../host/machine/machine.ts';
import type { TakeEvent } from '../trace/machine-event.ts';
import type { TakeTrace } from '../trace/ring.ts';
import { NS_PER_MS } from '../units.ts';
import { releaseDead } from './dead-thread.ts';
import { writeOwners } from './owners.ts';
import { Exclusion } from './sie.ts';
import { STOP_MS, StopPatience } from './stop-patience.ts';
import type { VcpuTask, WorkerReport, WorkerTask } from './task.ts';
import { groupsOf } from './vcpu-groups.ts';

/** Milliseconds after which the main thread lets its own timers (scans, polling of resets) run again. */
const TICK_MS = 5;
const WORKER_REPORT_MS = 100;

export interface PoolOptions {
  /** Number of worker threads. Default: as many as cores, but not more than there are groups of vCPUs. */
  readonly workers?: number;
  readonly seed?: number;
  /** Called with the interim reports of each worker. */
  readonly onProgress?: (report: WorkerReport) => void;
  /** Is given records of all AP instructions. Those that come too fast for the main thread are lost. */
  readonly onTrace?: TakeTrace;
  readonly onEvent?: TakeEvent;
}

/** What is known of a guest whose worker died. */
export interface Crash {
  readonly guest: string;
  readonly reason: string;
}

export class PooledMachine {
  readonly machine: Machine;
  readonly workers: number;
  /** Guests that were lost with their worker. */
  readonly crashes: Crash[] = [];
  readonly #pool: Piscina;
  readonly #startMs: number;
  readonly #reports: Promise<WorkerReport | undefined>[] = [];
  readonly #ticker: NodeJS.Timeout;
  /** Detaches, still running, of guests whose worker died. */
  readonly #recoveries: Promise<void>[] = [];
  /** Threads whose task has not ended. */
  readonly #atWork = new Set<number>();
  /** Reasons why threads were ended, by thread number. */
  readonly #endings = new Map<number, string>();
  readonly #patience: StopPatience;
  #closed = false;
  #maxInSie = 0;

  private constructor(
    machine: Machine,
    exclusion: { instance?: Exclusion },
    groups: VcpuTask[][],
    options: PoolOptions,
  ) {
    this.machine = machine;
    this.#patience = new StopPatience(machine.image);
    const wanted = Math.min(options.workers ?? availableParallelism(), groups.length);
    this.workers = Math.max(1, Math.min(wanted, THREADS_MAX - 1));
    machine.service.only = 0;
    const keepsOut = new Exclusion(machine.image, this.workers);
    exclusion.instance = keepsOut;
    // The event loop tells of threads that have died only when the host's thread waits for nothing.
    machine.image.stuck = () => keepsOut.bury();
    this.assignOwners();
    this.#startMs = performance.timeOrigin + performance.now() - machine.nowNs() / NS_PER_MS;
    this.#pool = new Piscina({
      filename: createRequire(import.meta.url).resolve('#vcpu-worker'),
      // A thread that has died is not replaced, since there would be no task for it.
      minThreads: 0,
      maxThreads: this.workers,
      atomics: 'disabled',
    });
    this.#pool.on('message', (report: WorkerReport) => options.onProgress?.(report));
    this.#start(groups, options);
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Builds the machine, and starts all guests on the pool. */
  static async start(config: MachineConfig, options: PoolOptions = {}): Promise<PooledMachine> {
    const exclusion: { instance?: Exclusion } = {};
    const pooled: { machine?: PooledMachine } = {};
    const machine = await Machine.create(config, {
      ...(options.seed === undefined ? {} : { seed: options.seed }),
      ...(options.onTrace === undefined ? {} : { onTrace: options.onTrace }),
      ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
      exclusive: (guest, change) => {
        if (exclusion.instance === undefined) change();
        else
          exclusion.instance.run(guest, () => {
            change();
            pooled.machine?.assignOwners();
          });
      },
    });
    pooled.machine = new PooledMachine(machine, exclusion, groupsOf(config), options);
    return pooled.machine;
  }

  /** Number of workers' tasks that have ended. Each worker has one task, for the whole run. */
  get tasksEnded(): number {
    return this.#pool.completed;
  }

  /** Highest number of vCPUs, of different threads, that were seen inside interpretive execution at the same time. */
  get maxInSie(): number {
    return this.#maxInSie;
  }

  /** Waits until the programs of all guests have ended, then ends the workers. */
  async finished(): Promise<WorkerReport[]> {
    const reports = await Promise.all(this.#reports);
    return reports.filter((report) => report !== undefined);
  }

  /**
   * Tells all programs to stop where they are. A thread whose program then does not end its step is ended, which counts as a crash of its
   * guests.
   */
  stop(): void {
    const { i32 } = this.machine.image;
    Atomics.store(i32, C_STOP, 1);
    for (let thread = 1; thread <= this.workers; thread++) this.#ring(thread);
    this.#patience.begin(this.#atWork, (thread) => {
      this.#endings.set(
        thread,
        `a step of its program was not over ${STOP_MS / 1000} s after it was told to stop`,
      );
      this.#terminate(thread);
    });
  }

  #terminate(thread: number): void {
    const id = this.machine.image.word(this.machine.image.thread(thread) + T_WORKER);
    void this.#pool.threads.find((worker) => worker.threadId === id)?.terminate();
  }

  /** Ends the workers and the machine. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.stop();
    clearInterval(this.#ticker);
    await Promise.all(this.#reports);
    // Detaches after the loss of a worker must be over before the memory is used for another machine.
    await Promise.all(this.#recoveries);
    this.#patience.end();
    this.#closed = true;
    await this.#pool.destroy();
    // The image serves other machines after this one.
    this.machine.image.stuck = undefined;
    this.machine.close();
  }

  /** Writes to a file of the host's tree while guests run. Returns `ok` or an errno name. */
  write(path: string, text: string): Promise<string> {
    return this.drive(this.machine.sysfs.write(path, text));
  }

  /** Drives a host operation in real time. It is given up when the machine is closed. */
  async drive<T>(operation: Operation<T>): Promise<T> {
    this.#tick();
    const wait = async (waitNs: number): Promise<void> => {
      await sleep(Math.max(1, waitNs / NS_PER_MS));
      if (!this.#closed) this.#tick();
    };
    return (await driveAsync(operation, wait, () => this.#closed)) as T;
  }

  /** Waits until the thread of every worker has started, or one has ended already, or `givenUp` says so. */
  async begun(givenUp: () => boolean): Promise<void> {
    const threads = Array.from({ length: this.workers }, (_, n) => n + 1);
    const waits = (): boolean =>
      this.#atWork.size === this.workers && !threads.every((one) => this.#hasBegun(one));
    while (!givenUp() && waits()) await sleep(1);
  }

  #hasBegun(thread: number): boolean {
    return this.machine.image.word(this.machine.image.thread(thread) + T_WORKER) !== 0;
  }

  /** Ends a worker's thread in the middle of its work, to test recovery. Waits until the loss was noticed. */
  async kill(thread: number): Promise<void> {
    // Node itself aborts if a thread is ended while it loads modules, so this waits until the worker has started.
    while (!this.#hasBegun(thread)) await sleep(1);
    this.#terminate(thread);
    await this.#reports[thread - 1];
  }

  /** Writes which guest owns which queue. The vCPUs concerned must be out of interpretive execution. */
  assignOwners(): void {
    writeOwners(this.machine);
  }

  #ring(thread: number): void {
    const doorbell = this.machine.image.thread(thread) + T_DOORBELL;
    Atomics.store(this.machine.image.i32, doorbell, 1);
    Atomics.notify(this.machine.image.i32, doorbell);
  }

  #start(groups: VcpuTask[][], options: PoolOptions): void {
    const perWorker: VcpuTask[][] = Array.from({ length: this.workers }, () => []);
    for (const [index, group] of groups.entries()) perWorker[index % this.workers]?.push(...group);
    for (const [index, vcpus] of perWorker.entries()) {
      const task: WorkerTask = {
        memory: this.machine.image.memory,
        thread: index + 1,
        vcpus,
        cards: [...this.machine.cards.values()],
        seed: options.seed ?? this.machine.config.machine.seed,
        startMs: this.#startMs,
        progressMs: options.onProgress === undefined ? 0 : WORKER_REPORT_MS,
        traced: this.machine.trace !== undefined,
        spread: vcpus.some((vcpu) => this.machine.config.guests[vcpu.guest - 1]?.spread === true),
      };
      this.#atWork.add(task.thread);
      const report = this.#pool.run(task).catch((error: unknown) => this.#lost(task, error));
      this.#reports.push(report.finally(() => this.#atWork.delete(task.thread)));
    }
  }

  /** Called when a worker has died: its locks are broken, its guests are reported, and their queues reset. Everything else goes on. */
  #lost(task: WorkerTask, error: unknown): undefined {
    const { image } = this.machine;
    for (const vcpu of task.vcpus) Atomics.store(image.i32, image.guest(vcpu.guest) + G_CRASHED, 1);
    releaseDead(image, task.thread);
    const reason =
      this.#endings.get(task.thread) ?? (error instanceof Error ? error.message : String(error));
    for (const guest of new Set(task.vcpus.map((vcpu) => vcpu.guestName))) {
      this.crashes.push({ guest, reason });
      this.#recoveries.push(this.drive(this.machine.detachOperation(guest)));
    }
    return undefined;
  }

  /** The main thread's own work: its clock, its timers, the queues that no guest owns; it also counts the vCPUs at work. */
  #tick(): void {
    const now = (performance.timeOrigin + performance.now() - this.#startMs) * NS_PER_MS;
    this.machine.stepper.advance(Math.max(0, now - this.machine.nowNs()), false);
    this.machine.alerts.poll();
    this.machine.flushTrace();
    this.#maxInSie = Math.max(this.#maxInSie, this.#threadsInSie());
  }

  #threadsInSie(): number {
    const { image } = this.machine;
    let count = 0;
    for (let thread = 1; thread <= this.workers; thread++)
      if (Atomics.load(image.i32, image.thread(thread) + T_IN_SIE) !== 0) count++;
    return count;
  }
}
