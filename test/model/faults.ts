// SPDX-License-Identifier: Apache-2.0
// Injected answers: which fault applies to an instruction. The first that matches is used, `count` times.
// Source: ap-architecture.md AD-19a, AD-20a; P7 of README.md.

import type { Fault } from '../vectors/under-test.ts';
import type { Instruction } from './instruction.ts';

export class Faults {
  private readonly waiting: { readonly fault: Fault; left: number }[] = [];

  inject(fault: Fault): void {
    if (fault.rc === 0) throw new RangeError('response code 00 cannot be injected');
    if (fault.rc === undefined && fault.cc !== 2) throw new RangeError('a fault needs rc or cc 2');
    this.waiting.push({ fault, left: fault.count });
  }

  /** Uses up one count of the fault that applies. */
  take(i: Instruction): Fault | undefined {
    const found = this.waiting.find((w) => matches(w.fault, i));
    if (found === undefined || i.defect('faults-ignored')) return undefined;
    found.left -= 1;
    const used = found.left === 0 && !i.defect('fault-count');
    if (used) this.waiting.splice(this.waiting.indexOf(found), 1);
    return found.fault;
  }
}

function matches(fault: Fault, i: Instruction): boolean {
  if (fault.guest !== undefined && fault.guest !== i.guest.index) return false;
  if (fault.apqn !== undefined && fault.apqn !== i.apqn) return false;
  if (fault.rc === undefined && !i.isMessage) return false;
  return fault.on === 'any' || fault.on === i.name;
}
