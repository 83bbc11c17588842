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
  V_EVENT,
  V_GUEST,
} from '../../native-like/machine/layout.ts';

/** Longest sleep before looking again: every wait must notice a thread that died. */
const WAIT_MS = 20;
/**
 * Looks at vCPUs in interpretive execution before the host sleeps, a microsecond's worth: they are out in less than that where they
 * have a core, and a wake-up costs more than twenty.
 */
const SPIN_LOOKS = 256;
/**
 * A thread whose clock stands still for so long is dead. While the host waits for a vCPU it cannot be told that a thread ended. A
 * step of a program takes microseconds, and the hook sleeps at most 220 ms.
 */
const DEAD_MS = 15_000;

/** Word the host keeps the vCPU's guest out with. */
const blockOf = (i32: Int32Array, vcpu: number): number =>
  (i32[vcpu + V_GUEST] as number) + G_BLOCK;

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
  while (Atomics.load(i32, block) !== 0) Atomics.wait(i32, block, 1, WAIT_MS);
};

/** A thread that was inside when its vCPU's guest was blocked. */
interface Inside {
  readonly vcpu: number;
  /** Word index of its block. */
  readonly thread: number;
}

/** Whether the host has to wait for it: not for one that has died. */
const isInside = (i32: Int32Array, { vcpu, thread }: Inside): boolean =>
  Atomics.load(i32, thread + T_IN_SIE) === vcpu &&
  Atomics.load(i32, (i32[vcpu + V_GUEST] as number) + G_CRASHED) === 0;

/**
 * The host's side: keeps vCPUs of a guest, or of all, out of interpretive execution while something changes. One thread of a machine
 * does so, the host's.
 */
export class Exclusion {
  readonly #image: MachineImage;
  /** Word indices of the blocks of the threads that run vCPUs. */
  readonly #threads: readonly number[];
  /** Word indices of the guests' records. */
  readonly #guests: readonly number[];
  /** How deep each guest is excluded: host operations nest. */
  readonly #depth: number[];
  #inside: Inside[] = [];

  /** @param workers threads 1 to `workers` run vCPUs */
  constructor(image: MachineImage, workers: number) {
    this.#image = image;
    this.#threads = Array.from({ length: workers }, (_, n) => image.thread(n + 1));
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
    const depth = this.#depth[guest] as number;
    this.#depth[guest] = depth + 1;
    if (depth > 0) return;
    const { i32 } = this.#image;
    const record = this.#guests[guest] as number;
    Atomics.store(i32, record + G_BLOCK, 1);
    for (const thread of this.#threads) {
      const vcpu = Atomics.load(i32, thread + T_IN_SIE);
      if (vcpu === 0 || i32[vcpu + V_GUEST] !== record) continue;
      Atomics.store(i32, vcpu + V_EVENT, 1);
      this.#inside.push({ vcpu, thread });
    }
  }

  #waitOut(): void {
    const { i32 } = this.#image;
    const inside = this.#inside;
    for (let n = 0; n < SPIN_LOOKS && inside.length > 0; n++)
      if (!isInside(i32, inside.at(-1) as Inside)) inside.pop();
    if (inside.length > 0) this.#sleepUntilOut();
  }

  #sleepUntilOut(): void {
    const clocks = new Map(this.#inside.map((one) => [one, this.#clockOf(one)]));
    for (let waited = 0; this.#countInside() > 0; ) {
      if (this.#sleep() === 'timed-out') waited += WAIT_MS;
      if (waited > DEAD_MS) this.#giveUp(clocks);
    }
  }

  /** Those that are out are forgotten. */
  #countInside(): number {
    const { i32 } = this.#image;
    this.#inside = this.#inside.filter((one) => isInside(i32, one));
    return this.#inside.length;
  }

  /** Until the last one is out. Who left before the count was there did not count: hence the second look. */
  #sleep(): ReturnType<typeof Atomics.wait> | 'not needed' {
    const { i32 } = this.#image;
    const awaited = this.#inside.length;
    Atomics.store(i32, C_AWAITED, awaited);
    if (this.#countInside() < awaited) return 'not needed';
    return Atomics.wait(i32, C_AWAITED, awaited, WAIT_MS);
  }

  /** Guests whose thread has not moved since `clocks` have crashed. */
  #giveUp(clocks: ReadonlyMap<Inside, number>): void {
    const { i32 } = this.#image;
    for (const one of this.#inside) {
      if (this.#clockOf(one) === clocks.get(one))
        Atomics.store(i32, (i32[one.vcpu + V_GUEST] as number) + G_CRASHED, 1);
    }
  }

  #clockOf({ thread }: Inside): number {
    return this.#image.f64[thread / 2] as number;
  }

  #unblock(guest: number): void {
    const depth = (this.#depth[guest] as number) - 1;
    this.#depth[guest] = depth;
    if (depth > 0) return;
    const { i32 } = this.#image;
    const block = (this.#guests[guest] as number) + G_BLOCK;
    Atomics.store(i32, block, 0);
    Atomics.notify(i32, block);
  }
}
