// SPDX-License-Identifier: Apache-2.0
// Operands of NQAP and DQAP as a driver under test gives them: messages that it leaves half sent.
// Source: docs/reference/ap-architecture.md sections 1.8 (condition code 2: execute again), 1.9; AD-18.
import type { MachineImage } from '../../../native-like/machine/image.ts';
import { V_GR } from '../../../native-like/machine/layout.ts';

/** Operands of NQAP or DQAP, before or after it. */
interface Operands {
  readonly psmidHigh: number;
  readonly psmidLow: number;
  /** Storage address, and number of bytes that are left. */
  readonly address: number;
  readonly length: number;
}

const lowOf = (image: MachineImage, vcpu: number, n: number): number =>
  image.word(vcpu + V_GR + 2 * (n & 0xf) + 1);

export const operandsOf = (image: MachineImage, vcpu: number, instruction: number): Operands => {
  const r1 = (instruction >>> 4) & 0xf;
  const r2 = instruction & 0xf;
  return {
    psmidHigh: lowOf(image, vcpu, r1),
    psmidLow: lowOf(image, vcpu, r1 + 1),
    address: lowOf(image, vcpu, r2) >>> 0,
    length: lowOf(image, vcpu, r2 + 1) >>> 0,
  };
};

/** Response code of the instruction that a vCPU has just executed. */
export const endingOf = (image: MachineImage, vcpu: number): number =>
  (lowOf(image, vcpu, 1) >>> 16) & 0xff;

/** Messages of which the machine has taken a part, by APQN. Condition code 2 asks for the same instruction again. */
export class PartialMessages {
  readonly #open = new Map<number, Operands>();

  reset(): void {
    this.#open.clear();
  }

  /** Whether this NQAP does not continue the open message. */
  abandons(apqn: number, { psmidHigh, psmidLow, address }: Operands): boolean {
    const open = this.#open.get(apqn);
    if (open === undefined) return false;
    return open.psmidHigh !== psmidHigh || open.psmidLow !== psmidLow || open.address !== address;
  }

  /** Notes that an NQAP has ended with condition code `cc`. */
  ended(apqn: number, operands: Operands, cc: number): void {
    if (cc === 2) this.#open.set(apqn, operands);
    else if (this.#open.size > 0) this.#open.delete(apqn);
  }

  /** Forgets the open message, because the queue is reset. */
  forget(apqn: number): void {
    if (this.#open.size > 0) this.#open.delete(apqn);
  }
}
