// SPDX-License-Identifier: Apache-2.0
// The machine agrees with the reference model of the virtual engine on generated machines and streams (V-01 to V-15).
// APEMU_VIRTUAL_STREAMS=2200 is the long run: more than a million instructions.
import { describe, expect, it } from 'vitest';
import { reportOf, virtualLockstep } from '../model/virtual/lockstep.ts';
import { VirtualModel } from '../model/virtual/machine.ts';
import { createVirtualMachine } from './machine-under-test.ts';

const STREAMS = Number(process.env['APEMU_VIRTUAL_STREAMS'] ?? 40);
const FIRST_SEED = Number(process.env['APEMU_VIRTUAL_SEED'] ?? 1);
const OPERATIONS = 600;

describe('virtual mdevs and their reference model', () => {
  it(`agree on ${STREAMS} machines from seed ${FIRST_SEED}, ${OPERATIONS} operations each`, async () => {
    let instructions = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + STREAMS; seed++) {
      const found = await virtualLockstep({
        seed,
        operations: OPERATIONS,
        subject: createVirtualMachine,
        model: (preset, partition) => new VirtualModel(preset, partition),
      });
      expect(found.difference && reportOf(seed, found.difference)).toBeUndefined();
      instructions += found.instructions;
    }
    expect(instructions).toBeGreaterThan(STREAMS * OPERATIONS * 0.6);
    if (STREAMS > 1000) console.log(`${instructions} instructions agree`);
  });
});
