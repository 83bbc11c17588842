// SPDX-License-Identifier: Apache-2.0
// The queue state machine of the reference driver, row by row of docs/reference/ap-architecture.md section 2.2.

import { describe, expect, it } from 'vitest';
import { busOf } from '../../src/guest/ap-bus-driver/driver.ts';
import { refill } from '../../src/guest/ap-bus-driver/messages.ts';
import { pollOnce, timeoutEvent } from '../../src/guest/ap-bus-driver/queue.ts';
import * as s from '../../src/guest/ap-bus-driver/state.ts';
import { loopback } from '../../src/guest/workloads/loopback.ts';
import { FakeMachine } from './fake-machine.ts';
import { driver, runDriver } from './run-driver.ts';

const E = 0x80000000 | 0;
const A = 0x02000000;
const I = 0x01000000;
const APQN = 0x0504;

const WAITS = ['AGAIN', 'HIGH', 'LOW', 'INTERRUPT', 'NONE'];
const STATES = [
  'RESET_START',
  'RESET_WAIT',
  'SETIRQ_WAIT',
  'IDLE',
  'WORKING',
  'QUEUE_FULL',
  'ASSOC_WAIT',
];

interface Row {
  /** State before, function that is executed in it, response code and flags it is answered with. */
  from: string;
  fn: string;
  rc: number;
  flags?: number;
  /** Messages counted in flight before. */
  count?: number;
  kernel?: '6.1' | '6.12';
  irq?: boolean;
  /** State, wait; `error`: device state ERROR with this code. */
  to: string;
  wait: string;
  error?: boolean;
  /** Second function answered in the same event, e.g. AQIC after the reset wait. */
  after?: string;
}

const error = (from: string, fn: string, rcs: number[], more: Partial<Row> = {}): Row[] =>
  rcs.map((rc) => ({ from, fn, rc, to: from, wait: 'NONE', error: true, ...more }));

