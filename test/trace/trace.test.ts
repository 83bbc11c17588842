// SPDX-License-Identifier: Apache-2.0
// The trace has a record of each instruction a guest executed, as it ended, and says how many it lost.
import { describe, expect, it } from 'vitest';
import { C_CLOCKS, C_TRACE_RECORDS, T_TRACE } from '../../native-like/machine/layout.ts';
import { parseConfig } from '../../src/config/load.ts';
import { createMachine } from '../../src/index.ts';
import { recordJson, recordText, type TraceRecord } from '../../src/trace/record.ts';
import { TRACE_RECORDS, TraceRings } from '../../src/trace/ring.ts';
import { PooledMachine } from '../../src/vcpu-pool/pooled-machine.ts';

const CONFIG = `
apemu: 1
machine:
  timing: { aqic: 0ns }
  adapters: { 5: { mode: loopback } }
  usageDomains: [4]
guests:
  Guest1: { memory: 1MiB, mdev: { adapters: [5], domains: [4] }, program: ap-bus }
`;

const tracedMachine = async () => {
  const records: TraceRecord[] = [];
  const machine = await createMachine(CONFIG, { onTrace: (more) => records.push(...more) });
  return { machine, cpu: machine.guest('Guest1').cpu(0), records };
};

describe('a traced machine', () => {
  it('records how each instruction ended, in their order', async () => {
    const { machine, cpu, records } = await tracedMachine();
    cpu.tapq('05.0004', { t: true });
    cpu.tapq('06.0004');
    cpu.qci(0x3000);
    cpu.aqic('05.0004', { enable: true, isc: 3, nib: 0x2000 });
    cpu.nqap('05.0004', { psmid: 1n, address: 0x4000, length: 64 });
    cpu.dqap('05.0004', { address: 0x5000, length: 0x1000 });
    cpu.cpu.setGr(0, 0, 0x2a000504);
    cpu.execute(0xb2af0000 | 0);
    expect(machine.trace?.flush()).toBe(0);
    machine.close();
    const seen = records.map(({ instruction, apqn, cc, rc, program }) => ({
      instruction,
      apqn,
      cc,
      rc,
      program,
    }));
    const queue = { apqn: '05.0004', cc: 0, rc: 0, program: undefined };
    expect(seen).toEqual([
      { ...queue, instruction: 'TAPQ' },
      { ...queue, instruction: 'TAPQ', apqn: '06.0004', cc: 3, rc: 1 },
      { ...queue, instruction: 'QCI', apqn: undefined, rc: undefined },
      // Intercepted: what KVM and the hook made of it.
      { ...queue, instruction: 'AQIC' },
      { ...queue, instruction: 'NQAP' },
      { ...queue, instruction: 'DQAP' },
      { ...queue, instruction: 'PQAP fc=2a', cc: undefined, rc: undefined, program: 6 },
    ]);
    expect(new Set(records.map(({ guest, vcpu }) => `${guest}.${vcpu}`))).toEqual(
      new Set(['Guest1.0']),
    );
  });

  it('loses nothing in virtual time, however long the run', async () => {
    const { machine, cpu, records } = await tracedMachine();
    const count = 2 * TRACE_RECORDS + 17;
    for (let n = 0; n < count; n++) cpu.tapq('05.0004');
    expect(machine.trace?.flush()).toBe(0);
    machine.close();
    expect(records.length).toBe(count);
  });

  it('counts what was overwritten before it was read, and has the rest', async () => {
    const { machine, cpu } = await tracedMachine();
    const found: object[] = [];
    let told = 0;
    const rings = new TraceRings(
      machine.image,
      () => 'Guest1',
      (more, lost, services) => {
        // Records nobody has written are of no vCPU.
        found.push(...more, ...services);
        told = lost;
      },
    );
    cpu.tapq('05.0004');
    // As a thread that nobody reads: the ring has gone round once and ten records more.
    machine.image.i32[C_CLOCKS + T_TRACE] = TRACE_RECORDS + 10;
    // One more than fell out: a thread may be writing the oldest at this moment.
    expect([rings.flush(), told]).toEqual([11, 11]);
    expect(found.length).toBe(TRACE_RECORDS - 1);
    machine.close();
  });

  it('has a record of every message that guests on workers exchanged', async () => {
    const counts = new Map<string, number>();
    const config = parseConfig(CONFIG, 'trace.yaml').config;
    const pooled = await PooledMachine.start(config, {
      onTrace: (records) => {
        for (const { instruction, rc } of records)
          if (rc === 0) counts.set(instruction, (counts.get(instruction) ?? 0) + 1);
      },
    });
    try {
      await pooled.finished();
      expect(pooled.machine.trace?.flush()).toBe(0);
    } finally {
      await pooled.close();
    }
    expect(counts.get('NQAP')).toBe(1000);
    expect(counts.get('DQAP')).toBe(1000);
  });
});

describe('a machine without a trace', () => {
  it('has no ring', async () => {
    const machine = await createMachine(CONFIG);
    expect(machine.image.word(C_TRACE_RECORDS)).toBe(0);
    expect(machine.trace).toBeUndefined();
    machine.close();
  });
});

const RECORD: TraceRecord = {
  timeNs: 12_345_678,
  guest: 'Guest1',
  vcpu: 1,
  instruction: 'NQAP',
  apqn: '05.0004',
  gr0: 0x40000504,
  gr1: 0x40000000,
  cc: 0,
  rc: 0,
  program: undefined,
  psmid: '0000000000000001',
};

describe('a record', () => {
  it.each([
    ['a completed instruction', RECORD, 'NQAP 05.0004 cc=0 rc=00 -R-- gr0=40000504'],
    [
      'a program interruption',
      { ...RECORD, cc: undefined, rc: undefined, program: 6 },
      'NQAP 05.0004 pgm=0006        gr0=40000504',
    ],
    [
      'QCI',
      { ...RECORD, instruction: 'QCI', apqn: undefined, rc: undefined, gr0: 0x04000000 },
      'QCI          cc=0            gr0=04000000',
    ],
  ])('is one line that fits a terminal: %s', (_name, record, rest) => {
    const line = recordText(record);
    expect(line).toBe(`   0.012345678 Guest1.1 ${rest}\n`);
    expect(line.length).toBeLessThanOrEqual(81);
  });

  it('is one JSON object with hexadecimal codes', () => {
    expect(JSON.parse(recordJson(RECORD))).toEqual({
      timeNs: 12_345_678,
      guest: 'Guest1',
      vcpu: 1,
      instruction: 'NQAP',
      psmid: '0000000000000001',
      apqn: '05.0004',
      cc: 0,
      rc: '00',
      gr0: '40000504',
      gr1: '40000000',
    });
  });
});
