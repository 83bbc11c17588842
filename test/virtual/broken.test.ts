// SPDX-License-Identifier: Apache-2.0
// Each rule of virtual mdevs, broken by a small patch of a copy of the build, is noticed by the programs that show it.
import { afterAll, describe, expect, it } from 'vitest';
import { BuildCopies, loadFrom, type Patch } from '../mutations/copies.ts';
import { VIRTUAL_PATCHES } from './patches.ts';
import { PROGRAMS } from './programs.ts';

const copies = new BuildCopies('apemu-virtual-');
afterAll(() => copies.remove());

/** The library of a copy of the build with one patch. */
const patched = ({ file, ...change }: Patch, name: string) => {
  const at = copies.make(name, { ...change, file: `vfio-ap/virtual/${file}` });
  return loadFrom<typeof import('../../src/index.ts')>(at, 'index.js');
};

describe('a build in which a rule of virtual mdevs is broken is noticed', () => {
  it.each(VIRTUAL_PATCHES)('$rule', async ({ rule, ...patch }) => {
    const { createMachine } = await patched(
      patch,
      `build-${VIRTUAL_PATCHES.findIndex((one) => one.rule === rule)}`,
    );
    const noticed: string[] = [];
    for (const [name, config, lines] of PROGRAMS) {
      const machine = await createMachine(config);
      try {
        const { mismatches } = machine.exec(`apemu-program 1\n${lines}\n`);
        if (mismatches.length > 0) noticed.push(name);
      } catch {
        noticed.push(name);
      } finally {
        machine.close();
      }
    }
    expect(noticed).not.toEqual([]);
  });
});
