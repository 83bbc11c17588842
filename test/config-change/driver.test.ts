// SPDX-License-Identifier: Apache-2.0
// The reference AP bus driver is told of configuration changes: docs/reference/config-change.md section 3.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import type { ApBusState } from '../../src/guest/ap-bus-driver/state.ts';
import { apBus } from '../../src/guest/programs.ts';
import { Machine } from '../../src/host/machine/machine.ts';
import { actOnUserSpace } from '../../src/host/machine/user-space.ts';
import { restoreMachine, saveMachine } from '../../src/host/state/snapshot.ts';

const MS = 1_000_000;
const text = (kernel: string): string => `apemu: 1
machine:
  profile: z16
  adapters:
    5: { mode: loopback, service: { model: fixed, time: 1ms, engines: 1 } }
    6: { mode: loopback, service: { model: fixed, time: 1ms, engines: 1 } }
  usageDomains: [4, 0xab]
  controlDomains: [4]
host: { kernel: ${kernel} }
guests:
  Guest1:
    mdev: { adapters: [5, 6], domains: [4] }
    program: ap-bus
`;

let machine: Machine;
const start = async (kernel = 'current', messages = 0): Promise<void> => {
  machine = await Machine.create(parseConfig(text(kernel), 'change.yaml').config);
  machine.start('Guest1', 0, apBus, {
    workload: { name: 'loopback', messages },
    endWhenDone: false,
  });
  run(500);
};
beforeEach(() => start());
afterEach(() => machine.close());

const state = (): ApBusState => machine.stepper.programs[0].state as ApBusState;
const run = (ms: number): void => machine.stepper.runPrograms(machine.nowNs() + ms * MS);
const queues = (): number[] => state().queues.map(({ apqn }) => apqn);
const assign = (file: string, value: string): void => {
  const path = `/sys/devices/vfio_ap/matrix/${machine.guest('Guest1').uuid}/${file}`;
  expect(machine.write(path, `${value}\n`)).toBe('ok');
};
const user = (word: string): void => {
  expect(actOnUserSpace(machine, 'Guest1', word)).toBe(true);
};
/** Events taken and scans since the start. */
const counts = (): readonly [number, number] => [state().configEvents, state().scans];

describe('the AP bus driver', () => {
  it('scans at once, not 30 seconds later: a domain comes and an adapter goes within milliseconds', () => {
    expect([queues(), counts()]).toEqual([
      [0x0504, 0x0604],
      [0, 1],
    ]);
    assign('assign_domain', '0xab');
    run(20);
    expect([queues(), counts()]).toEqual([
      [0x0504, 0x0604, 0x05ab, 0x06ab],
      [1, 2],
    ]);
    assign('unassign_adapter', '6');
    run(20);
    expect([queues(), counts()]).toEqual([
      [0x0504, 0x05ab],
      [2, 3],
    ]);
  });

  it('scans at its next interval on a host before 6.15', async () => {
    machine.close();
    await start('linux-6.12');
    assign('assign_domain', '0xab');
    run(20_000);
    expect([queues().length, counts()]).toEqual([2, [0, 1]]);
    run(31_000);
    expect([queues().length, counts()]).toEqual([4, [0, 2]]);
  });

  it('scans without harm when nothing has changed', () => {
    user('event');
    run(20);
    expect([queues(), counts(), state().configChanges]).toEqual([[0x0504, 0x0604], [1, 2], 0]);
  });

  it('ignores a reporting source other than 5', () => {
    user('source=7');
    assign('assign_domain', '0xab');
    run(20);
    expect([queues().length, counts()]).toEqual([2, [0, 1]]);
  });

  it('finds a lost change at its next interval', () => {
    user('lost');
    assign('assign_domain', '0xab');
    run(20);
    expect(counts()).toEqual([0, 1]);
    run(31_000);
    expect([queues().length, counts()]).toEqual([4, [0, 2]]);
  });

  it('takes a doubled event as two, and one scan covers both', () => {
    user('doubled');
    assign('assign_domain', '0xab');
    run(20);
    expect([queues().length, counts()]).toEqual([4, [2, 2]]);
  });

  it('keeps its queues at work while the answer is "more" for ever', async () => {
    machine.close();
    await start('current', -1);
    user('more');
    assign('assign_domain', '0xab');
    run(5);
    const before = state().queues.map(({ requests }) => requests);
    run(5);
    expect(state().configEvents).toBeGreaterThan(10);
    for (const [n, { requests }] of state().queues.slice(0, 2).entries())
      expect(requests).toBeGreaterThan(before[n]);
    user('normal');
    run(5);
    const { configEvents } = state();
    run(5);
    expect(state().configEvents).toBe(configEvents);
  });

  it('is told after the machine was saved and restored, and of what had come before', async () => {
    user('busy');
    assign('assign_domain', '0xab');
    const saved = saveMachine(machine);
    machine.close();
    machine = await restoreMachine(saved);
    run(20);
    expect(counts()).toEqual([0, 1]);
    user('idle');
    run(20);
    expect([queues().length, counts()]).toEqual([4, [1, 2]]);
    assign('unassign_domain', '0xab');
    run(20);
    expect([queues().length, counts()]).toEqual([2, [2, 3]]);
  });
});
