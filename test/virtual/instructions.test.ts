// SPDX-License-Identifier: Apache-2.0
// What a guest with a virtual mdev sees of its AP instructions: docs/reference/vfio-ap.md S0-31 to S0-33, V-03, V-05 to V-12, V-14.
import { describe, expect, it } from 'vitest';
import { mismatches, withMachine } from './machines.ts';
import { PROGRAMS } from './programs.ts';

describe('a guest with a virtual mdev', () => {
  it.each(PROGRAMS)('%s', async (_name, config, lines) => {
    await withMachine(config, (machine) => {
      expect(mismatches(machine, lines)).toEqual([]);
    });
  });
});
