// SPDX-License-Identifier: Apache-2.0
// A worker thread: a loop that runs the guest programs of its vCPUs and serves their queues until it is told to stop.
// Source: docs/design.md section 4; docs/reference/performance.md section 5.

import { parentPort, threadId } from 'node:worker_threads';
import { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_STOP,
  G_CRASHED,
  T_DOORBELL,
  T_TASK,
  T_WORKER,
} from '../../native-like/machine/layout.ts';
import { keyCacheStatistics } from '../cex/key-cache.ts';
import { apCpuOf } from '../guest/ap-cpu.ts';
import { COUNTER_WORDS } from '../guest/counters.ts';
import { type GuestProgram, WAIT_DONE, WAIT_INTERRUPTION } from '../guest/cpu.ts';
import { ExecutionContext } from '../host/context/execution-context.ts';
import { ImageCpu } from '../host/context/image-cpu.ts';
import {
  guestProgram,
  notPlainState,
  startProgram,
  stepProgram,
} from '../host/machine/guest-program.ts';
import { enabledMask, machineCheckDue, pendingMask } from '../kvm/interruptions.ts';
import { NS_PER_MS } from '../units.ts';
import { ownTask } from './liveness.ts';
import { enterSie, leaveSie, serveEvent } from './sie.ts';
import type { VcpuReport, VcpuTask, WorkerReport, WorkerTask } from './task.ts';

/** Longest sleep of an idle worker, after which it looks whether it was told to stop. */
const SLEEP_MAX_NS = 20 * NS_PER_MS;
/** Shorter waits are spent spinning, since a wake-up costs tens of microseconds. */
const SPIN_NS = 30_000;
/** Number of steps of one vCPU before the next one has its turn. */
const STEPS_PER_TURN = 8;

/** A vCPU of this worker. */
interface Running {
  readonly task: VcpuTask;
  readonly program: GuestProgram;
  readonly cpu: ImageCpu;
  readonly counters: Int32Array;
  state: unknown;
  nextNs: number;
  done: boolean;
  failure: string | undefined;
}

/** The machine's time in nanoseconds, by the computer's clock. */
const machineNs = ({ startMs }: WorkerTask): number =>
  (performance.timeOrigin + performance.now() - startMs) * NS_PER_MS;

/** The execution context of the thread. In it, vfio_ap's AQIC hook really sleeps, as the driver does. */
const createContext = (task: WorkerTask): Promise<ExecutionContext> => {
  const image = new MachineImage(task.memory);
  const block = image.thread(task.thread);
  Atomics.store(image.i32, block + T_TASK, ownTask());
  Atomics.store(image.i32, block + T_WORKER, threadId);
  return ExecutionContext.create(image, {
    thread: task.thread,
    cards: new Map(task.cards.map((card) => [card.apid, card])),
    seed: task.seed,
    shared: task.spread,
    traced: task.traced,
    sleep: (ns) => {
      Atomics.wait(image.i32, block + T_DOORBELL + 1, 0, ns / NS_PER_MS);
      image.f64[block >> 1] = machineNs(task);
    },
    event: (vcpu) => serveEvent(image.i32, vcpu, block),
  });
};

class Worker {
  readonly #task: WorkerTask;
  readonly #image: MachineImage;
  readonly #i32: Int32Array;
  readonly #block: number;
  readonly #context: ExecutionContext;
  readonly #running: Running[] = [];
  #sleeps = 0;
  #nextReportMs: number;

  private constructor(task: WorkerTask, context: ExecutionContext) {
    this.#task = task;
    this.#context = context;
    this.#image = context.image;
    this.#i32 = context.image.i32;
    this.#block = context.image.thread(task.thread);
    this.#nextReportMs = performance.now() + task.progressMs;
  }

  /** Makes a worker, and starts its programs. */
  static async create(task: WorkerTask): Promise<Worker> {
    const worker = new Worker(task, await createContext(task));
    for (const vcpu of task.vcpus) worker.#running.push(await worker.#prepareVcpu(vcpu));
    return worker;
  }

