// SPDX-License-Identifier: Apache-2.0
// Entering and leaving interpretive execution, and keeping vCPUs out of it: KVM's protocol between a vCPU's thread and the host.
// Source: docs/reference/performance.md sections 2.8 and 5; docs/reference/ap-architecture.md section 6.4
// (Linux arch/s390/kvm/kvm-s390.c: kvm_s390_vcpu_block, exit_sie). Setting in-SIE and then reading block must be sequentially
// consistent on both sides, hence Atomics.
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_AWAITED,
  C_CLOCKS,
  CLOCK_STRIDE,
  G_BLOCK,
  G_CRASHED,
  G_VCPUS,
  S_GUEST,
  S_IN_SIE,
  S_THREAD,
  SIE_WORDS,
  V_EVENT,
  VCPU_WORDS,
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
const blockOf = (i32: Int32Array, sie: number): number => (i32[sie + S_GUEST] as number) + G_BLOCK;

/** A vCPU's thread enters interpretive execution; it waits while the host keeps the guest out. */
export const enterSie = (i32: Int32Array, sie: number): void => {
  for (;;) {
    Atomics.store(i32, sie + S_IN_SIE, 1);
    if (Atomics.load(i32, blockOf(i32, sie)) === 0) return;
    leaveSie(i32, sie);
    waitForHost(i32, sie);
  }
};

/**
 * A vCPU's thread leaves. A host that waits is woken by the last one it waits for: each wake-up costs it tens of microseconds. A
 * vCPU that only looked in counts as well; the host then looks again.
 */
export const leaveSie = (i32: Int32Array, sie: number): void => {
  Atomics.store(i32, sie + S_IN_SIE, 0);
  if (Atomics.load(i32, blockOf(i32, sie)) === 0) return;
  if (Atomics.sub(i32, C_AWAITED, 1) <= 1) Atomics.notify(i32, C_AWAITED);
};

/** The event word of a vCPU in SIE was set: out and in again, so that a host that waits gets its turn. */
export const serveEvent = (i32: Int32Array, vcpu: number, sie: number): void => {
  Atomics.store(i32, vcpu + V_EVENT, 0);
  if (Atomics.load(i32, blockOf(i32, sie)) === 0) return;
  leaveSie(i32, sie);
  waitForHost(i32, sie);
  enterSie(i32, sie);
};

/** Sleeps while the host keeps the guest out. */
const waitForHost = (i32: Int32Array, sie: number): void => {
  const block = blockOf(i32, sie);
  while (Atomics.load(i32, block) !== 0) Atomics.wait(i32, block, 1, WAIT_MS);
};

/** Whether the host has to wait for a vCPU: not for one whose thread has died. */
const isInside = (i32: Int32Array, sie: number): boolean =>
  Atomics.load(i32, sie + S_IN_SIE) !== 0 &&
  Atomics.load(i32, (i32[sie + S_GUEST] as number) + G_CRASHED) === 0;

/** Where a guest's words are: its block word, its first vCPU block and the SIE words of that; those of its other vCPUs follow. */
interface GuestWords {
  readonly block: number;
  readonly vcpu: number;
  readonly sie: number;
  readonly count: number;
}

const guestWords = (image: MachineImage, guest: number): GuestWords => {
  const record = image.guest(guest);
  const vcpu = image.vcpu(guest);
  return {
    block: record + G_BLOCK,
    vcpu,
    sie: image.sie(vcpu),
    count: image.word(record + G_VCPUS),
  };
};

/**
 * The host's side: keeps vCPUs of a guest, or of all, out of interpretive execution while something changes. One thread of a machine
 * does so, the host's.
 */
export class Exclusion {
  readonly #image: MachineImage;
  /** How deep each guest is excluded: host operations nest. */
  readonly #depth: number[];
  /** Looked up once: a change runs in V8's interpreter, where each call counts. */
  readonly #guests: readonly GuestWords[];
  /** SIE words of the vCPUs that were inside when their guest was blocked. */
  #inside: number[] = [];

  constructor(image: MachineImage) {
    this.#image = image;
    this.#depth = new Array<number>(image.guests).fill(0);
    this.#guests = Array.from({ length: image.guests }, (_, guest) => guestWords(image, guest));
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
   * One word keeps the guest out: who enters later sees it. Those inside are told; each look at a vCPU's words takes its line from
   * another core, so there is one look.
   */
  #block(guest: number): void {
    const depth = this.#depth[guest] as number;
    this.#depth[guest] = depth + 1;
    if (depth > 0) return;
    const { i32 } = this.#image;
    const { block, vcpu, sie, count } = this.#guests[guest] as GuestWords;
    Atomics.store(i32, block, 1);
    for (let n = 0; n < count; n++) {
      if (Atomics.load(i32, sie + n * SIE_WORDS + S_IN_SIE) === 0) continue;
      Atomics.store(i32, vcpu + n * VCPU_WORDS + V_EVENT, 1);
      this.#inside.push(sie + n * SIE_WORDS);
    }
  }

  #waitOut(): void {
    const { i32 } = this.#image;
    const inside = this.#inside;
    for (let n = 0; n < SPIN_LOOKS && inside.length > 0; n++)
      if (!isInside(i32, inside.at(-1) as number)) inside.pop();
    if (inside.length > 0) this.#sleepUntilOut();
  }

  #sleepUntilOut(): void {
    const clocks = new Map(this.#inside.map((sie) => [sie, this.#clockOf(sie)]));
    for (let waited = 0; this.#countInside() > 0; ) {
      if (this.#sleep() === 'timed-out') waited += WAIT_MS;
      if (waited > DEAD_MS) this.#giveUp(clocks);
    }
  }

  /** Those that are out are forgotten. */
  #countInside(): number {
    const { i32 } = this.#image;
    this.#inside = this.#inside.filter((sie) => isInside(i32, sie));
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
  #giveUp(clocks: ReadonlyMap<number, number>): void {
    const { i32 } = this.#image;
    for (const sie of this.#inside) {
      if (this.#clockOf(sie) === clocks.get(sie))
        Atomics.store(i32, (i32[sie + S_GUEST] as number) + G_CRASHED, 1);
    }
  }

  /** Clock of the thread that runs a vCPU. */
  #clockOf(sie: number): number {
    const thread = this.#image.word(sie + S_THREAD) - 1;
    return this.#image.f64[(C_CLOCKS + Math.max(0, thread) * CLOCK_STRIDE) / 2] as number;
  }

  #unblock(guest: number): void {
    const depth = (this.#depth[guest] as number) - 1;
    this.#depth[guest] = depth;
    if (depth > 0) return;
    const { i32 } = this.#image;
    const { block } = this.#guests[guest] as GuestWords;
    Atomics.store(i32, block, 0);
    Atomics.notify(i32, block);
  }
}
