// SPDX-License-Identifier: Apache-2.0
// Enters and leaves interpretive execution, and keeps vCPUs out of it: KVM's protocol between a vCPU's thread and the host. Setting
// in-SIE and then reading block must be sequentially consistent on both sides, hence Atomics. A thread has one vCPU in SIE at a time. The
// word that tells which belongs to the thread and not to the vCPU, so that the host has to look at no more cache lines than there are
// threads.
// Source: docs/reference/performance.md sections 2.8 and 5; docs/reference/ap-architecture.md section 6.4 (Linux
// arch/s390/kvm/kvm-s390.c: kvm_s390_vcpu_block, exit_sie).
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_AWAITED,
  G_BLOCK,
  G_CRASHED,
  T_IN_SIE,
  T_TASK,
  V_EVENT,
  V_GUEST,
} from '../../native-like/machine/layout.ts';
import { releaseDead } from './dead-thread.ts';
import { taskLives } from './liveness.ts';

/** Milliseconds of the longest sleep before looking again, since every wait must notice a thread that has died. */
const SIE_WAIT_MS = 20;
/**
 * How often the host looks whether vCPUs have left before it sleeps: about a microsecond. A vCPU that has a core is out in less than
 * that, and a wake-up costs more than twenty microseconds.
 */
const SPIN_LOOKS = 256;
/**
 * Milliseconds after which a thread whose clock stands still is given up: its program is in a step that never ends. A step takes
 * microseconds, and the hook sleeps at most 220 ms. A thread that has ended is found at the next look, if the operating system tells.
 */
const DEAD_MS = 15_000;

/** Word by which the host keeps the vCPU's guest out of interpretive execution. */
const blockOf = (i32: Int32Array, vcpu: number): number => i32[vcpu + V_GUEST] + G_BLOCK;

/**
 * Enters interpretive execution of the vCPU with the block at `vcpu`. Waits while the host keeps the guest out.
 *
 * @param thread word index of the thread's block
 */
export const enterSie = (i32: Int32Array, vcpu: number, thread: number): void => {
  for (;;) {
    Atomics.store(i32, thread + T_IN_SIE, vcpu);
    if (Atomics.load(i32, blockOf(i32, vcpu)) === 0) return;
    leaveSie(i32, vcpu, thread);
    waitForHost(i32, vcpu);
  }
};

/**
 * Leaves interpretive execution. Only the last thread that a host waits for wakes it, since each wake-up costs the host tens of
 * microseconds. A thread that tried to enter and left at once is counted too; the host finds out by looking again.
 */
export const leaveSie = (i32: Int32Array, vcpu: number, thread: number): void => {
  Atomics.store(i32, thread + T_IN_SIE, 0);
  if (Atomics.load(i32, blockOf(i32, vcpu)) === 0) return;
  if (Atomics.sub(i32, C_AWAITED, 1) <= 1) Atomics.notify(i32, C_AWAITED);
};

/** Called when the event word of a vCPU in SIE is set: if the host waits, leaves interpretive execution and enters it again. */
export const serveEvent = (i32: Int32Array, vcpu: number, thread: number): void => {
  Atomics.store(i32, vcpu + V_EVENT, 0);
  if (Atomics.load(i32, blockOf(i32, vcpu)) === 0) return;
  leaveSie(i32, vcpu, thread);
  waitForHost(i32, vcpu);
  enterSie(i32, vcpu, thread);
};

/** Sleeps while the host keeps the guest out. */
const waitForHost = (i32: Int32Array, vcpu: number): void => {
  const block = blockOf(i32, vcpu);
  while (Atomics.load(i32, block) !== 0) Atomics.wait(i32, block, 1, SIE_WAIT_MS);
};

/** A thread that was inside when its vCPU's guest was blocked. */
interface Inside {
  readonly thread: number;
  /** Word index of the vCPU's block. */
  readonly vcpu: number;
}

/**
 * The host's side: keeps the vCPUs of a guest, or of all guests, out of interpretive execution while something changes. Only the host's
 * thread of a machine does this.
 */
export class Exclusion {
  readonly #image: MachineImage;
  readonly #workers: number;
  readonly #deadMs: number;
  /** Word indices of the guests' records. */
  readonly #guests: readonly number[];
  /** How often each guest is excluded at present, since host operations nest. */
  readonly #depth: number[];
  #inside: Inside[] = [];

  /**
   * @param workers threads 1 to `workers` run vCPUs
   * @param deadMs milliseconds after which a thread whose clock stands still counts as dead
   */
  constructor(image: MachineImage, workers: number, deadMs = DEAD_MS) {
    this.#image = image;
    this.#workers = workers;
    this.#deadMs = deadMs;
    this.#guests = Array.from({ length: image.guests }, (_, guest) => image.guest(guest));
    this.#depth = new Array<number>(image.guests).fill(0);
  }

