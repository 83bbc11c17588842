// SPDX-License-Identifier: Apache-2.0
// 19.A5, 19.A6: endings in words, time until something is so, matchers and arbitraries.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainWords } from '../../src/cli/explain.ts';
import { faults, scenarios } from '../../src/fast-check.ts';
import {
  AP_RESPONSE_Q_FULL,
  completed,
  createMachine,
  PGM_SPECIFICATION,
} from '../../src/index.ts';
import '../../src/vitest.ts';

const CONFIG = `
apemu: 1
machine: { adapters: { 5: { mode: loopback, service: { model: fixed, time: 1ms } }, 6: { mode: cca } }, usageDomains: [4, 0x47] }
guests: { Guest1: { memory: 1MiB, mdev: { adapters: [5], domains: [4] } } }
`;
const QUEUE = '05.0004';
const MESSAGE = { psmid: 1n, message: new Uint8Array(64) };

describe('19.A5: endings explain themselves', () => {
  it.each<[string, (cpu: Awaited<ReturnType<typeof start>>['cpu']) => unknown]>([
    [
      "0006 specification: length 20000 is above the queue's limit 12288",
      (cpu) => cpu.nqap(QUEUE, { psmid: 1n, length: 20_000 }),
    ],
    [
      '0006 specification: a message of length 0',
      (cpu) => cpu.nqap(QUEUE, { psmid: 1n, length: 0 }),
    ],
    [
      '0005 addressing: the operand at 0x200000 is not within the storage of 1048576 bytes',
      (cpu) => cpu.nqap(QUEUE, { psmid: 1n, address: 0x200000, length: 64 }),
    ],
    [
      'RC 01 Q_NOT_AVAIL: 05.0047 is not in APM x AQM of Guest1: domain 47 is not in its AQM',
      (cpu) => cpu.tapq('05.0047'),
    ],
    [
      'RC 01 Q_NOT_AVAIL: 06.0047 is not in APM x AQM of Guest1: adapter 06 is not in its APM, domain 47 is not in its AQM',
      (cpu) => cpu.tapq('06.0047'),
    ],
    ['RC 00 NORMAL: done, accepted', (cpu) => cpu.tapq(QUEUE)],
  ])('%s', async (text, act) => {
    const { machine, cpu } = await start();
    act(cpu);
    expect(cpu.explain()).toBe(text);
    machine.close();
  });

  it('names are exported with their values', () => {
    expect([AP_RESPONSE_Q_FULL, PGM_SPECIFICATION]).toEqual([0x10, 6]);
  });

  it.each([
    ['0x05', '05 BUSY: '],
    ['rc 33', '33 '],
    ['pgm 6', '0006 specification: suppressed'],
    ['pgm specification', '0006 specification: suppressed'],
    ['Q_FULL', '10 Q_FULL / NO_PENDING_REPLY: '],
    ['rc no_pending_reply', '10 Q_FULL / NO_PENDING_REPLY: '],
    ['AP_RESPONSE_BUSY', '05 BUSY: '],
    ['EADDRINUSE at /sys/devices/vfio_ap/matrix/x/assign_adapter', 'another mdev has a queue'],
    ['ebusy at /sys/bus/ap/apmask', 'is assigned to an mdev'],
  ])('apemu explain %s', (words, text) => {
    expect(explainWords(words.split(' '))).toContain(text);
  });

  it.each([
    '',
    'nonsense',
    'pgm 99',
    'EWHAT',
    'rc',
    'fc 3',
    'cc 3',
    '0x99',
    'rc 99',
    '5 6',
    'EBUSY x',
  ])('apemu explain %j is refused', (words) => {
    expect(() => explainWords(words.split(' '))).toThrow(
      expect.objectContaining({ code: 'APEMU_ERR_USAGE_EXPLAIN' }),
    );
  });
});

const start = async () => {
  const machine = await createMachine(CONFIG);
  return { machine, cpu: machine.guest('Guest1').cpu(0) };
};

describe('19.A6: advanceUntil', () => {
  it('stops in the moment in which it is so', async () => {
    const { machine, cpu } = await start();
    cpu.nqap(QUEUE, MESSAGE);
    const before = machine.nowNs();
    machine.advanceUntil(() => completed(cpu.tapq(QUEUE)).status.repliesWaiting);
    expect(machine.nowNs() - before).toBe(1_000_000);
    machine.close();
  });

  it('says what was outstanding when it gave up', async () => {
    const { machine, cpu } = await start();
    cpu.nqap(QUEUE, MESSAGE);
    expect(() => machine.advanceUntil(() => false, '100us')).toThrow(
      expect.objectContaining({
        code: 'APEMU_ERR_MACHINE_UNTIL',
        message: expect.stringMatching(
          /100us.*05\.0004 has 1 message; the next thing happens 900 us later/,
        ),
      }),
    );
    machine.close();
  });
});

describe('19.A6: matchers', () => {
  it('know names and numbers, of results and of statuses', async () => {
    const { machine, cpu } = await start();
    expect(cpu.tapq('05.0047')).toBeResponse('Q_NOT_AVAIL');
    expect(completed(cpu.tapq(QUEUE)).status).toBeResponse(0);
    expect(cpu.tapq(QUEUE)).not.toBeResponse('BUSY');
    for (const name of ['NO_PENDING_REPLY', 'Q_FULL', 'AP_RESPONSE_NO_PENDING_REPLY'])
      expect(cpu.dqap(QUEUE)).toBeResponse(name);
    expect(() => expect(cpu.tapq(QUEUE)).toBeResponse('HAPPY')).toThrow(
      'HAPPY is no response code (expected a number, or one of NORMAL, ',
    );
    expect(() => expect(cpu.tapq(QUEUE)).toBeResponse('Q_FUL')).toThrow('did you mean Q_FULL?');
    expect(cpu.nqap(QUEUE, { psmid: 1n, length: 0 })).toBeProgramInterruption('specification');
    machine.close();
  });

  it('print what the guest did as an AP program that does the same', async () => {
    const { machine, cpu } = await start();
    cpu.nqap(QUEUE, { ...MESSAGE, psmid: 0x1234n });
    cpu.aqic(QUEUE, { enable: true, isc: 3, nib: 0x2000 });
    let text = '';
    try {
      expect(cpu.tapq('05.0047', { t: true })).toBeResponse('NORMAL');
    } catch (error) {
      text = (error as Error).message;
    }
    const lines = text.split('\n').filter((line) => line.startsWith('  '));
    expect(lines).toEqual([
      '  Guest1.0: nqap 05.0004 psmid=0x1234 addr=0x10000 len=64 => cc=0 rc=00',
      '  Guest1.0: aqic 05.0004 ir=1 isc=3 nib=0x2000 => cc=0 rc=00',
      '  Guest1.0: tapq 05.0047 t=1 => cc=3 rc=01',
    ]);
    machine.close();
    const again = await createMachine(CONFIG);
    expect(again.exec(['apemu-program 1', ...lines, ''].join('\n')).mismatches).toEqual([]);
    again.close();
  });
});

describe('19.A6: arbitraries', () => {
  it('give programs and faults that a machine takes', async () => {
    const machine = await createMachine(CONFIG);
    fc.assert(
      fc.property(scenarios(machine), faults(machine), (program, fault) => {
        machine.fault(fault);
        machine.exec(program);
        machine.clearFaults();
      }),
      { numRuns: 30, seed: 7 },
    );
    machine.close();
  });
});