const ROWS: Row[] = [
  { from: 'RESET_START', fn: 'RAPQ', rc: 0, flags: E, to: 'RESET_WAIT', wait: 'LOW' },
  { from: 'RESET_START', fn: 'RAPQ', rc: 2, flags: E, to: 'RESET_WAIT', wait: 'LOW' },
  { from: 'RESET_START', fn: 'RAPQ', rc: 0x35, flags: A, to: 'RESET_START', wait: 'NONE' },
  ...error('RESET_START', 'RAPQ', [1, 3, 4, 5, 0x0b]),
  ...error('RESET_START', 'RAPQ', [0x35], { flags: A, kernel: '6.1' }),

  { from: 'RESET_WAIT', fn: 'TAPQ', rc: 0, flags: E, to: 'IDLE', wait: 'AGAIN' },
  { from: 'RESET_WAIT', fn: 'TAPQ', rc: 0, flags: E, count: 1, to: 'WORKING', wait: 'AGAIN' },
  {
    from: 'RESET_WAIT',
    fn: 'TAPQ',
    rc: 0,
    flags: E,
    irq: true,
    to: 'SETIRQ_WAIT',
    wait: 'AGAIN',
    after: 'AQIC',
  },
  { from: 'RESET_WAIT', fn: 'TAPQ', rc: 2, flags: E, to: 'RESET_WAIT', wait: 'LOW' },
  { from: 'RESET_WAIT', fn: 'TAPQ', rc: 5, to: 'RESET_WAIT', wait: 'LOW' },
  ...error('RESET_WAIT', 'TAPQ', [1, 3, 4, 0x0a, 0x35]),
  ...error('RESET_WAIT', 'DQAP', [0x10], { count: 1, flags: E, kernel: '6.1' }),

  { from: 'SETIRQ_WAIT', fn: 'TAPQ', rc: 0, flags: E | I, irq: true, to: 'IDLE', wait: 'LOW' },
  { from: 'SETIRQ_WAIT', fn: 'TAPQ', rc: 0, flags: E, irq: true, to: 'SETIRQ_WAIT', wait: 'LOW' },
  {
    from: 'SETIRQ_WAIT',
    fn: 'DQAP',
    rc: 0x10,
    flags: I,
    count: 1,
    irq: true,
    to: 'WORKING',
    wait: 'LOW',
  },
  {
    from: 'SETIRQ_WAIT',
    fn: 'DQAP',
    rc: 0x10,
    count: 1,
    irq: true,
    to: 'SETIRQ_WAIT',
    wait: 'LOW',
  },
  ...error('SETIRQ_WAIT', 'TAPQ', [1, 2, 3, 4, 5], { irq: true }),

  { from: 'IDLE', fn: 'NQAP', rc: 0, to: 'WORKING', wait: 'AGAIN' },
  { from: 'IDLE', fn: 'NQAP', rc: 0, count: 7, to: 'QUEUE_FULL', wait: 'HIGH' },
  { from: 'IDLE', fn: 'NQAP', rc: 0, count: 6, kernel: '6.1', to: 'QUEUE_FULL', wait: 'HIGH' },
  { from: 'IDLE', fn: 'NQAP', rc: 0, count: 7, flags: I, to: 'QUEUE_FULL', wait: 'INTERRUPT' },
  { from: 'IDLE', fn: 'NQAP', rc: 0x10, to: 'QUEUE_FULL', wait: 'HIGH' },
  { from: 'IDLE', fn: 'NQAP', rc: 0x10, flags: I, to: 'QUEUE_FULL', wait: 'INTERRUPT' },
  { from: 'IDLE', fn: 'NQAP', rc: 2, to: 'RESET_WAIT', wait: 'LOW' },
  { from: 'IDLE', fn: 'NQAP', rc: 0x42, to: 'IDLE', wait: 'AGAIN' },
  { from: 'IDLE', fn: 'NQAP', rc: 0x15, to: 'IDLE', wait: 'AGAIN' },
  { from: 'IDLE', fn: 'NQAP', rc: 0x16, to: 'IDLE', wait: 'AGAIN' },
  { from: 'IDLE', fn: 'NQAP', rc: 0x36, flags: A, to: 'IDLE', wait: 'NONE' },
  ...error('IDLE', 'NQAP', [1, 3, 4, 5, 9, 0x0b, 0x11, 0x13]),

  { from: 'QUEUE_FULL', fn: 'DQAP', rc: 0x10, count: 2, to: 'QUEUE_FULL', wait: 'HIGH' },
  {
    from: 'QUEUE_FULL',
    fn: 'DQAP',
    rc: 0x10,
    count: 2,
    flags: I,
    to: 'QUEUE_FULL',
    wait: 'INTERRUPT',
  },
  { from: 'QUEUE_FULL', fn: 'DQAP', rc: 0x10, count: 2, flags: E, to: 'IDLE', wait: 'NONE' },
  { from: 'QUEUE_FULL', fn: 'DQAP', rc: 0, count: 2, to: 'WORKING', wait: 'AGAIN' },
  { from: 'QUEUE_FULL', fn: 'DQAP', rc: 0, count: 1, to: 'WORKING', wait: 'AGAIN' },
  { from: 'QUEUE_FULL', fn: 'DQAP', rc: 0, count: 1, flags: E, to: 'IDLE', wait: 'NONE' },
  {
    from: 'QUEUE_FULL',
    fn: 'DQAP',
    rc: 0,
    count: 1,
    flags: E,
    irq: true,
    to: 'SETIRQ_WAIT',
    wait: 'AGAIN',
    after: 'AQIC',
  },
  {
    from: 'QUEUE_FULL',
    fn: 'DQAP',
    rc: 0,
    count: 1,
    flags: E | I,
    irq: true,
    to: 'IDLE',
    wait: 'NONE',
  },
  { from: 'QUEUE_FULL', fn: 'DQAP', rc: 0x35, count: 1, flags: A, to: 'QUEUE_FULL', wait: 'NONE' },
  ...error('QUEUE_FULL', 'DQAP', [1, 2, 3, 4, 5, 0x0b], { count: 1 }),

  { from: 'ASSOC_WAIT', fn: 'TAPQ', rc: 0, flags: E, to: 'IDLE', wait: 'AGAIN' },
  { from: 'ASSOC_WAIT', fn: 'TAPQ', rc: 5, to: 'IDLE', wait: 'AGAIN' },
  ...error('ASSOC_WAIT', 'TAPQ', [6, 0x0a, 0x31]),
  ...error('ASSOC_WAIT', 'TAPQ', [0x35, 0x36], { flags: A }),
];

