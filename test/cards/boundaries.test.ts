// SPDX-License-Identifier: Apache-2.0
// Condition code 2 at boundaries of the operand, declared as a fault (`cc: 2, every: N`).
// Source: docs/reference/ap-architecture.md AD-18, AD-10; sections 1.8 and 1.9.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { completed } from '../../src/host/api/results.ts';
import type { Machine } from '../../src/index.ts';
import { hex } from '../cex/helpers.ts';
import { cardMachine, exchange } from './support.ts';

const QUEUE = '08.0004';
/** Where `nqap` puts the message. */
const ADDRESS = 0x10000;
const message = Uint8Array.from({ length: 3000 }, (_, n) => n % 251);

let machine: Machine;
beforeEach(async () => {
  machine = await cardMachine();
});
afterEach(() => machine.close());

const conditions = (guest = 'A', apqn = QUEUE, bytes = message): readonly number[] => {
  const { rc, bytes: reply, conditions } = exchange(machine, guest, apqn, bytes);
  expect(rc).toBe(0);
  expect(hex(reply)).toBe(hex(bytes));
  return conditions;
};

describe('NQAP with a boundary every 1024 bytes', () => {
  beforeEach(() => machine.fault({ apqn: QUEUE, on: 'nqap', cc: 2, every: 1024 }));

  it('ends with condition code 2 at each, R2 advanced, GR1 unchanged, nothing in the queue', () => {
    const cpu = machine.guest('A').cpu();
    cpu.setRegister(1, 0x1111222233334444n);
    const first = cpu.nqap(QUEUE, { psmid: 7n, message });
    expect(first.cc).toBe(2);
    expect([cpu.register(6), cpu.register(7)]).toEqual([BigInt(ADDRESS + 1024), 1976n]);
    expect(cpu.register(1)).toBe(0x1111222233334444n);
    const seen = completed(machine.guest('A').cpu().tapq(QUEUE)).status;
    expect([seen.queueEmpty, seen.repliesWaiting]).toEqual([true, false]);
  });

  it('takes the message when it is repeated, and the reply is whole', () => {
    expect(conditions()).toEqual([2, 2]);
  });

  it('has none at the end of the operand or beyond it', () => {
    expect(conditions('A', QUEUE, message.slice(0, 1024))).toEqual([]);
    expect(conditions('A', QUEUE, message.slice(0, 1025))).toEqual([2]);
  });

  it('counts addresses, not bytes from the start', () => {
    const cpu = machine.guest('A').cpu();
    machine.guest('A').storage.set(message, ADDRESS + 1000);
    const ended = cpu.nqap(QUEUE, { psmid: 1n, address: ADDRESS + 1000, length: 100 });
    expect(ended.cc).toBe(2);
    expect(cpu.register(7)).toBe(76n);
  });

  it('concerns no other queue and no other instruction', () => {
    expect(conditions('B', '08.0007')).toEqual([]);
  });
});

describe('DQAP with a boundary every 1024 bytes', () => {
  it('ends with condition code 2: bytes stored, residual in GR2, token in GR0, GR1 unchanged', () => {
    machine.fault({ apqn: QUEUE, on: 'dqap', cc: 2, every: 1024 });
    const cpu = machine.guest('A').cpu();
    cpu.nqap(QUEUE, { psmid: 7n, message });
    machine.run();
    cpu.setRegister(1, 0x5555666677778888n);
    const part = cpu.dqap(QUEUE);
    expect(part).toMatchObject({ cc: 2, length: 1024, residual: 1976, token: 0x01010804 });
    expect(cpu.register(1)).toBe(0x5555666677778888n);
    const stored = machine.guest('A').storage.slice(0x14000, 0x14400);
    expect(hex(stored)).toBe(hex(message.slice(0, 1024)));
  });

  it('delivers the whole reply when it is repeated', () => {
    machine.fault({ apqn: QUEUE, on: 'dqap', cc: 2, every: 1024 });
    expect(conditions()).toEqual([2, 2]);
  });
});

describe('a boundary fault', () => {
  it('with a count stops that often, each stop counted once', () => {
    machine.fault({ apqn: QUEUE, on: 'nqap', cc: 2, every: 512, count: 3 });
    expect(conditions()).toEqual([2, 2, 2]);
    expect(conditions()).toEqual([]);
  });

  it('of a guest stops at all its queues and at nobody else’s', () => {
    machine.fault({ guest: 'B', on: 'nqap', cc: 2, every: 2048 });
    machine.fault({ guest: 'B', on: 'dqap', cc: 2, every: 2048 });
    expect(conditions('B', '08.0007')).toEqual([2, 2]);
    expect(conditions('A', '08.0004')).toEqual([]);
  });

  it('with a probability stops that often, the same for the same seed', async () => {
    const run = (): string => {
      machine.fault({ apqn: QUEUE, on: 'nqap', cc: 2, every: 2048, probability: 0.5 });
      let text = '';
      for (let n = 0; n < 200; n++) text += conditions().length;
      return text;
    };
    const first = run();
    machine.close();
    machine = await cardMachine();
    expect(run()).toBe(first);
    const stops = first.replaceAll('0', '').length;
    expect(stops).toBeGreaterThan(60);
    expect(stops).toBeLessThan(140);
  });

  it('at a time stops once from then on', () => {
    machine.fault({ apqn: QUEUE, on: 'nqap', cc: 2, every: 1024, at: '2ms' });
    expect(conditions()).toEqual([]);
    machine.advance(2_000_000);
    expect(conditions()).toEqual([2]);
    expect(conditions()).toEqual([]);
  });

  it('ends when faults are cleared', () => {
    machine.fault({ apqn: QUEUE, on: 'nqap', cc: 2, every: 1024 });
    machine.faults.clear();
    expect(conditions()).toEqual([]);
  });

  it('declared first strikes first, whatever its boundary', () => {
    machine.fault({ apqn: QUEUE, on: 'nqap', cc: 2, every: 2048, count: 1 });
    machine.fault({ apqn: QUEUE, on: 'nqap', cc: 2, every: 512, count: 1 });
    const cpu = machine.guest('A').cpu();
    expect(cpu.nqap(QUEUE, { psmid: 7n, message }).cc).toBe(2);
    expect(cpu.register(7)).toBe(952n);
  });
});
