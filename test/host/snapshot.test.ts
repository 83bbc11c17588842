// SPDX-License-Identifier: Apache-2.0
// A saved machine goes on exactly as the one that was not interrupted; what cannot be saved or restored says why.
import { describe, expect, it } from 'vitest';
import { loadConfigFile } from '../../src/config/load.ts';
import type { MachineConfig } from '../../src/config/types.ts';
import type { GuestProgram } from '../../src/guest/cpu.ts';
import { guestProgram, programArgs } from '../../src/host/machine/guest-program.ts';
import { Machine } from '../../src/host/machine/machine.ts';
import { notPlain } from '../../src/host/machine/plain.ts';
import { restoreMachine, saveMachine } from '../../src/host/state/snapshot.ts';

const { config } = loadConfigFile('examples/two-guests.yaml');
const MS = 1_000_000;

const started = async (source: MachineConfig): Promise<Machine> => {
  const machine = await Machine.create(source);
  for (const guest of source.guests) {
    const program = await guestProgram(guest.program ?? 'idle');
    machine.start(guest.name, 0, program, {
      ...programArgs(source, guest),
      messages: 40,
      workload: 'rng',
    });
  }
  return machine;
};

/** Everything that can be observed of a machine, as bytes. */
const bytesOf = (machine: Machine): string => Buffer.from(saveMachine(machine)).toString('base64');

describe('a saved machine', () => {
  it.each([0.02, 41, 83, 125.5])(
    'saved %s ms after the start continues to the same bytes as the run that was not interrupted',
    async (atMs) => {
      const straight = await started(config);
      const start = straight.nowNs();
      straight.stepper.runPrograms(start + atMs * MS);
      const saved = saveMachine(straight);
      straight.stepper.runPrograms(start + 400 * MS);
      const expected = bytesOf(straight);
      straight.close();

      const again = await restoreMachine(saved);
      again.stepper.runPrograms(start + 400 * MS);
      expect(again.stepper.programs.map((running) => running.done)).toEqual([true, true]);
      expect(bytesOf(again)).toBe(expected);
      again.close();
    },
  );

  it('keeps host changes: an adapter taken out, one in standby, a mask edit', async () => {
    const machine = await started(config);
    machine.partition.deconfigure(6);
    machine.write('/sys/bus/ap/aqmask', '-0x47\n');
    const saved = saveMachine(machine);
    machine.partition.configure(6);
    machine.advance(50 * MS);
    const expected = bytesOf(machine);
    machine.close();
    const again = await restoreMachine(saved);
    expect(again.partition.isDeconfigured(6)).toBe(true);
    expect(again.sysfs.read('/sys/bus/ap/aqmask')).toMatchObject({ ok: true });
    again.partition.configure(6);
    again.advance(50 * MS);
    expect(bytesOf(again)).toBe(expected);
    again.close();
  });
});

describe('what cannot be saved or restored', () => {
  it('a guest program whose state is no plain data is refused with the place in it', async () => {
    const machine = await Machine.create(config);
    const program: GuestProgram = {
      name: 'closure',
      init: () => ({ queues: [{ handler: () => 1 }] }),
      step: () => 0,
    };
    machine.start('Guest1', 0, program, {});
    expect(() => saveMachine(machine)).toThrow(
      /closure cannot be saved: its state\.queues\[0\]\.handler is no plain data/,
    );
    machine.close();
  });

  it.each([
    ['a foreign file', () => Buffer.from('#!/bin/sh\n'), 'APEMU_ERR_SNAPSHOT_FOREIGN'],
    ['an empty file', () => Buffer.alloc(0), 'APEMU_ERR_SNAPSHOT_FOREIGN'],
    [
      'a file cut short',
      (saved: Uint8Array) => saved.slice(0, saved.length - 100),
      'APEMU_ERR_SNAPSHOT_DAMAGED',
    ],
    [
      'a file with one bit changed',
      (saved: Uint8Array) => saved.map((byte, n) => (n === 5000 ? byte ^ 1 : byte)),
      'APEMU_ERR_SNAPSHOT_DAMAGED',
    ],
  ] as const)('%s is refused', async (_name, spoil, code) => {
    const machine = await Machine.create(config);
    const spoilt = spoil(saveMachine(machine));
    machine.close();
    await expect(restoreMachine(spoilt)).rejects.toMatchObject({ code });
  });

  it.each([
    [new Map(), 'state'],
    [{ a: { b: Symbol('x') } }, 'state.a.b'],
    [[1, [2n]], 'state[1][0]'],
    [{ when: new Date(0) }, 'state.when'],
  ])('%o is found not to be plain data', (value, path) => {
    expect(notPlain(value)).toBe(path);
  });

  it('numbers, texts, lists, objects and typed arrays are plain data', () => {
    expect(
      notPlain({ a: [1, 'x', null, undefined, true], b: new Uint8Array(3), c: { d: {} } }),
    ).toBeUndefined();
  });
});