/** A driver with all queues in IDLE, no message on its way. */
const idleDriver = (kernel: '6.1' | '6.12', irq: boolean) => {
  const machine = new FakeMachine({ facilities: irq ? [12, 15, 65] : [12, 15] });
  const args = { kernel, messages: 0, endWhenDone: false };
  const state = runDriver(machine, args, 1e9);
  const bus = busOf(machine, state, [loopback]);
  bus.limit = Number.MAX_SAFE_INTEGER;
  const queue = bus.queueOf.get(APQN)!;
  return { machine, state, bus, queue };
};

const title = (row: Row): string => {
  const flags =
    row.flags === undefined ? '' : ` ${(row.flags >>> 0).toString(16).padStart(8, '0')}`;
  return `${row.from}, ${row.fn} answers ${row.rc.toString(16).padStart(2, '0')}${flags}, ${row.count ?? 0} in flight${row.irq ? ', interruptions' : ''}, Linux ${row.kernel ?? '6.12'}: ${row.error ? 'ERROR' : row.to}, waits ${row.wait}`;
};

describe('a POLL event', () => {
  it.each(ROWS.map((row) => [title(row), row] as const))('%s', (_title, row) => {
    const { machine, bus, queue } = idleDriver(row.kernel ?? '6.12', row.irq ?? false);
    expect(queue.smState).toBe(s.SM_IDLE);
    if (row.fn === 'NQAP') {
      (queue.workload as { remaining: number }).remaining = 1;
      queue.finished = false;
      refill(bus, queue);
    }
    queue.smState = STATES.indexOf(row.from);
    queue.count = row.count ?? 0;
    const from = machine.records.length;
    machine.script = (name) =>
      name === row.fn ? { rc: row.rc, flags: row.flags ?? 0 } : { rc: 0, flags: E };
    const wait = pollOnce(bus, queue);
    const functions = machine.records.slice(from).map((record) => record.name);
    expect(functions).toEqual(row.after === undefined ? [row.fn] : [row.fn, row.after]);
    expect(STATES[queue.smState]).toBe(row.to);
    expect(WAITS[wait]).toBe(row.wait);
    expect(queue.devState).toBe(row.error ? s.DEV_ERROR : s.DEV_OPERATING);
    expect(queue.lastErrorRc).toBe(row.error ? row.rc : 0);
  });

  it.each([
    ['AQIC answers 07', 7, 'SETIRQ_WAIT'],
    ['AQIC answers 01', 1, 'IDLE'],
    ['AQIC answers 03', 3, 'IDLE'],
    ['AQIC answers 04', 4, 'IDLE'],
    ['AQIC answers 06', 6, 'IDLE'],
    ['AQIC answers 02', 2, 'IDLE'],
    ['AQIC answers 05', 5, 'IDLE'],
  ])('in RESET_WAIT: %s', (_title, code, to) => {
    const { machine, bus, queue } = idleDriver('6.12', true);
    queue.smState = s.SM_RESET_WAIT;
    machine.script = (name) => (name === 'AQIC' ? { rc: code } : { rc: 0, flags: E });
    expect(WAITS[pollOnce(bus, queue)]).toBe('AGAIN');
    expect(STATES[queue.smState]).toBe(to);
  });

  it.each([
    [2, 'NONE', true],
    [1, 'LOW', false],
    [3, 'NONE', true],
  ])('in ASSOC_WAIT with bind state %i waits %s', (bindState, wait, isError) => {
    const { machine, bus, queue } = idleDriver('6.12', false);
    queue.smState = s.SM_ASSOC_WAIT;
    queue.association = 7;
    machine.queues.get(APQN)!.infoHigh |= bindState << 14;
    expect(WAITS[pollOnce(bus, queue)]).toBe(wait);
    expect(queue.devState).toBe(isError ? s.DEV_ERROR : s.DEV_OPERATING);
    expect(queue.association).toBe(isError ? s.ASSOC_INVALID : 7);
  });

  it.each([
    ['deconfigured', { config: false }],
    ['checkstopped', { chkstop: true }],
    ['not initiated', { devState: s.DEV_UNINITIATED }],
  ])('does nothing on a queue that is %s', (_title, change) => {
    const { machine, bus, queue } = idleDriver('6.12', false);
    Object.assign(queue, change, { smState: s.SM_RESET_START });
    const before = machine.records.length;
    expect(WAITS[pollOnce(bus, queue)]).toBe('NONE');
    expect(machine.records.length).toBe(before);
  });
});

