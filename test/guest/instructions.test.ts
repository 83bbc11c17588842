// SPDX-License-Identifier: Apache-2.0
// The instruction wrappers: registers they load (docs/reference/ap-architecture.md section 8), loops, results, counts.

import { describe, expect, it } from 'vitest';
import { counterRows } from '../../src/guest/counters.ts';
import * as ap from '../../src/guest/instructions.ts';
import * as status from '../../src/guest/status.ts';
import { FakeMachine } from './fake-machine.ts';

const APQN = 0x0504;

const made = () => {
  const machine = new FakeMachine({ facilities: [12, 15, 65] });
  return { machine, cpu: ap.apCpuOf(machine) };
};

describe('a wrapper loads', () => {
  it.each([
    ['TAPQ', 0x00000504, (c: ap.ApCpu) => ap.tapq(c, APQN, false)],
    ['TAPQ with T', 0x00800504, (c: ap.ApCpu) => ap.tapq(c, APQN, true)],
    ['RAPQ', 0x01000504, (c: ap.ApCpu) => ap.rapq(c, APQN)],
    ['RAPQ with F', 0x01400504, (c: ap.ApCpu) => ap.rapq(c, APQN, true)],
    ['ZAPQ', 0x02000504, (c: ap.ApCpu) => ap.zapq(c, APQN)],
    ['ZAPQ with F', 0x02400504, (c: ap.ApCpu) => ap.zapq(c, APQN, true)],
    ['AQIC', 0x03000504, (c: ap.ApCpu) => ap.aqic(c, APQN, 0x8000, 6, 0x2000)],
    ['QCI', 0x04000000, (c: ap.ApCpu) => ap.qci(c, 0x1000)],
    ['QACT', 0x05000504, (c: ap.ApCpu) => ap.qact(c, APQN, false, 0, 0x0e000000)],
    ['QACT with if', 0x05400504, (c: ap.ApCpu) => ap.qact(c, APQN, true, 0, 0x0e000000)],
    ['QBAP', 0x06000000, (c: ap.ApCpu) => ap.qbap(c, 0x1000)],
    ['BAPQ', 0x07000504, (c: ap.ApCpu) => ap.bapq(c, APQN)],
    ['AAPQ', 0x08000504, (c: ap.ApCpu) => ap.aapq(c, APQN, 3)],
    ['NQAP', 0x40000504, (c: ap.ApCpu) => ap.nqap(c, APQN, 1, 2, 0x4000, 64, false)],
    ['NQAP, special', 0x40400504, (c: ap.ApCpu) => ap.nqap(c, APQN, 1, 2, 0x4000, 64, true)],
    ['DQAP', 0x80000504, (c: ap.ApCpu) => ap.dqap(c, APQN, 0x4000, 64)],
  ])('%s: GR0', (_title, gr0, run) => {
    const { machine, cpu } = made();
    run(cpu);
    expect(machine.records.at(-1)!.gr0 >>> 0).toBe(gr0);
    expect(cpu.executed).toBe(1);
  });

  it.each([
    ['a Linux guest', { ir: 1, isc: 6 }, '0000800000000006'],
    ['vfio_ap', { ir: 1, gisc: 6, gisa: 0x1f00a900, isc: 5 }, '000086001f00a905'],
    ['a disabling program', {}, '0000000000000000'],
    ['GISA format 1', { gf: 1 }, '0000000100000000'],
  ])('the AQIC control word of %s', (_title, fields, hex) => {
    const half = (n: number): string => (n >>> 0).toString(16).padStart(8, '0');
    expect(half(ap.aqicHigh(fields)) + half(ap.aqicLow(fields))).toBe(hex);
  });
});

