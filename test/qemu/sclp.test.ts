// SPDX-License-Identifier: Apache-2.0
// Service-call commands for adapters: their words, what they do to a partition, and where a kernel makes them.

import { describe, expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import { createLparMachine, createQemuMachine } from '../../src/qemu/guest-machine.ts';
import { adapterCommand, readsInformation } from '../../src/qemu/sclp.ts';
import { isServiceCall, makesAdapterCommand } from '../../src/qemu/service-calls.ts';
import { GOLDEN_CONFIG } from '../../src/recorder/golden-host.ts';

describe('a command word', () => {
  it.each([
    [0x001f0501, { apid: 5, on: true }],
    [0x001e2101, { apid: 0x21, on: false }],
    [0x001fff01, { apid: 0xff, on: true }],
    [0x001f0001, { apid: 0, on: true }],
    // A PCI function, a channel path, the console.
    [0x001a0001, undefined],
    [0x000f0001, undefined],
    [0x00760005, undefined],
    [0x001f0502, undefined],
  ])('%s means %j', (word, wanted) => {
    expect(adapterCommand(word)).toEqual(wanted);
  });

  it.each([
    [0x00020001, true],
    [0x00120001, true],
    [0x00040001, false],
  ])('%s asks what the service processor can do: %s', (word, asks) => {
    expect(readsInformation(word)).toBe(asks);
  });
});

describe('the adapters of a partition', () => {
  it('are configured and deconfigured, or are so already; another number is no adapter', async () => {
    const { machine, service } = await createLparMachine(configFromObject(GOLDEN_CONFIG).config);
    try {
      const { adapters } = service;
      const state = (): boolean => machine.partition.isDeconfigured(6);
      expect([adapters?.configure(6, false), state()]).toEqual([0x0020, true]);
      expect([adapters?.configure(6, false), state()]).toEqual([0x0120, true]);
      expect([adapters?.configure(6, true), state()]).toEqual([0x0020, false]);
      expect([adapters?.configure(6, true), state()]).toEqual([0x0120, false]);
      expect(adapters?.configure(7, false)).toBeUndefined();
    } finally {
      machine.close();
    }
  });

  it('are not a guest’s', async () => {
    const guests = { G: { mdev: { adapters: [5], domains: [4] } } };
    const { config } = configFromObject({ ...GOLDEN_CONFIG, guests });
    const { machine, service } = await createQemuMachine(config, ['G']);
    expect(service('G').adapters).toBeUndefined();
    machine.close();
  });
});

describe('in a kernel’s text', () => {
  it.each([
    ['iilf', 'c029001f0001', true],
    ['llilf', 'c02f001e0001', true],
    ['lgfi', 'c021001f0001', true],
    ['another register', 'c0a9001e0001', true],
    ['a branch', 'c0e5001f0001', false],
    ['another word', 'c029001a0001', false],
  ])('%s makes the word of a command for an adapter: case %#', (_what, hex, expected) => {
    expect(makesAdapterCommand(Buffer.from(`0707${hex}`, 'hex'), 2)).toBe(expected);
  });

  it.each([
    ['b2200012', true],
    ['b2200112', false],
    ['b2210012', false],
  ])('%s is a service call: %s', (hex, expected) => {
    expect(isServiceCall(Buffer.from(`${hex}0707`, 'hex'), 0)).toBe(expected);
  });
});
