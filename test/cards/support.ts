// SPDX-License-Identifier: Apache-2.0
// A machine with one card of each mode and two guests, and one request through a guest's NQAP and DQAP.
import { parseReply, type Reply } from '../../src/cex/messages/parse.ts';
import { completed, createMachine, type Machine } from '../../src/index.ts';

/** Guest A has cards 05 (CCA), 06 (accelerator), 07 (EP11), 08 (loopback) in domain 4; guest B the same in domain 7. */
export const cardMachine = (
  extra: {
    readonly machine?: Readonly<Record<string, unknown>>;
    readonly faults?: readonly Readonly<Record<string, unknown>>[];
    readonly controlDomains?: readonly number[];
  } = {},
): Promise<Machine> =>
  createMachine({
    machine: {
      adapters: {
        5: { mode: 'cca' },
        6: { mode: 'accelerator' },
        7: { mode: 'ep11' },
        8: { mode: 'loopback' },
      },
      usageDomains: [4, 7],
      controlDomains: [4, 7, 9],
      ...extra.machine,
    },
    guests: {
      A: {
        memory: '256KiB',
        mdev: {
          adapters: [5, 6, 7, 8],
          domains: [4],
          controlDomains: extra.controlDomains ?? [],
        },
      },
      B: { memory: '256KiB', mdev: { adapters: [5, 6, 7, 8], domains: [7] } },
    },
    faults: extra.faults ?? [],
  });

/** How one request ended: refused by NQAP, or answered. */
export interface Exchanged {
  /** Response code of NQAP. */
  readonly rc: number;
  /** Bytes of the reply; empty when NQAP refused or nothing came. */
  readonly bytes: Uint8Array;
  readonly reply: Reply;
  /** Condition codes other than 0 on the way. */
  readonly conditions: readonly number[];
}

/** Sends a request and takes the reply; instructions that end with condition code 2 are repeated as Linux does. */
export const exchange = (
  machine: Machine,
  guest: string,
  apqn: string,
  message: Uint8Array,
  options: { readonly special?: boolean } = {},
): Exchanged => {
  const cpu = machine.guest(guest).cpu();
  const conditions: number[] = [];
  let sent = cpu.nqap(apqn, { psmid: 0x1234n, message, ...options });
  const NQAP = 0xb2ad0046;
  const DQAP = 0xb2ae0046;
  for (; sent.cc === 2; sent = cpu.execute(NQAP)) conditions.push(2);
  const none = new Uint8Array(0);
  const { rc } = completed(sent).status;
  if (rc !== 0) return { rc, bytes: none, reply: parseReply(none), conditions };
  machine.run();
  const address = 0x14000;
  let taken: { cc: number | undefined } = cpu.dqap(apqn, { address });
  for (; taken.cc === 2; taken = cpu.execute(DQAP)) conditions.push(2);
  const length = taken.cc === 0 ? Number(cpu.register(6)) - address : 0;
  const bytes = machine.guest(guest).storage.slice(address, address + length);
  return { rc: 0, bytes, reply: parseReply(bytes), conditions };
};
