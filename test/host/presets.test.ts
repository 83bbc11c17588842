// SPDX-License-Identifier: Apache-2.0
// AD-24: what adapters of a configuration can do, unless it says otherwise.

import { expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { completed } from '../../src/host/api/results.ts';
import { Machine } from '../../src/host/machine/machine.ts';

const MESSAGE = { psmid: 1n, message: new Uint8Array(64) };

it.each([
  ['cca', 0x92800000, 0x00],
  ['ep11', 0x06800000, 0x16],
  ['accelerator', 0xea800000, 0x00],
] as const)('%s shows %i; a special command is answered by RC %i', async (mode, word, rc) => {
  const { config } = configFromObject({
    apemu: 1,
    machine: { adapters: { 5: { mode } }, usageDomains: [4] },
    guests: { A: { mdev: { adapters: [5], domains: [4] } } },
  });
  const machine = await Machine.create(config);
  const cpu = machine.guest('A').cpu(0);
  expect(completed(cpu.tapq('05.0004', { t: true })).info >> 32n).toBe(BigInt(word));
  expect(completed(cpu.nqap('05.0004', { special: true, ...MESSAGE })).status.rc).toBe(rc);
  machine.close();
});