describe('a TIMEOUT event', () => {
  it.each([
    ['RESET_START', false],
    ['RESET_WAIT', false],
    ['SETIRQ_WAIT', false],
    ['IDLE', false],
    ['WORKING', true],
    ['QUEUE_FULL', true],
    ['ASSOC_WAIT', true],
  ])('in %s resets: %s', (from, resets) => {
    const { machine, bus, queue } = idleDriver('6.12', false);
    queue.smState = STATES.indexOf(from);
    const before = machine.records.length;
    timeoutEvent(bus, queue);
    expect(machine.records.slice(before).map((r) => r.name)).toEqual(resets ? ['RAPQ'] : []);
    expect(STATES[queue.smState]).toBe(resets ? 'RESET_WAIT' : from);
  });
});

describe('a message', () => {
  it('is sent again when the queue says it is empty while it is counted in flight', () => {
    const { machine, bus, queue } = idleDriver('6.12', false);
    (queue.workload as { remaining: number }).remaining = 1;
    queue.finished = false;
    refill(bus, queue);
    pollOnce(bus, queue);
    machine.queues.get(APQN)!.messages = [];
    pollOnce(bus, queue);
    expect(queue.statistics.resent).toBe(1);
    expect(machine.trace().slice(-3)).toEqual(['NQAP 05.0004', 'DQAP 05.0004', 'NQAP 05.0004']);
    pollOnce(bus, queue);
    expect(queue.statistics).toMatchObject({ sent: 2, answered: 1, unmatched: 0 });
  });

  it('with an unknown PSMID is counted and dropped', () => {
    const { machine, bus, queue } = idleDriver('6.12', false);
    queue.smState = s.SM_WORKING;
    queue.count = 1;
    const bytes = new Uint8Array(8);
    machine.queues.get(APQN)!.messages.push({ psmidHigh: 9, psmidLow: 9, bytes, ready: true });
    pollOnce(bus, queue);
    expect(queue.statistics).toMatchObject({ unmatched: 1, answered: 0 });
    expect(queue.count).toBe(0);
  });

  it('larger than the reply buffer is read to its end and fails with -EMSGSIZE', () => {
    const { machine, bus, queue } = idleDriver('6.12', false);
    (queue.workload as { remaining: number }).remaining = 1;
    queue.finished = false;
    refill(bus, queue);
    pollOnce(bus, queue);
    machine.queues.get(APQN)!.messages[0].bytes = new Uint8Array(30_000);
    pollOnce(bus, queue);
    expect(machine.trace().slice(-3)).toEqual(['DQAP 05.0004', 'DQAP 05.0004', 'DQAP 05.0004']);
    expect(machine.records.at(-1)!.gr0).toBe(0x01010504);
    expect(queue.statistics).toMatchObject({ tooLarge: 1, answered: 0, wrong: 0 });
    expect(queue.slots.freeCount).toBe(queue.slots.capacity);
  });

  it('that comes back changed counts as wrong', () => {
    const machine = new FakeMachine({ manual: true });
    const state = runDriver(machine, { messages: 1 }, () =>
      machine.records.some((r) => r.name === 'NQAP'),
    );
    const target = machine.records.find((r) => r.name === 'NQAP')!.apqn;
    machine.queues.get(target)!.messages[0].bytes[3] ^= 1;
    machine.finish(target);
    for (let i = 0; i < 100; i++) {
      for (const apqn of machine.queues.keys()) machine.finish(apqn);
      machine.now += 1e6;
      driver.step(machine, state);
    }
    const queue = state.queues.find((q) => q.apqn === target)!;
    expect(queue.statistics).toMatchObject({ wrong: 1, answered: 0 });
  });
});
