// SPDX-License-Identifier: Apache-2.0
// What guests have sent and got on queues of their own, instruction by instruction: nothing twice, nothing of another guest, nothing lost.
import { FC_RAPQ, FC_ZAPQ, GR0_FC_SHIFT } from '../../native-like/arch/function-codes.ts';
import { OPCODE_DQAP, OPCODE_NQAP, OPCODE_PQAP } from '../../native-like/arch/instructions.ts';
import { PSW_CC, PSW_CC_SHIFT } from '../../native-like/arch/psw.ts';
import { V_GR } from '../../native-like/machine/layout.ts';
import { EXECUTE_COMPLETED } from '../../native-like/machine/outcome.ts';
import type { Machine } from '../../src/host/machine/machine.ts';

/** Type 82: an error reply of the engine's own. */
const TYPE_82 = 0x82;
const REPLY_AT = 0x8000;

export interface Expected {
  readonly mayLose?: readonly string[];
  readonly allAnswered?: boolean;
}

export class MessageBooks {
  readonly #machine: Machine;
  /** By name of the guest: PSMIDs that have not come back. */
  readonly #waiting = new Map<string, Set<number>>();
  #wrong: string | undefined;
  #errors = 0;

  constructor(machine: Machine) {
    this.#machine = machine;
    machine.context.observer = {
      before: () => {},
      executed: (vcpu, word, ended) => this.#executed(vcpu, word, ended),
    };
  }

  broken({ mayLose = [], allAnswered = false }: Expected): string | undefined {
    const lost = [...this.#waiting].filter(
      ([name, set]) => set.size > 0 && !mayLose.includes(name),
    );
    const texts = lost.map(([name, set]) => `${name} never got ${[...set].join(' ')}`);
    const errors =
      allAnswered && this.#errors > 0 ? `${this.#errors} messages ended with errors` : undefined;
    return this.#wrong ?? texts[0] ?? errors;
  }

  #executed(vcpu: number, word: number, ended: number): void {
    const { image } = this.#machine;
    const guest = this.#machine.guests[image.guestNumber(image.guestOf(vcpu)) - 1];
    if (guest === undefined || ended !== EXECUTE_COMPLETED) return;
    const cc = (image.word(vcpu) & PSW_CC) >>> PSW_CC_SHIFT;
    const gr = (n: number): number => image.word(vcpu + V_GR + 2 * n + 1);
    const waiting = this.#waiting.get(guest.name) ?? new Set<number>();
    this.#waiting.set(guest.name, waiting);
    // R1 is 4 in lines of programs and in the library: its second register has the low half of the PSMID.
    const psmid = gr(((word >>> 4) & 15) + 1);
    if (word >>> 16 === OPCODE_NQAP && cc === 0) waiting.add(psmid);
    if (word >>> 16 === OPCODE_DQAP && cc === 0) this.#received(guest.name, waiting, psmid);
    if (word >>> 16 !== OPCODE_PQAP) return;
    const fc = gr(0) >>> GR0_FC_SHIFT;
    const rc = (gr(1) >>> 16) & 0xff;
    // After a reset, and where a queue is gone, nothing may come any more.
    if (((fc === FC_RAPQ || fc === FC_ZAPQ) && cc === 0) || rc === 1 || rc === 3 || rc === 4)
      waiting.clear();
  }

  #received(name: string, waiting: Set<number>, psmid: number): void {
    if (!waiting.delete(psmid)) this.#wrong ??= `${name} got ${psmid}, which it does not wait for`;
    const [zero, type] = this.#machine.guest(name).read(REPLY_AT, 2);
    if (zero === 0 && type === TYPE_82) this.#errors++;
    else if (type !== name.charCodeAt(0)) this.#wrong ??= `${name} got bytes that are not its own`;
  }
}
