// SPDX-License-Identifier: Apache-2.0
// The library cannot mislead: no status after a program interruption, no life after `close`, no times that are none.
import { describe, expect, it } from 'vitest';
import { completed, createMachine, type Machine } from '../../src/index.ts';
import { PooledMachine } from '../../src/vcpu-pool/pooled-machine.ts';

const CONFIG = `
apemu: 1
machine: { adapters: { 5: { mode: loopback } }, usageDomains: [4] }
guests: { A: { memory: 1MiB, mdev: { adapters: [5], domains: [4] } } }
`;
const QUEUE = '05.0004';
const MESSAGE = { psmid: 1n, message: new Uint8Array(64) };

describe('19.A1: after a program interruption', () => {
  it.each<
    [
      string,
      (machine: Machine) => {
        readonly status: unknown;
        readonly programInterruption: number | undefined;
      },
    ]
  >([
    ['NQAP of 20,000 bytes', (m) => m.guest('A').cpu().nqap(QUEUE, { psmid: 1n, length: 20_000 })],
    ['QCI beyond storage', (m) => m.guest('A').cpu().qci(0x200000)],
    ['QCI at an odd address', (m) => m.guest('A').cpu().qci(0x1001)],
    [
      'TAPQ with a reserved bit',
      (m) => {
        const cpu = m.guest('A').cpu();
        cpu.setRegister(0, 0x0040_0504n);
        return cpu.execute(0xb2af0000);
      },
    ],
  ])('%s has no status, and `completed` says which it was', async (_what, act) => {
    const machine = await createMachine(CONFIG);
    const result = act(machine);
    expect(result.status).toBeUndefined();
    expect(result.programInterruption).toBeGreaterThan(0);
    expect(result).not.toHaveProperty('psmid');
    expect(() => completed(result)).toThrow(
      /program interruption 000[56] (addressing|specification)/,
    );
    machine.close();
  });
});

/** What users do with a machine and its handles. */
const USES: readonly [string, (machine: Machine) => unknown][] = [
  ['NQAP', (m) => m.guest('A').cpu().nqap(QUEUE, MESSAGE)],
  ['TAPQ of the host', (m) => m.hostCpu.execute(0xb2af0000)],
  ['a register', (m) => m.guest('A').cpu().register(1)],
  ['setRegister', (m) => m.guest('A').cpu().setRegister(1, 5n)],
  ['takeInterruption', (m) => m.guest('A').cpu().takeInterruption()],
  ['storage', (m) => m.guest('A').storage],
  ['read', (m) => m.guest('A').read(0, 8)],
  ['write', (m) => m.guest('A').write(0, new Uint8Array(8))],
  ['advance', (m) => m.advance('1ms')],
  ['run', (m) => m.run()],
  ['a fault', (m) => m.fault({ apqn: QUEUE, on: 'tapq', rc: 5 })],
  ['a write to sysfs', (m) => m.write('/sys/bus/ap/scans', '1\n')],
  ['an operator', (m) => m.partition.deconfigure(5)],
  ['exec', (m) => m.exec(`apemu-program 1\nA.0: tapq ${QUEUE}\n`)],
];

describe('19.A2, 13.20: after close', () => {
  it.each(USES)(
    '%s is an error that says where it was closed, and the next machine is untouched',
    async (_what, use) => {
      const old = await createMachine(CONFIG);
      old.close();
      const next = await createMachine(CONFIG);
      // The same memory: what an old handle did would be seen.
      expect(next.image.memory).toBe(old.image.memory);
      const before = next.image.u8.slice(0, 0x200000);
      expect(() => use(old)).toThrow(
        expect.objectContaining({
          code: 'APEMU_ERR_MACHINE_CLOSED',
          message: expect.stringMatching(/closed at .*handles\.test\.ts:\d+:\d+/),
        }),
      );
      expect(Buffer.compare(next.image.u8.slice(0, 0x200000), before)).toBe(0);
      next.close();
    },
  );

  it('closing again does nothing to the machine that has the memory now', async () => {
    const a = await createMachine(CONFIG);
    a.close();
    const b = await createMachine(CONFIG);
    a.close();
    const c = await createMachine(CONFIG);
    expect(c.image.memory).not.toBe(b.image.memory);
    b.close();
    c.close();
  });

  it('13.20: pools end in any order, one of them twice', async () => {
    const { config } = await createMachine(
      CONFIG.replace('memory: 1MiB', 'memory: 1MiB, program: hammer'),
    );
    const [a, b] = [
      await PooledMachine.start(config, { workers: 1 }),
      await PooledMachine.start(config, { workers: 1 }),
    ];
    await a.close();
    await a.close();
    const between = await createMachine(CONFIG);
    expect(await b.write('/sys/bus/ap/scans', '1')).toBe('ok');
    expect(completed(between.guest('A').cpu().nqap(QUEUE, MESSAGE)).status.rc).toBe(0);
    await b.close();
    expect(completed(between.guest('A').cpu().dqap(QUEUE)).length).toBe(64);
    between.close();
  });
});

describe('19.A3: a time', () => {
  it.each<[number | string, number]>([
    ['2ms', 2_000_000],
    ['1.5s', 1_500_000_000],
    [30, 30],
    [0, 0],
  ])('%j lets %i nanoseconds pass', async (time, ns) => {
    const machine = await createMachine(CONFIG);
    const before = machine.nowNs();
    machine.advance(time);
    expect(machine.nowNs() - before).toBe(ns);
    machine.close();
  });

  it.each([
    ['NaN', Number.NaN],
    ['undefined', undefined],
    ['a negative number', -5],
    ['infinity', Number.POSITIVE_INFINITY],
    ['a text that is no time', 'soon'],
    ['a number in quotes', '5'],
    ['an object', {}],
  ])('%s is refused, and the clock stands', async (_what, time) => {
    const machine = await createMachine(CONFIG);
    const before = machine.nowNs();
    expect(() => machine.advance(time as number)).toThrow(
      expect.objectContaining({ code: 'APEMU_ERR_MACHINE_TIME' }),
    );
    expect(machine.nowNs()).toBe(before);
    expect(completed(machine.guest('A').cpu().aqic(QUEUE, { enable: true, nib: 0x2000 })).cc).toBe(
      0,
    );
    machine.close();
  });
});