  async #prepareVcpu(task: VcpuTask): Promise<Running> {
    const program = await guestProgram(task.program);
    const block = this.#image.vcpu(task.guest, task.vcpu);
    const cpu = new ImageCpu(this.#context, task.guest, task.vcpu);
    Atomics.store(this.#i32, this.#image.runner(block), this.#task.thread + 1);
    const counters = new Int32Array(COUNTER_WORDS);
    apCpuOf(cpu).counters = counters;
    const common = { task, program, cpu, counters, nextNs: 0 };
    try {
      const state = startProgram(program, task.args, task.program);
      return { ...common, state, done: false, failure: undefined };
    } catch (error) {
      return { ...common, state: undefined, done: true, failure: (error as Error).message };
    }
  }

  /** Runs the programs until all of them have ended or the machine is told to stop. */
  run(): WorkerReport {
    while (Atomics.load(this.#i32, C_STOP) === 0 && this.#running.some((vcpu) => !vcpu.done)) {
      const now = this.#readClock();
      let progress = false;
      for (const vcpu of this.#running)
        if (this.#runnable(vcpu, now)) progress = this.#turn(vcpu) || progress;
      const due = this.#serve();
      if (!progress) this.#idle(due);
      this.#reportProgress();
    }
    return this.#report();
  }

  #readClock(): number {
    const now = machineNs(this.#task);
    this.#context.nowNs = now;
    return now;
  }

  #runnable(vcpu: Running, now: number): boolean {
    // When one thread of a guest that is spread has died, the guest's other vCPUs end too.
    if (this.#i32[this.#image.guest(vcpu.task.guest) + G_CRASHED] !== 0) vcpu.done = true;
    if (vcpu.done) return false;
    if (vcpu.nextNs <= now) return true;
    const { block } = vcpu.cpu;
    if (machineCheckDue(this.#image, block)) return true;
    return (pendingMask(this.#image, vcpu.task.guest) & enabledMask(this.#image, block)) !== 0;
  }

  /** Does some steps of one vCPU inside interpretive execution. Its adapters are served in between. */
  #turn(vcpu: Running): boolean {
    enterSie(this.#i32, vcpu.cpu.block, this.#block);
    // Also a step that throws has to leave interpretive execution, because the host may be waiting for that.
    try {
      this.#steps(vcpu);
    } finally {
      leaveSie(this.#i32, vcpu.cpu.block, this.#block);
    }
    return true;
  }

  #steps(vcpu: Running): void {
    for (let n = 0; n < STEPS_PER_TURN; n++) {
      const now = this.#readClock();
      if (!this.#runnable(vcpu, now)) break;
      this.#step(vcpu);
      if (this.#context.service.wanted && vcpu.task.vcpu === 0)
        this.#context.service.serve(vcpu.task.guest);
    }
  }

  #step(vcpu: Running): void {
    try {
      const wait = stepProgram(vcpu.task.program, vcpu.program, vcpu.cpu, vcpu.state);
      if (wait === WAIT_DONE) vcpu.done = true;
      vcpu.nextNs = wait === WAIT_INTERRUPTION ? Number.POSITIVE_INFINITY : wait;
    } catch (error) {
      vcpu.failure = (error as Error).message;
      vcpu.done = true;
    }
  }

  /**
   * Serves each guest's queues while its vCPU 0 is in interpretive execution, so that no host operation on them happens at the same time.
   */
  #serve(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const vcpu of this.#running) {
      if (vcpu.task.vcpu !== 0) continue;
      enterSie(this.#i32, vcpu.cpu.block, this.#block);
      try {
        this.#readClock();
        due = Math.min(due, this.#context.service.serve(vcpu.task.guest));
      } finally {
        leaveSie(this.#i32, vcpu.cpu.block, this.#block);
      }
    }
    return due;
  }

  /** Sleeps until something is due, a program can run, or the doorbell rings. */
  #idle(due: number): void {
    const now = this.#readClock();
    let next = Math.min(due, now + SLEEP_MAX_NS);
    for (const vcpu of this.#running) if (!vcpu.done) next = Math.min(next, vcpu.nextNs);
    const wait = next - now;
    if (wait <= SPIN_NS) return;
    const doorbell = this.#block + T_DOORBELL;
    if (Atomics.exchange(this.#i32, doorbell, 0) !== 0) return;
    this.#sleeps++;
    Atomics.wait(this.#i32, doorbell, 0, wait / NS_PER_MS);
  }

  #reportProgress(): void {
    if (this.#task.progressMs === 0 || performance.now() < this.#nextReportMs) return;
    this.#nextReportMs = performance.now() + this.#task.progressMs;
    parentPort?.postMessage(this.#report());
  }

  #report(): WorkerReport {
    const { hits, misses } = keyCacheStatistics();
    return {
      thread: this.#task.thread,
      threadId,
      nowNs: this.#readClock(),
      sleeps: this.#sleeps,
      vcpus: this.#running.map((vcpu) => this.#reportVcpu(vcpu)),
      keyCache: { hits, misses },
    };
  }

  /** The program's state, if it can be sent to another thread. A program whose state cannot be sent has failed. */
  #stateOf(vcpu: Running): unknown {
    try {
      structuredClone(vcpu.state);
      return vcpu.state;
    } catch (cause) {
      vcpu.failure ??= notPlainState(vcpu.task.program, vcpu.state, cause).message;
      vcpu.done = true;
      return undefined;
    }
  }

  #reportVcpu(vcpu: Running): VcpuReport {
    return {
      guestName: vcpu.task.guestName,
      guest: vcpu.task.guest,
      vcpu: vcpu.task.vcpu,
      program: vcpu.task.program,
      executed: vcpu.cpu.executed,
      state: this.#stateOf(vcpu),
      failure: vcpu.failure,
      done: vcpu.done,
      counters: vcpu.counters,
    };
  }
}

/** The task of a worker thread. Returns when the worker has been told to stop, or all its programs have ended. */
export default async function runVcpus(task: WorkerTask): Promise<WorkerReport> {
  const worker = await Worker.create(task);
  return worker.run();
}
