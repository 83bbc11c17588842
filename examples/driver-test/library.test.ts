// SPDX-License-Identifier: Apache-2.0
// The library for a driver developer: matchers, faults, time, what a machine waits for, checkpoints, properties. docs/library.md shows this file.
import { completed, createMachine, takeCheckpoint } from 'apemu';
import { scenarios } from 'apemu/fast-check';
import 'apemu/vitest';
import { assert, property } from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exchange } from './driver.ts';

const CONFIG = `
apemu: 1
machine: { adapters: { 5: { type: CEX8, mode: loopback, service: { time: 1ms } } }, usageDomains: [4] }
guests: { Guest1: { mdev: { adapters: [5], domains: [4] } } }
`;
const message = new Uint8Array(64);

let machine: Awaited<ReturnType<typeof createMachine>>;
beforeEach(async () => {
  machine = await createMachine(CONFIG);
});
afterEach(() => machine.close());

test('response codes and program interruptions have names', () => {
  const cpu = machine.guest('Guest1').cpu(0);
  expect(cpu.tapq('05.0004')).toBeResponse('NORMAL');
  expect(cpu.tapq('05.0047')).toBeResponse('Q_NOT_AVAIL');
  expect(cpu.explain()).toContain('domain 47 is not in its AQM');
  const long = cpu.nqap('05.0004', { psmid: 1n, message: new Uint8Array(20_000) });
  expect(long).toBeProgramInterruption('specification');
});

test('a reply is there when its time has come', () => {
  const cpu = machine.guest('Guest1').cpu(0);
  expect(cpu.nqap('05.0004', { psmid: 7n, message })).toBeResponse('NORMAL');
  expect(cpu.dqap('05.0004')).toBeResponse('NO_PENDING_REPLY');
  machine.advance('2ms');
  const reply = completed(cpu.dqap('05.0004'));
  expect(reply).toMatchObject({ psmid: 7n, length: 64 });
  // Or until something is so; what was outstanding is said when it does not come.
  machine.advanceUntil(() => completed(cpu.tapq('05.0004')).status.queueEmpty, '1s');
});

test('a fault says how often it struck, and ends when it is told to', () => {
  const cpu = machine.guest('Guest1').cpu(0);
  const full = machine.fault({ apqn: '05.0004', on: 'nqap', rc: 0x10, count: 3 });
  exchange(cpu, '05.0004', 1n, message, () => machine.advance('1ms'));
  expect(full).toMatchObject({ fired: 3, active: false });
  const dead = machine.fault({ apqn: '05.0004', on: 'tapq', rc: 0x04 });
  expect(cpu.tapq('05.0004')).toBeResponse('CHECKSTOPPED');
  dead.clear();
  expect(cpu.tapq('05.0004')).toBeResponse('NORMAL');
});

test('each response code from the same moment', () => {
  const cpu = machine.guest('Guest1').cpu(0);
  const start = takeCheckpoint(machine);
  for (const rc of [0x01, 0x03, 0x04]) {
    machine.fault({ apqn: '05.0004', on: 'nqap', rc });
    const wait = () => machine.advance('1ms');
    expect(() => exchange(cpu, '05.0004', 1n, message, wait)).toThrow(`response code ${rc}`);
    start.restore();
    expect(machine.faults.list()).toEqual([]);
  }
});

test('whatever others did before, the driver gets its reply after a reset', () => {
  const cpu = machine.guest('Guest1').cpu(0);
  const start = takeCheckpoint(machine);
  assert(
    property(scenarios(machine, { maxLines: 10 }), (text) => {
      start.restore();
      machine.exec(text);
      machine.advance('1s');
      cpu.zapq('05.0004');
      machine.advance('1s');
      const wait = () => machine.advance('1ms');
      expect(exchange(cpu, '05.0004', 1n, message, wait)).toBe(64);
    }),
    { numRuns: 50 },
  );
});
