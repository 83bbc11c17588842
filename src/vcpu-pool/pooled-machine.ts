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
import type { GuestConfig, MachineConfig } from '../config/types.ts';
import { programArgs } from '../host/machine/guest-program.ts';
import { Machine } from '../host/machine/machine.ts';
import type { TakeEvent } from '../trace/machine-event.ts';
import type { TakeTrace } from '../trace/ring.ts';
import { NS_PER_MS } from '../units.ts';
import { releaseDead } from './dead-thread.ts';
import { writeOwners } from './owners.ts';
import { Exclusion } from './sie.ts';
import { STOP_MS, StopPatience } from './stop-patience.ts';
import type { VcpuTask, WorkerReport, WorkerTask } from './task.ts';

/** How often the main thread lets its own timers (scans, reset polls) run. */
const TICK_MS = 5;
const WORKER_REPORT_MS = 100;

export interface PoolOptions {
  /** Worker threads; default: as many as cores, at most one for each vCPU group. */
  readonly workers?: number;
  readonly seed?: number;
  /** Called with each worker's interim report. */
  readonly onProgress?: (report: WorkerReport) => void;
  /** Takes records of all AP instructions; what comes too fast for the main thread is lost. */
  readonly onTrace?: TakeTrace;
  readonly onEvent?: TakeEvent;
}

/** What is left of a guest whose worker died. */
export interface Crash {
  readonly guest: string;
  readonly reason: string;
}

/** vCPUs that must stay on one thread together: those of a guest, unless it is spread. */
const groupsOf = (config: MachineConfig): VcpuTask[][] => {
  const groups: VcpuTask[][] = [];
  config.guests.forEach((guest, index) => {
    const tasks = tasksOf(config, guest, index + 1);
    if (guest.spread) groups.push(...tasks.map((task) => [task]));
    else if (tasks.length > 0) groups.push(tasks);
  });
  return groups;
};

/**
 * A guest's running vCPUs: vCPU 0 with the configured program, the others too when the program's argument `everyVcpu` says so.
 * The rest stay stopped: a stopped vCPU takes no interruption away from the one that waits for it.
 */
const tasksOf = (config: MachineConfig, guest: GuestConfig, number: number): VcpuTask[] => {
  const { program } = guest;
  if (program === undefined) return [];
  const running = guest.args['everyVcpu'] === true ? guest.vcpus : 1;
  const args = programArgs(config, guest);
  return Array.from({ length: running }, (_, vcpu) => ({
    guestName: guest.name,
    guest: number,
    vcpu,
    program,
    args: { ...args, vcpu, vcpus: running },
  }));
};

export class PooledMachine {
  readonly machine: Machine;
  readonly workers: number;
  /** Guests lost with their worker. */
  readonly crashes: Crash[] = [];
  readonly #pool: Piscina;
  readonly #startMs: number;
  readonly #reports: Promise<WorkerReport | undefined>[] = [];
  readonly #ticker: NodeJS.Timeout;
  /** Detaches of guests whose worker died. */
  readonly #recoveries: Promise<void>[] = [];
  /** Threads whose task has not ended. */
  readonly #atWork = new Set<number>();
  /** Why threads were ended, by their number. */
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
    exclusion.instance = new Exclusion(machine.image, this.workers);
    this.assignOwners();
    this.#startMs = performance.timeOrigin + performance.now() - machine.nowNs() / NS_PER_MS;
    this.#pool = new Piscina({
      filename: createRequire(import.meta.url).resolve('#vcpu-worker'),
      // A thread that has died is not replaced: nobody would have a task for it.
      minThreads: 0,
      maxThreads: this.workers,
      atomics: 'disabled',
    });
    this.#pool.on('message', (report: WorkerReport) => options.onProgress?.(report));
    this.#start(groups, options);
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Composes the machine and starts all guests on the pool. */
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

  /** Tasks of workers that have ended: each worker has one, for the whole run. */
  get tasksEnded(): number {
    return this.#pool.completed;
  }

  /** Most vCPUs of different threads seen inside interpretive execution at the same time. */
  get maxInSie(): number {
    return this.#maxInSie;
  }

  /** Waits until every guest's program has ended, then ends the machine's workers. */
  async finished(): Promise<WorkerReport[]> {
    const reports = await Promise.all(this.#reports);
    return reports.filter((report) => report !== undefined);
  }

  /** Tells all programs to stop where they are. A thread whose program does not end its step then is ended, as a crash of its guests. */
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

  /** Ends workers and machine. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.stop();
    clearInterval(this.#ticker);
    await Promise.all(this.#reports);
    // What follows the loss of a worker must not go on in a memory that another machine has by then.
    await Promise.all(this.#recoveries);
    this.#patience.end();
    this.#closed = true;
    await this.#pool.destroy();
    this.machine.close();
  }

  /** One write to a file of the host's tree while guests run. Returns `ok` or an errno name. */
  write(path: string, text: string): Promise<string> {
    return this.drive(this.machine.sysfs.write(path, text));
  }

  /** Drives a host operation in real time; it is given up when the machine is closed. */
  async drive<T>(operation: Operation<T>): Promise<T> {
    this.#tick();
    const wait = async (waitNs: number): Promise<void> => {
      await sleep(Math.max(1, waitNs / NS_PER_MS));
      if (!this.#closed) this.#tick();
    };
    return (await driveAsync(operation, wait, () => this.#closed)) as T;
  }

  /** Ends the thread of a worker in the middle of what it does, for tests of recovery; waits until the loss was noticed. */
  async kill(thread: number): Promise<void> {
    // Node itself aborts when a thread is ended while it loads modules.
    while (this.machine.image.word(this.machine.image.thread(thread) + T_WORKER) === 0)
      await sleep(1);
    this.#terminate(thread);
    await this.#reports[thread - 1];
  }

  /** Writes which guest owns which queue. Runs with the vCPUs concerned out of interpretive execution. */
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

  /** A worker died: its locks are broken, its guests are reported and their queues reset; everything else goes on. */
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

  /** The main thread's share: its clock, its timers, queues no guest owns; looks who is at work. */
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