describe('a wrapper returns', () => {
  it('queue information in two halves', () => {
    const { cpu } = made();
    expect(ap.tapq(cpu, APQN, true)).toBe(0x80000000 | 0);
    expect([cpu.infoHigh >>> 0, cpu.infoLow]).toEqual([0xf2000000, 0x0e550307]);
  });

  it('a status no machine gives, and the code, after a program interruption', () => {
    const { machine, cpu } = made();
    machine.script = () => ({ pgm: 6 });
    expect(ap.tapq(cpu, APQN, true)).toBe(status.STATUS_PROGRAM_INTERRUPTION);
    expect(cpu.programInterruption).toBe(6);
    expect(ap.qci(cpu, 0x1000)).toBe(6);
    machine.script = () => undefined;
    ap.tapq(cpu, APQN, true);
    expect(cpu.programInterruption).toBe(0);
  });

  it('PSMID and length of a reply', () => {
    const { machine, cpu } = made();
    machine.storage.fill(0x77, 0x4000, 0x4040);
    ap.nqap(cpu, APQN, 0x11223344, 0x55667788, 0x4000, 64, false);
    expect(status.queueEmpty(ap.dqap(cpu, APQN, 0x8000, 100))).toBe(true);
    expect([cpu.psmidHigh, cpu.psmidLow, cpu.length, cpu.residual]).toEqual([
      0x11223344, 0x55667788, 64, 0,
    ]);
    expect(machine.storage[0x803f]).toBe(0x77);
  });

  it('response code FF and a token for a reply larger than the buffer, which stays in the queue', () => {
    const { machine, cpu } = made();
    ap.nqap(cpu, APQN, 1, 2, 0x4000, 250, false);
    const codes = [ap.dqap(cpu, APQN, 0x8000, 100), ap.dqap(cpu, APQN, 0x8000, 100, true)].map(
      status.rc,
    );
    expect(codes).toEqual([status.RC_REPLY_LARGER, status.RC_REPLY_LARGER]);
    expect([cpu.tokenLow, cpu.residual]).toEqual([0x01010504, 50]);
    expect(machine.queues.get(APQN)!.messages.length).toBe(1);
    expect(status.rc(ap.dqap(cpu, APQN, 0x8000, 100, true))).toBe(0);
    expect([cpu.length, cpu.psmidLow, cpu.tokenLow]).toEqual([50, 2, 0]);
  });

  it.each([
    [0x80000000, true, false, false, false, false, 0],
    [0x41000000, false, true, false, false, true, 0],
    [0x21100000, false, false, true, false, true, 0x10],
    [0x02350000, false, false, false, true, false, 0x35],
  ])('status %i is read by the helpers', (word, empty, replies, full, async, irq, code) => {
    expect([
      status.queueEmpty(word),
      status.repliesWaiting(word),
      status.queueFull(word),
      status.asyncError(word),
      status.irqEnabled(word),
      status.rc(word),
    ]).toEqual([empty, replies, full, async, irq, code]);
  });
});

describe('a segment boundary (CC 2)', () => {
  it('makes NQAP and DQAP execute again with the registers as they are', () => {
    const { machine, cpu } = made();
    const execute = machine.execute.bind(machine);
    let interruptions = 3;
    machine.execute = (instruction) => {
      if (interruptions-- > 0) {
        Object.assign(machine, { cc: 2 });
        machine.records.push({ ...machine.records[0], name: 'CC2' });
        return 0;
      }
      return execute(instruction);
    };
    expect(status.rc(ap.nqap(cpu, APQN, 1, 2, 0x4000, 64, false))).toBe(0);
    expect(cpu.executed).toBe(4);
    expect(counterRows(cpu.counters!)).toEqual([
      { function: 'NQAP', outcome: '00', count: 1 },
      { function: 'NQAP', outcome: 'cc=2', count: 3 },
    ]);
  });
});

describe('the counters', () => {
  it('count by function and outcome', () => {
    const { machine, cpu } = made();
    ap.tapq(cpu, APQN, true);
    ap.tapq(cpu, 0x0101, true);
    ap.dqap(cpu, APQN, 0x8000, 8);
    machine.script = () => ({ pgm: 6 });
    ap.qci(cpu, 0x1000);
    expect(counterRows(cpu.counters!)).toEqual([
      { function: 'TAPQ', outcome: '00', count: 1 },
      { function: 'TAPQ', outcome: '01', count: 1 },
      { function: 'QCI', outcome: 'pgm', count: 1 },
      { function: 'DQAP', outcome: '10', count: 1 },
    ]);
  });

  it('are one object for each CPU, and can be left out', () => {
    const { machine, cpu } = made();
    expect(ap.apCpuOf(machine)).toBe(cpu);
    const bare = ap.createApCpu(machine);
    ap.tapq(bare, APQN, false);
    expect(bare.counters).toBeNull();
    expect(counterRows(cpu.counters!)).toEqual([]);
  });
});