  /** Runs `change` while the vCPUs of `guest` (undefined: of every guest) are out of interpretive execution. */
  run(guest: number | undefined, change: () => void): void {
    const guests = guest === undefined ? this.#allGuests() : [guest];
    for (const number of guests) this.#block(number);
    if (this.#inside.length > 0) this.#waitOut();
    try {
      change();
    } finally {
      for (const number of guests) this.#unblock(number);
    }
  }

  #allGuests(): number[] {
    return Array.from({ length: this.#image.guests - 1 }, (_, n) => n + 1);
  }

  /**
   * Sets the word that keeps the guest out, which threads that enter later see, and tells those that are inside. Each thread's word is
   * read only once, because each read fetches its cache line from another core.
   */
  #block(guest: number): void {
    const depth = this.#depth[guest];
    this.#depth[guest] = depth + 1;
    if (depth > 0) return;
    const { i32 } = this.#image;
    const record = this.#guests[guest];
    Atomics.store(i32, record + G_BLOCK, 1);
    for (let thread = 1; thread <= this.#workers; thread++) {
      const vcpu = Atomics.load(i32, this.#image.thread(thread) + T_IN_SIE);
      if (vcpu === 0 || i32[vcpu + V_GUEST] !== record) continue;
      Atomics.store(i32, vcpu + V_EVENT, 1);
      this.#inside.push({ thread, vcpu });
    }
  }

  #waitOut(): void {
    const inside = this.#inside;
    for (let n = 0; n < SPIN_LOOKS && inside.length > 0; n++)
      if (!this.#isInside(inside.at(-1) as Inside)) inside.pop();
    if (inside.length > 0) this.#sleepUntilOut();
  }

  #isInside({ thread, vcpu }: Inside): boolean {
    return Atomics.load(this.#image.i32, this.#image.thread(thread) + T_IN_SIE) === vcpu;
  }

  #sleepUntilOut(): void {
    let clocks: readonly number[] | undefined;
    for (let waited = 0; this.#countInside() > 0; ) {
      if (this.#sleep() !== 'timed-out') continue;
      this.bury();
      waited += SIE_WAIT_MS;
      clocks ??= this.#clocks();
      if (waited < this.#deadMs) continue;
      this.#giveUp(clocks);
      clocks = undefined;
      waited = 0;
    }
  }

  /** Forgets those that are out, and returns how many are still inside. */
  #countInside(): number {
    this.#inside = this.#inside.filter((one) => this.#isInside(one));
    return this.#inside.length;
  }

  /** Sleeps until the last one is out. A thread that left before the count was written has not counted down, hence the second look. */
  #sleep(): ReturnType<typeof Atomics.wait> | 'not needed' {
    const { i32 } = this.#image;
    const awaited = this.#inside.length;
    Atomics.store(i32, C_AWAITED, awaited);
    if (this.#countInside() < awaited) return 'not needed';
    return Atomics.wait(i32, C_AWAITED, awaited, SIE_WAIT_MS);
  }

  /**
   * Counts threads that have ended as dead, for the host's thread while it waits: nobody else looks then. All of them: one that is waited
   * for may itself wait for a lock that a thread of another guest has died with.
   */
  bury(): void {
    const image = this.#image;
    for (let thread = 1; thread <= this.#workers; thread++)
      if (!taskLives(image.word(image.thread(thread) + T_TASK))) this.#isDead(thread);
  }

  #isDead(thread: number): void {
    const image = this.#image;
    const vcpu = image.word(image.thread(thread) + T_IN_SIE);
    if (vcpu !== 0) Atomics.store(image.i32, image.guestOf(vcpu) + G_CRASHED, 1);
    releaseDead(image, thread);
  }

  /** Counts threads as dead whose clock has not moved since `clocks`. Their guests have crashed. */
  #giveUp(clocks: readonly number[]): void {
    for (const { thread } of this.#inside)
      if (clocks[thread] === this.#clockOf(thread)) this.#isDead(thread);
  }

  /** The clocks of all threads, by thread number. */
  #clocks(): number[] {
    return Array.from({ length: this.#workers + 1 }, (_, thread) => this.#clockOf(thread));
  }

  #clockOf(thread: number): number {
    return this.#image.f64[this.#image.thread(thread) / 2];
  }

  #unblock(guest: number): void {
    const depth = this.#depth[guest] - 1;
    this.#depth[guest] = depth;
    if (depth > 0) return;
    const { i32 } = this.#image;
    const block = this.#guests[guest] + G_BLOCK;
    Atomics.store(i32, block, 0);
    Atomics.notify(i32, block);
  }
}
