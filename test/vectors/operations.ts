// SPDX-License-Identifier: Apache-2.0
// One operation of a vector or a generated stream as plain data, and its application to a machine.

import type { Fault, MachineUnderTest, Masks, Outcome } from './under-test.ts';

export type Operation =
  | {
      readonly op: 'instruction';
      readonly guest: number;
      readonly vcpu: number;
      readonly word: number;
      readonly problem: boolean;
      readonly addressingMode: 24 | 31 | 64;
      /** Registers loaded before; others keep their value. */
      readonly gr: readonly (readonly [number, bigint])[];
    }
  | {
      readonly op: 'write';
      readonly guest: number;
      readonly address: number;
      readonly bytes: Uint8Array;
    }
  | { readonly op: 'advance'; readonly ns: number }
  | { readonly op: 'masks'; readonly guest: number; readonly apcb: 0 | 1; readonly masks: Masks }
  | { readonly op: 'configure' | 'deconfigure' | 'checkstop' | 'recover'; readonly apid: number }
  | { readonly op: 'busy'; readonly apqn: number; readonly ns: number }
  | { readonly op: 'fault'; readonly fault: Fault };

/** Applies an operation; the outcome of an instruction, undefined for all others. */
export function apply(machine: MachineUnderTest, operation: Operation): Outcome | undefined {
  switch (operation.op) {
    case 'instruction': {
      const { guest, vcpu, word, problem, addressingMode } = operation;
      for (const [n, value] of operation.gr) machine.setRegister(guest, vcpu, n, value);
      const psw = machine.psw(guest, vcpu);
      // Each instruction is at 0x1000.
      machine.setPsw(guest, vcpu, { ...psw, problem, addressingMode, address: 0x1000n });
      return machine.execute(guest, vcpu, word);
    }
    case 'write':
      machine.writeStorage(operation.guest, operation.address, operation.bytes);
      return undefined;
    case 'advance':
      machine.advance(operation.ns);
      return undefined;
    case 'masks':
      machine.setMasks(operation.guest, operation.apcb, operation.masks);
      return undefined;
    case 'busy':
      machine.setBusy(operation.apqn, operation.ns);
      return undefined;
    case 'fault':
      machine.injectFault(operation.fault);
      return undefined;
    default:
      machine[operation.op](operation.apid);
      return undefined;
  }
}
