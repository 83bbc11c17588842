// SPDX-License-Identifier: Apache-2.0
// Entering and leaving interpretive execution, and keeping vCPUs out of it: KVM's protocol between a vCPU's thread and the host.
// Source: docs/reference/performance.md sections 2.8 and 5; docs/reference/ap-architecture.md section 6.4
// (Linux arch/s390/kvm/kvm-s390.c: kvm_s390_vcpu_block, exit_sie). Setting in-SIE and then reading block must be sequentially
// consistent on both sides, hence Atomics.
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_CLOCKS,
  CLOCK_STRIDE,
  G_CRASHED,
  G_VCPUS,
  S_BLOCK,
  S_IN_SIE,
  S_THREAD,
  V_EVENT,
} from '../../native-like/machine/layout.ts';

/** Longest sleep before looking again: every wait must notice a thread that died. */
const WAIT_MS = 20;
/**
 * A thread whose clock stands still for so long is dead. While the host waits for a vCPU it cannot be told that a thread ended. A
 * step of a program takes microseconds, and the hook sleeps at most 220 ms.
 */
const DEAD_MS = 15_000;

/** A vCPU's thread enters interpretive execution; it waits while the host keeps the vCPU out. */
export const enterSie = (i32: Int32Array, sie: number): void => {
  for (;;) {
    Atomics.store(i32, sie + S_IN_SIE, 1);
    if (Atomics.load(i32, sie + S_BLOCK) === 0) return;
    leaveSie(i32, sie);
    Atomics.wait(i32, sie + S_BLOCK, 1, WAIT_MS);
  }
};

/** A vCPU's thread leaves; a host that waits for it is woken. */
export const leaveSie = (i32: Int32Array, sie: number): void => {
  Atomics.store(i32, sie + S_IN_SIE, 0);
  if (Atomics.load(i32, sie + S_BLOCK) !== 0) Atomics.notify(i32, sie + S_IN_SIE);
};

/** The event word of a vCPU in SIE was set: out and in again, so that a host that waits gets its turn. */
export const serveEvent = (i32: Int32Array, vcpu: number, sie: number): void => {
  Atomics.store(i32, vcpu + V_EVENT, 0);
  if (Atomics.load(i32, sie + S_BLOCK) === 0) return;
  leaveSie(i32, sie);
  enterSie(i32, sie);
};

/** The host's side: keeps vCPUs of a guest, or of all, out of interpretive execution while something changes. */
export class Exclusion {
  readonly #image: MachineImage;
  /** How deep each guest is excluded: host operations nest. */
  readonly #depth: number[];

  constructor(image: MachineImage) {
    this.#image = image;
    this.#depth = new Array<number>(image.guests).fill(0);
  }

  /** Runs `change` with the vCPUs of `guest` (undefined: of every guest) out. */
  run(guest: number | undefined, change: () => void): void {
    const guests = guest === undefined ? this.#allGuests() : [guest];
    for (const number of guests) this.#block(number);
    for (const number of guests) this.#waitOut(number);
    try {
      change();
    } finally {
      for (const number of guests) this.#unblock(number);
    }
  }

  #allGuests(): number[] {
    return Array.from({ length: this.#image.guests - 1 }, (_, n) => n + 1);
  }

  #forVcpus(guest: number, action: (vcpu: number, sie: number) => void): void {
    const count = this.#image.word(this.#image.guest(guest) + G_VCPUS);
    for (let n = 0; n < count; n++) {
      const vcpu = this.#image.vcpu(guest, n);
      action(vcpu, this.#image.sie(vcpu));
    }
  }

  #block(guest: number): void {
    const depth = this.#depth[guest] as number;
    this.#depth[guest] = depth + 1;
    if (depth > 0) return;
    const { i32 } = this.#image;
    this.#forVcpus(guest, (vcpu, sie) => {
      Atomics.store(i32, sie + S_BLOCK, 1);
      Atomics.store(i32, vcpu + V_EVENT, 1);
    });
  }

  #waitOut(guest: number): void {
    const { i32 } = this.#image;
    const crashed = this.#image.guest(guest) + G_CRASHED;
    this.#forVcpus(guest, (_vcpu, sie) => {
      const clock = this.#clockOf(sie);
      for (let waited = 0; Atomics.load(i32, sie + S_IN_SIE) !== 0; waited += WAIT_MS) {
        if (waited > DEAD_MS && this.#clockOf(sie) === clock) Atomics.store(i32, crashed, 1);
        if (Atomics.load(i32, crashed) !== 0) return;
        Atomics.wait(i32, sie + S_IN_SIE, 1, WAIT_MS);
      }
    });
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
    this.#forVcpus(guest, (_vcpu, sie) => {
      Atomics.store(i32, sie + S_BLOCK, 0);
      Atomics.notify(i32, sie + S_BLOCK);
    });
  }
}
