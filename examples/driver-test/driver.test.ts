// SPDX-License-Identifier: Apache-2.0
// A driver developer's test: the driver meets a full queue twice, and still gets its reply. No IBM Z, no card.
import { completed, createMachine } from 'apemu';
import { expect, test } from 'vitest';
import { exchange } from './driver.ts';

test('the driver waits while the queue is full and then gets its reply', async () => {
  const machine = await createMachine(`
apemu: 1
machine: { adapters: { 5: { type: CEX8, mode: loopback, service: { time: 1ms } } }, usageDomains: [4] }
guests: { Guest1: { mdev: { adapters: [5], domains: [4] } } }
faults: [{ apqn: 05.0004, on: nqap, rc: 0x10, count: 2 }]
`);
  const cpu = machine.guest('Guest1').cpu(0);
  let waits = 0;
  const wait = () => machine.advance(100_000 * ++waits);
  expect(exchange(cpu, '05.0004', 0x1234n, new Uint8Array(64), wait)).toBe(64);
  expect(waits).toBeGreaterThan(2);
  expect(completed(cpu.tapq('05.0004')).status.queueEmpty).toBe(true);
  machine.close();
});
