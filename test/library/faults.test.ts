// SPDX-License-Identifier: Apache-2.0
// 19.A4: faults can be listed, counted and taken back; what is probably not meant is told to users of the library too.
import { describe, expect, it } from 'vitest';
import { shellSession } from '../../src/cli/shell-session.ts';
import { createMachine, restoreMachine, saveMachine, takeCheckpoint } from '../../src/index.ts';

const CONFIG = `
apemu: 1
machine: { adapters: { 5: { mode: loopback } }, usageDomains: [4] }
guests: { A: { memory: 1MiB, mdev: { adapters: [5], domains: [4] } } }
`;
const QUEUE = '05.0004';

describe('19.A4: a fault that was declared', () => {
  it('counts how often it fired, with a count and for ever', async () => {
    const machine = await createMachine(CONFIG);
    const cpu = machine.guest('A').cpu();
    const twice = machine.fault({ apqn: QUEUE, on: 'tapq', rc: 5, count: 2 });
    const ever = machine.fault({ apqn: QUEUE, on: 'tapq', rc: 4 });
    for (let n = 0; n < 5; n++) cpu.tapq(QUEUE);
    expect([twice.fired, twice.active, ever.fired, ever.active]).toEqual([2, false, 3, true]);
    expect(machine.faults.list().map(({ text }) => text)).toEqual([
      '05.0004 on=tapq rc=05 count=2',
      '05.0004 on=tapq rc=04',
    ]);
    ever.clear();
    ever.clear();
    expect(cpu.tapq(QUEUE).cc).toBe(0);
    expect([ever.fired, ever.active]).toEqual([3, false]);
    machine.fault({ apqn: QUEUE, on: 'tapq', rc: 4 });
    machine.clearFaults();
    expect(machine.faults.list()).toEqual([]);
    expect([cpu.tapq(QUEUE).cc, twice.fired, ever.fired]).toEqual([0, 2, 3]);
    machine.close();
  });

  it('keeps its count when the table makes room, and goes back with a checkpoint and a saved machine', async () => {
    const machine = await createMachine(CONFIG);
    const cpu = machine.guest('A').cpu();
    const first = machine.fault({ apqn: QUEUE, on: 'tapq', rc: 5, count: 1 });
    cpu.tapq(QUEUE);
    const checkpoint = takeCheckpoint(machine);
    for (let n = 0; n < 260; n++) {
      const one = machine.fault({ apqn: QUEUE, on: 'tapq', rc: 4, count: 1 });
      cpu.tapq(QUEUE);
      expect([one.fired, one.active]).toEqual([1, false]);
    }
    expect(first.fired).toBe(1);
    checkpoint.restore();
    expect([first.fired, machine.faults.list().length]).toEqual([1, 1]);
    const bytes = saveMachine(machine);
    machine.close();
    const again = await restoreMachine(bytes);
    expect(again.faults.list().map(({ text, fired }) => [text, fired])).toEqual([
      ['05.0004 on=tapq rc=05 count=1', 1],
    ]);
    again.close();
  });

  it('is listed by the shell, with how often it fired', async () => {
    const machine = await createMachine(CONFIG);
    const shell = shellSession(machine);
    await shell.run(`fault ${QUEUE} on=tapq rc=05 count=2`);
    machine.guest('A').cpu().tapq(QUEUE);
    expect(await shell.run('fault')).toMatch(/^05\.0004 on=tapq rc=05 count=2 +fired 1\n$/);
    machine.close();
  });
});

describe('19.A4: a fault on a queue that does not exist', () => {
  const TEXT = 'there is no queue 07.0004';

  it('is a warning of the machine, of the configuration and of the shell', async () => {
    const told: string[] = [];
    const machine = await createMachine(`${CONFIG}faults: [{ apqn: 07.0004, on: tapq, rc: 5 }]\n`, {
      onWarning: (text) => told.push(text),
    });
    expect(machine.warnings).toEqual([expect.stringContaining(TEXT)]);
    machine.fault({ apqn: '07.0004', on: 'dqap', rc: 5 });
    expect(told).toEqual(machine.warnings);
    expect(told).toHaveLength(2);
    expect(await shellSession(machine).run('fault 07.0004 on=tapq rc=05')).toContain(
      `warning: fault 07.0004 on=tapq rc=05: ${TEXT}`,
    );
    machine.close();
  });
});
