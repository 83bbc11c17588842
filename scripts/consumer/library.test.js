// SPDX-License-Identifier: Apache-2.0
// Run by scripts/pack-test.js in an empty project that has the packed apemu, vitest and fast-check: what the library promises its users.
// The numbers are those of issue 19.
import 'apemu/vitest';
import {
  AP_RESPONSE_Q_FULL,
  CC_RESPONSE,
  completed,
  createMachine,
  PGM_SPECIFICATION,
  RESPONSE_CODES,
  takeCheckpoint,
} from 'apemu';
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

test('1: after a program interruption there is no status, and a matcher says which it was', () => {
  const result = machine.guest('A').cpu().nqap(QUEUE, { psmid: 1n, length: 20_000 });
  expect(result.status).toBeUndefined();
  expect(() => completed(result)).toThrow(/specification/);
  expect(result).toBeProgramInterruption('specification');
});

test('6: a response is told by its name, with what the guest did when it is another', () => {
  const result = machine.guest('A').cpu().tapq('06.0004');
  expect(result).toBeResponse('Q_NOT_AVAIL');
  expect(() => expect(result).toBeResponse('NORMAL')).toThrow(/A\.0: tapq 06\.0004/);
});

test('2: after close every handle is dead', async () => {
  const other = await createMachine(CONFIG);
  const cpu = other.guest('A').cpu();
  other.close();
  expect(() => cpu.tapq(QUEUE)).toThrow(/closed at .*library\.test\.js:\d+/);
});

test.each([Number.NaN, -5, undefined, 'soon'])('3: %s is no time', (time) => {
  expect(() => machine.advance(time)).toThrow(/APEMU_ERR_MACHINE_TIME|time/);
});

test('3: a time is one as in a configuration, and the clock goes on', () => {
  const before = machine.nowNs();
  machine.advance('2ms');
  machine.advance(500);
  expect(machine.nowNs() - before).toBe(2_000_500);
  expect(machine.guest('A').cpu().aqic(QUEUE, { enable: true, nib: 0x2000 })).toBeResponse(
    'NORMAL',
  );
});

test('4: a fault on a queue that is not there is a warning; faults are listed, counted and taken back', async () => {
  const said = [];
  const watched = await createMachine(CONFIG, { onWarning: (text) => said.push(text) });
  watched.fault({ apqn: '07.0004', on: 'nqap', rc: 3 });
  expect(said.join()).toMatch(/there is no queue 07\.0004/);
  expect(watched.faults.list().map(({ fired }) => fired)).toEqual([0]);
  watched.clearFaults();
  expect(watched.faults.list()).toEqual([]);
  watched.close();
});

test('4: checkpoint, fault, run, restore, as often as one likes', () => {
  const cpu = machine.guest('A').cpu();
  for (let round = 0; round < 20; round++) {
    const checkpoint = takeCheckpoint(machine);
    machine.fault({ apqn: QUEUE, on: 'nqap', rc: 0x10, count: 1 });
    expect(cpu.nqap(QUEUE, { psmid: 1n, length: 64 })).toBeResponse('Q_FULL');
    machine.advance('1ms');
    checkpoint.restore();
  }
  expect(machine.faults.list()).toEqual([]);
});

test('5: codes have names and texts, and endings explain themselves', () => {
  const cpu = machine.guest('A').cpu();
  const row = RESPONSE_CODES.find(({ code }) => code === AP_RESPONSE_Q_FULL);
  expect(row).toMatchObject({ cc: CC_RESPONSE, name: expect.stringContaining('Q_FULL') });
  cpu.nqap(QUEUE, { psmid: 1n, length: 20_000 });
  expect(PGM_SPECIFICATION).toBe(6);
  expect(cpu.explain()).toBe("0006 specification: length 20000 is above the queue's limit 12288");
  cpu.tapq('06.0004');
  expect(cpu.explain()).toMatch(/^RC 01 .*not in APM x AQM of A/);
});

test('6: time passes until something is so, or it is said what was outstanding', () => {
  const cpu = machine.guest('A').cpu();
  cpu.nqap(QUEUE, { psmid: 1n, length: 64 });
  machine.advanceUntil(() => completed(cpu.tapq(QUEUE)).status.repliesWaiting, '1s');
  expect(() => machine.advanceUntil(() => false, '1ms')).toThrow(/05\.0004 has 1 message/);
});

test('6: instructions can be watched', async () => {
  const names = [];
  const watched = await createMachine(CONFIG, {
    onTrace: (records) => names.push(...records.map(({ guest, cc }) => [guest, cc])),
  });
  watched.guest('A').cpu().tapq(QUEUE);
  watched.close();
  expect(names).toEqual([['A', 0]]);
});

test('8: a response code that looks decimal is a warning', async () => {
  const faults = 'faults: [{ apqn: 05.0004, on: nqap, rc: 10 }]\n';
  const other = await createMachine(`${CONFIG}${faults}`);
  expect(other.warnings.join()).toMatch(/rc: 10 is response code 0a/);
  other.close();
});

test('4: a checkpoint takes faults and the partition back', () => {
  const cpu = machine.guest('A').cpu();
  const checkpoint = takeCheckpoint(machine);
  const fault = machine.fault({ apqn: QUEUE, on: 'tapq', rc: 5 });
  expect(cpu.tapq(QUEUE)).toBeResponse('BUSY');
  expect(fault.fired).toBe(1);
  machine.partition.deconfigure(5);
  checkpoint.restore();
  expect(cpu.tapq(QUEUE)).toBeResponse('NORMAL');
});

test('6: generated instructions and faults end in order', () => {
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

test('6: generated scenarios are AP programs', () => {
  const texts = fc.sample(scenarios(machine), 3);
  for (const text of texts) expect(text).toMatch(/^apemu-program 1\n/);
});
