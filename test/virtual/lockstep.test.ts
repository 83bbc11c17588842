// SPDX-License-Identifier: Apache-2.0
// The machine agrees with the reference model of the virtual engine on generated machines and streams (V-01 to V-15), and a model with
// any rule broken would have been noticed. APEMU_VIRTUAL_STREAMS=2300 is the long run: more than a million instructions.
import { describe, expect, it } from 'vitest';
import { VIRTUAL_DEFECTS, type VirtualDefect } from '../model/virtual/defects.ts';
import { reportOf, virtualLockstep } from '../model/virtual/lockstep.ts';
import { VirtualModel } from '../model/virtual/machine.ts';
import { createVirtualMachine } from './machine-under-test.ts';

const STREAMS = Number(process.env['APEMU_VIRTUAL_STREAMS'] ?? 30);
const FIRST_SEED = Number(process.env['APEMU_VIRTUAL_SEED'] ?? 1);
const OPERATIONS = 600;
/** A planted error shows itself in one of so many streams. */
const MAX_STREAMS = 40;

const stream = (seed: number, ...defects: VirtualDefect[]) =>
  virtualLockstep({
    seed,
    operations: OPERATIONS,
    subject: createVirtualMachine,
    model: (preset, partition) => new VirtualModel(preset, partition, defects),
  });

describe('virtual mdevs and their reference model', () => {
  it(`agree on ${STREAMS} machines from seed ${FIRST_SEED}, ${OPERATIONS} operations each`, {
    timeout: 60_000 + 2_000 * STREAMS,
  }, async () => {
    let instructions = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + STREAMS; seed++) {
      const found = await stream(seed);
      expect(found.difference && reportOf(seed, found.difference)).toBeUndefined();
      instructions += found.instructions;
    }
    expect(instructions).toBeGreaterThan(STREAMS * OPERATIONS * 0.6);
    if (STREAMS > 1000) console.log(`${instructions} instructions agree`);
  });

  it.each(VIRTUAL_DEFECTS)('differ where the model is broken: %s (%s: %s)', async (defect) => {
    let noticed = false;
    for (let seed = 1; !noticed && seed <= MAX_STREAMS; seed++)
      noticed = (await stream(seed, defect)).difference !== undefined;
    expect(noticed).toBe(true);
  });
});
