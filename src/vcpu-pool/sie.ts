// SPDX-License-Identifier: Apache-2.0
// Entering and leaving interpretive execution, and keeping vCPUs out of it: KVM's protocol between a vCPU's thread and the host.
// Source: docs/reference/performance.md sections 2.8 and 5; docs/reference/ap-architecture.md section 6.4
// (Linux arch/s390/kvm/kvm-s390.c: kvm_s390_vcpu_block, exit_sie). Setting in-SIE and then reading block must be sequentially
// consistent on both sides, hence Atomics. A thread has one vCPU in SIE at a time: the word is the thread's, not the vCPU's, so that the host looks
// at as many lines as there are threads.
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

/** Longest sleep before looking again: every wait must notice a thread that died. */
const SIE_WAIT_MS = 20;
/**
 * Looks at vCPUs in interpretive execution before the host sleeps, a microsecond's worth: they are out in less than that where they
 * have a core, and a wake-up costs more than twenty.
 */
const SPIN_LOOKS = 256;
/**
 * A thread whose clock stands still for so long is given up: its program is in a step that never ends. One that has ended is found at the
 * next look, where the operating system says so. A step of a program takes microseconds, and the hook sleeps at most 220 ms.
 */
const DEAD_MS = 15_000;

/** Word the host keeps the vCPU's guest out with. */
const blockOf = (i32: Int32Array, vcpu: number): number => i32[vcpu + V_GUEST] + G_BLOCK;

/**
 * A thread enters interpretive execution of the vCPU with the block at `vcpu`; it waits while the host keeps the guest out.
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
 * A thread leaves. A host that waits is woken by the last one it waits for: each wake-up costs it tens of microseconds. A thread that
 * only looked in counts as well; the host then looks again.
 */
export const leaveSie = (i32: Int32Array, vcpu: number, thread: number): void => {
  Atomics.store(i32, thread + T_IN_SIE, 0);
  if (Atomics.load(i32, blockOf(i32, vcpu)) === 0) return;
  if (Atomics.sub(i32, C_AWAITED, 1) <= 1) Atomics.notify(i32, C_AWAITED);
};

/** The event word of a vCPU in SIE was set: out and in again, so that a host that waits gets its turn. */
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
 * The host's side: keeps vCPUs of a guest, or of all, out of interpretive execution while something changes. One thread of a machine
 * does so, the host's.
 */
export class Exclusion {
  readonly #image: MachineImage;
  readonly #workers: number;
  readonly #deadMs: number;
  /** Word indices of the guests' records. */
  readonly #guests: readonly number[];
  /** How deep each guest is excluded: host operations nest. */
  readonly #depth: number[];
  #inside: Inside[] = [];

  /**
   * @param workers threads 1 to `workers` run vCPUs
   * @param deadMs a thread whose clock stands still for so long is dead
   */
  constructor(image: MachineImage, workers: number, deadMs = DEAD_MS) {
    this.#image = image;
    this.#workers = workers;
    this.#deadMs = deadMs;
    this.#guests = Array.from({ length: image.guests }, (_, guest) => image.guest(guest));
    this.#depth = new Array<number>(image.guests).fill(0);
  }

  /** Runs `change` with the vCPUs of `guest` (undefined: of every guest) out. */
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
   * One word keeps the guest out: who enters later sees it. Those inside are told; each look at a thread's word takes its line from
   * another core, so there is one look.
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
      this.#bury();
      waited += SIE_WAIT_MS;
      clocks ??= this.#clocks();
      if (waited < this.#deadMs) continue;
      this.#giveUp(clocks);
      clocks = undefined;
      waited = 0;
    }
  }

  /** Those that are out are forgotten. */
  #countInside(): number {
    this.#inside = this.#inside.filter((one) => this.#isInside(one));
    return this.#inside.length;
  }

  /** Until the last one is out. Who left before the count was there did not count: hence the second look. */
  #sleep(): ReturnType<typeof Atomics.wait> | 'not needed' {
    const { i32 } = this.#image;
    const awaited = this.#inside.length;
    Atomics.store(i32, C_AWAITED, awaited);
    if (this.#countInside() < awaited) return 'not needed';
    return Atomics.wait(i32, C_AWAITED, awaited, SIE_WAIT_MS);
  }

  /** Threads that have ended cannot leave any more. */
  #bury(): void {
    for (const one of this.#inside)
      if (!taskLives(this.#image.word(this.#image.thread(one.thread) + T_TASK))) this.#isDead(one);
  }

  #isDead({ thread, vcpu }: Inside): void {
    const image = this.#image;
    Atomics.store(image.i32, image.guestOf(vcpu) + G_CRASHED, 1);
    releaseDead(image, thread);
  }

  /** Threads that have not moved since `clocks` are dead, and their guests have crashed. */
  #giveUp(clocks: readonly number[]): void {
    for (const one of this.#inside)
      if (clocks[one.thread] === this.#clockOf(one.thread)) this.#isDead(one);
  }

  /** Of all threads, by their number. */
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
