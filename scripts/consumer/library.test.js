// SPDX-License-Identifier: Apache-2.0
// Run by scripts/pack-test.js in an empty project that has the packed apemu, vitest and fast-check: what the library promises its users.
import 'apemu/vitest';
import { completed, createMachine, takeCheckpoint } from 'apemu';
import { faults, instructions, scenarios } from 'apemu/fast-check';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';

const CONFIG = `
apemu: 1
machine: { adapters: { 5: { mode: loopback } }, usageDomains: [4] }
guests: { A: { memory: 1MiB, mdev: { adapters: [5], domains: [4] } } }
`;
const QUEUE = '05.0004';
const RUNS = { numRuns: 25 };

let machine;
beforeEach(async () => {
  machine = await createMachine(CONFIG);
});
afterEach(() => machine.close());

test('after a program interruption there is no status, and a matcher says which it was', () => {
  const result = machine.guest('A').cpu().nqap(QUEUE, { psmid: 1n, length: 20_000 });
  expect(result.status).toBeUndefined();
  expect(() => completed(result)).toThrow(/specification/);
  expect(result).toBeProgramInterruption('specification');
});

test('a response is told by its name, with what the guest did when it is another', () => {
  const result = machine.guest('A').cpu().tapq('06.0004');
  expect(result).toBeResponse('Q_NOT_AVAIL');
  expect(() => expect(result).toBeResponse('NORMAL')).toThrow(/A\.0: tapq 06\.0004/);
});

test('after close every handle is dead', async () => {
  const other = await createMachine(CONFIG);
  const cpu = other.guest('A').cpu();
  other.close();
  expect(() => cpu.tapq(QUEUE)).toThrow(/closed at .*library\.test\.js:\d+/);
});

test.each([Number.NaN, -5, undefined, 'soon'])('%s is no time', (time) => {
  expect(() => machine.advance(time)).toThrow(/APEMU_ERR_MACHINE_TIME|time/);
});

test('a checkpoint takes faults and the partition back', () => {
  const cpu = machine.guest('A').cpu();
  const checkpoint = takeCheckpoint(machine);
  const fault = machine.fault({ apqn: QUEUE, on: 'tapq', rc: 5 });
  expect(cpu.tapq(QUEUE)).toBeResponse('BUSY');
  expect(fault.fired).toBe(1);
  machine.partition.deconfigure(5);
  checkpoint.restore();
  expect(cpu.tapq(QUEUE)).toBeResponse('NORMAL');
});

test('generated instructions and faults end in order', () => {
  const checkpoint = takeCheckpoint(machine);
  fc.assert(
    fc.property(
      faults(machine),
      fc.array(instructions(machine), { maxLength: 8 }),
      (fault, lines) => {
        checkpoint.restore();
        machine.fault(fault);
        machine.exec(['apemu-program 1', ...lines, ''].join('\n'));
      },
    ),
    RUNS,
  );
});

test('generated scenarios are AP programs', () => {
  const texts = fc.sample(scenarios(machine), 3);
  for (const text of texts) expect(text).toMatch(/^apemu-program 1\n/);
});
