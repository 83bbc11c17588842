// SPDX-License-Identifier: Apache-2.0
// No number that a guest can see depends on which real queues stand behind its virtual ones: two machines that differ in real numbers alone
// show their guests the same registers, condition codes, storage and interruptions, instruction by instruction.
// Source: docs/reference/vfio-ap.md V-07, V-09, V-15.
import { describe, expect, it } from 'vitest';
import { createMachine, createWorkload } from '../../src/index.ts';
import { VirtualGenerator, type VirtualOperation } from '../model/virtual/generate.ts';
import type { Mapping, VirtualPreset } from '../model/virtual/machine.ts';
import type { VirtualMachineUnderTest } from '../model/virtual/under-test.ts';
import { createVirtualMachine } from './machine-under-test.ts';

const STREAMS = 12;
const OPERATIONS = 400;

/** Other real numbers in the same order: ties go by number (VD-50). */
const otherAdapter = (apid: number): number => (apid < 128 ? apid + 90 : apid + 1);
const otherDomain = (apqi: number): number => apqi + 0x60;
const otherMapping = ([virtual, real]: Mapping, other: (n: number) => number): Mapping => [
  virtual,
  real.map(other),
];

const otherPreset = (preset: VirtualPreset): VirtualPreset => ({
  ...preset,
  cards: preset.cards.map((card) => ({ ...card, apid: otherAdapter(card.apid) })),
  domains: preset.domains.map(otherDomain),
  hosts: preset.hosts.map(otherAdapter),
  passthrough: preset.passthrough.map(otherAdapter),
  guests: preset.guests.map((guest) => ({
    ...guest,
    adapters: guest.adapters.map((one) => otherMapping(one, otherAdapter)),
    domains: guest.domains.map((one) => otherMapping(one, otherDomain)),
  })),
});

const otherOperation = (operation: VirtualOperation): VirtualOperation => {
  switch (operation.op) {
    case 'assign':
    case 'unassign': {
      const other = operation.axis === 'adapter' ? otherAdapter : otherDomain;
      return { ...operation, mapping: otherMapping(operation.mapping, other) };
    }
    case 'deconfigure':
    case 'configure':
    case 'checkstop':
    case 'recover':
      return { ...operation, apid: otherAdapter(operation.apid) };
    default:
      return operation;
  }
};

/** Applies an operation. Returns all that a guest, or the administrator by an errno, can see of it. */
const seen = (machine: VirtualMachineUnderTest, operation: VirtualOperation): unknown => {
  switch (operation.op) {
    case 'instruction': {
      const { guest, word, problem, addressingMode } = operation;
      for (const [n, value] of operation.gr) machine.setRegister(guest, n, value);
      machine.setPsw(guest, { ...machine.psw(guest), problem, addressingMode, address: 0x1000n });
      const outcome = machine.execute(guest, word);
      const registers = Array.from({ length: 16 }, (_, n) => machine.register(guest, n));
      return { outcome, registers, psw: machine.psw(guest), iscs: machine.pendingIscs(guest) };
    }
    case 'write':
      machine.write(operation.guest, operation.address, operation.bytes);
      return undefined;
    case 'advance':
      machine.advance(operation.ns);
      return undefined;
    default:
      return machine.host(operation).outcome;
  }
};

describe('what a guest sees', () => {
  it.each(Array.from({ length: STREAMS }, (_, n) => n + 500))(
    'does not depend on real numbers, seed %i',
    async (seed) => {
      const generator = new VirtualGenerator(seed);
      const { preset } = generator;
      const machines = await Promise.all([preset, otherPreset(preset)].map(createVirtualMachine));
      try {
        const [one, other] = machines as [VirtualMachineUnderTest, VirtualMachineUnderTest];
        for (let at = 0; at < OPERATIONS; at++) {
          const operation = generator.next();
          const expected = seen(one, operation);
          expect(seen(other, otherOperation(operation)), `operation ${at}`).toEqual(expected);
          if (operation.op !== 'instruction') continue;
          const storages = machines.map((machine) => machine.storage(operation.guest));
          expect(Buffer.compare(storages[0] as Uint8Array, storages[1] as Uint8Array)).toBe(0);
          generator.ended((expected as { outcome: never }).outcome);
        }
      } finally {
        for (const machine of machines) machine.close();
      }
    },
  );

  it('does not depend on them in replies of a coprocessor, which name a domain', async () => {
    const replies = await Promise.all(
      [
        [6, 4],
        [0xd6, 0xb4],
      ].map(async ([apid = 0, apqi = 0]) => {
        const machine = await createMachine({
          apemu: 1,
          machine: { usageDomains: [apqi], adapters: { [apid]: { mode: 'cca', serial: '1' } } },
          guests: {
            A: { mdev: { type: 'virtual', adapters: { 1: [apid] }, domains: { 42: [apqi] } } },
          },
        });
        const cpu = machine.guest('A').cpu(0);
        const jobs = createWorkload('rsa-2048-crt', {
          mode: 'cca',
          domain: 0x2a,
          random: (target) => target.fill(7),
        });
        const texts = Array.from({ length: 3 }, (_, n) => {
          const { request } = jobs.next();
          cpu.nqap(0x012a, { psmid: BigInt(n), message: request });
          machine.run();
          const result = cpu.dqap(0x012a, { address: 0x14000 });
          const length = result.programInterruption === undefined ? result.length : 0;
          return Buffer.from(machine.guest('A').read(0x14000, length)).toString('hex');
        });
        machine.close();
        return texts;
      }),
    );
    expect(replies[0]).toEqual(replies[1]);
    expect(replies[0]?.every((text) => text.startsWith('0086') && text.length > 500)).toBe(true);
  });
});
