// SPDX-License-Identifier: Apache-2.0
// Start and scan of the reference AP bus driver: docs/reference/ap-architecture.md sections 5.2, 5.3 and 4.6.

import { pack, unpack } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { busOf } from '../../src/guest/ap-bus-driver/driver.ts';
import { forceScan } from '../../src/guest/ap-bus-driver/scan.ts';
import { writeSeAssociate, writeSeBind } from '../../src/guest/ap-bus-driver/secure-execution.ts';
import * as s from '../../src/guest/ap-bus-driver/state.ts';
import { loopback } from '../../src/guest/workloads/loopback.ts';
import { FakeMachine, type FakeOptions } from './fake-machine.ts';
import { advance, driver, runDriver } from './run-driver.ts';

const CCA = 0xf2000000 | 0;
const EP11 = 0x86000000 | 0;
const SECONDS = 1e9;

/** A driver without messages that has been running for a second. */
const running = (options: FakeOptions = {}, args: Record<string, unknown> = {}) => {
  const machine = new FakeMachine(options);
  const state = runDriver(machine, { messages: 0, endWhenDone: false, ...args }, SECONDS);
  const queue = (apqn: number) => state.queues.find((q) => q.apqn === apqn)!;
  const rescan = () => {
    const from = machine.records.length;
    const scans = state.scans;
    forceScan(state);
    while (state.scans === scans) driver.step(machine, state);
    const until = machine.now + SECONDS;
    advance(machine, state, until);
    return machine.trace().slice(from);
  };
  return { machine, state, queue, rescan };
};

describe('the start of the bus', () => {
  it('ends at once where AP instructions are not installed', () => {
    const machine = new FakeMachine();
    machine.script = () => ({ pgm: 1 });
    const state = runDriver(machine);
    expect(state).toMatchObject({ ended: true, apInstalled: false, crashed: '' });
    expect(machine.records.length).toBe(1);
  });

  it('probes APIDs up to 63 and APQIs up to 15 without QCI', () => {
    const { machine, state } = running({
      facilities: [15],
      domains: [4],
      adapters: { 5: { functions: CCA } },
    });
    expect(state).toMatchObject({ maxApid: 63, maxApqi: 15, defaultDomain: 4 });
    expect(machine.trace()).not.toContain('QCI');
    expect(state.queues.map((q) => q.apqn)).toEqual([0x0504]);
    expect(Math.max(...machine.records.map((r) => r.apqn))).toBe(0x3f0f);
  });

  it.each([
    ['without facility 15 and Linux 6.1 never asks for T', '6.1', '', false],
    [
      'without facility 15 and Linux 6.12 asks for T after a reset, and crashes',
      '6.12',
      'program interruption 0006',
      true,
    ],
  ] as const)('%s', (_title, kernel, crashed, asks) => {
    const machine = new FakeMachine({ facilities: [12] });
    machine.script = (name) =>
      name === 'TAPQ' && (machine.grLow(0) & 0x00800000) !== 0 ? { pgm: 6 } : undefined;
    const state = runDriver(machine, { kernel, messages: 1 });
    expect(state.crashed.startsWith(crashed)).toBe(true);
    expect(state.crashed !== '').toBe(asks);
    expect(state.ended).toBe(true);
  });

  it.each([
    [6, '6.1', ['cex4card']],
    [6, '6.12', []],
    [9, '6.12', []],
    [10, '6.12', ['cex4card']],
    [14, '6.12', ['cex4card']],
    [15, '6.12', []],
    [0, '6.1', []],
  ] as const)('type %i on Linux %s gives cards with drivers %j', (type, kernel, drivers) => {
    const { state } = running({ adapters: { 5: { functions: CCA, type } } }, { kernel });
    expect(state.cards.map((card) => card.driver)).toEqual(drivers);
  });

  it.each([
    ['a card of type 15 is used as what QACT says', 0, 14, ['cex4card']],
    ['a card of type 15 is not used when QACT says 9', 0, 9, []],
    ['a card of type 15 is not used when QACT fails', 5, 14, []],
  ])('%s', (_title, rc, type, drivers) => {
    const machine = new FakeMachine({
      qciFlags: 0xe0000000 | 0,
      adapters: { 5: { functions: CCA, type: 15 } },
    });
    machine.script = (name) => {
      if (name !== 'QACT') return undefined;
      machine.setGr(2, 0, type << 24);
      return { rc };
    };
    const state = runDriver(machine, { messages: 0 });
    expect(state.cards.map((card) => card.driver)).toEqual(drivers);
    expect(machine.records.find((r) => r.name === 'QACT')).toMatchObject({
      gr1High: 0x10000000,
      gr1Low: 0x0e000000,
    });
  });
});

describe('a later scan', () => {
  it('issues QCI and one TAPQ for each card and queue when nothing has changed', () => {
    expect(running().rescan()).toEqual([
      'QCI',
      'TAPQ 05.0004',
      'TAPQ 05.0004',
      'TAPQ 05.00ab',
      'TAPQ 06.0004',
      'TAPQ 06.0004',
      'TAPQ 06.00ab',
    ]);
  });

  it('comes every 30 seconds by itself', () => {
    const { machine, state } = running();
    advance(machine, state, 91 * SECONDS);
    expect(state.scans).toBe(4);
  });

  it('removes a card that has left the masks, with ZAPQ for its queues', () => {
    const { machine, state, rescan } = running();
    machine.removeAdapter(5);
    expect(rescan().slice(0, 3)).toEqual(['QCI', 'ZAPQ 05.0004', 'ZAPQ 05.00ab']);
    expect(state.cards.map((card) => card.apid)).toEqual([6]);
    expect(state.configChanges).toBeGreaterThan(0);
  });

  it('binds the queues of a card that has come, twice reset by Linux 6.12', () => {
    const { machine, queue, rescan } = running();
    machine.addAdapter(0x0a, { functions: EP11 });
    const own = rescan().filter((line) => line.endsWith('0a.0004'));
    expect(own).toEqual([
      'TAPQ 0a.0004',
      'TAPQ 0a.0004',
      'RAPQ 0a.0004',
      'TAPQ 0a.0004',
      'RAPQ 0a.0004',
      'TAPQ 0a.0004',
    ]);
    expect(queue(0x0a04)).toMatchObject({ driver: 'cex4queue', smState: s.SM_IDLE });
  });

  it('replaces a card whose facility word has changed', () => {
    const { machine, state, rescan } = running();
    for (const apqn of [0x0504, 0x05ab]) machine.queues.get(apqn)!.infoHigh = EP11;
    expect(rescan()).toContain('ZAPQ 05.0004');
    expect(state.cards.find((card) => card.apid === 5)!.infoHigh).toBe(EP11);
  });

  it('removes a queue that answers 01', () => {
    const { machine, state, rescan } = running();
    machine.queues.get(0x05ab)!.rc = 1;
    expect(rescan()).toContain('ZAPQ 05.00ab');
    expect(state.queues.map((q) => q.apqn)).toEqual([0x0504, 0x0604, 0x06ab]);
  });

  it.each([
    ['deconfigured', 3, { config: false }],
    ['checkstopped', 4, { chkstop: true }],
  ])('finds a queue %s, and restarts it when it is back', (_title, rc, flags) => {
    const { machine, queue, rescan } = running();
    machine.queues.get(0x0504)!.rc = rc;
    rescan();
    expect(queue(0x0504)).toMatchObject({ devState: s.DEV_ERROR, lastErrorRc: rc, ...flags });
    machine.queues.get(0x0504)!.rc = 0;
    expect(rescan()).toContain('RAPQ 05.0004');
    expect(queue(0x0504)).toMatchObject({
      devState: s.DEV_OPERATING,
      smState: s.SM_IDLE,
      config: true,
      chkstop: false,
    });
  });

  it('restarts a queue in ERROR and lets its messages be sent anew', () => {
    const machine = new FakeMachine();
    machine.script = (name, apqn) =>
      name === 'NQAP' && apqn === 0x0504 && machine.now < SECONDS ? { rc: 5 } : undefined;
    const state = runDriver(machine, { messages: 20 });
    const queue = state.queues.find((q) => q.apqn === 0x0504)!;
    expect(queue.statistics).toMatchObject({ answered: 20, wrong: 0 });
    expect(queue.statistics.errors).toBeGreaterThan(0);
    expect(queue.statistics.flushed).toBeGreaterThan(0);
    expect(machine.now).toBeGreaterThan(30 * SECONDS);
  });
});

describe('a request without a reply', () => {
  it.each([
    ['6.12', 'is sent again after the reset', 0],
    ['6.1', 'puts the queue in ERROR until the next scan flushes it', 1],
  ] as const)('for 900 s on Linux %s %s', (kernel, _title, errors) => {
    const machine = new FakeMachine({
      manual: true,
      facilities: [12, 15, 65],
      adapters: { 5: { functions: CCA } },
      domains: [4],
    });
    const state = runDriver(machine, { kernel, messages: 1 }, 899 * SECONDS);
    expect(machine.trace().filter((line) => line.startsWith('RAPQ')).length).toBe(
      kernel === '6.1' ? 1 : 2,
    );
    advance(machine, state, 935 * SECONDS, 1e6);
    expect(machine.trace().filter((line) => line.startsWith('RAPQ')).length).toBe(3);
    expect(state.queues[0].statistics).toMatchObject({
      errors,
      resent: 1,
      flushed: errors,
    });
  });
});

describe('interruptions', () => {
  it('are enabled with ISC 6 and one indicator byte for all queues', () => {
    const machine = new FakeMachine({ facilities: [12, 15, 65] });
    const state = runDriver(machine, { messages: 50 });
    const aqics = machine.records.filter((r) => r.name === 'AQIC');
    expect(aqics.length).toBe(4);
    expect(new Set(aqics.map((r) => r.gr2Low))).toEqual(new Set([state.nibAddress]));
    expect(aqics.every((r) => r.gr1High === 0x8000 && r.gr1Low === 6)).toBe(true);
    expect(state.queues.map((q) => q.statistics.answered)).toEqual([50, 50, 50, 50]);
  });

  it('make the driver clear the byte, then read; no timer is armed while it waits for one', () => {
    const machine = new FakeMachine({ facilities: [12, 15, 65], manual: true });
    const state = runDriver(machine, { messages: 8 }, SECONDS);
    expect(state.pollNs).toBe(0);
    const before = machine.records.length;
    const bytes: number[] = [];
    machine.script = () => {
      bytes.push(machine.storage[machine.nib]);
      return undefined;
    };
    machine.finish(0x0504);
    expect(machine.storage[machine.nib]).toBe(1);
    driver.step(machine, state);
    const reads = machine
      .trace()
      .slice(before)
      .filter((line) => line === 'DQAP 05.0004');
    expect(reads.length).toBe(8);
    expect(bytes[0]).toBe(0);
    expect(state.interruptions).toBe(1);
  });

  it('whose indicator byte is zero are taken and ignored', () => {
    const machine = new FakeMachine({ facilities: [12, 15, 65], manual: true });
    const state = runDriver(machine, { messages: 1 }, SECONDS);
    const before = machine.records.length;
    machine.pending = true;
    driver.step(machine, state);
    expect(machine.records.length).toBe(before);
  });

  it.each([
    ['AQIC answers 06', { 65: true }, 6],
    ['the guest has no facility 65', { 65: false }, 0],
  ])('are replaced by polling every 250 us when %s', (_title, has, rc) => {
    const machine = new FakeMachine({
      facilities: has[65] ? [12, 15, 65] : [12, 15],
      manual: true,
    });
    machine.script = (name) => (name === 'AQIC' ? { rc } : undefined);
    const state = runDriver(machine, { messages: 8 }, SECONDS);
    const wait = driver.step(machine, state);
    expect(wait - machine.now).toBeLessThanOrEqual(250_000);
    for (const apqn of machine.queues.keys()) machine.finish(apqn);
    machine.now = wait;
    driver.step(machine, state);
    expect(state.queues.reduce((n, q) => n + q.statistics.answered, 0)).toBe(32);
  });
});

describe('secure execution', () => {
  const secure = () => {
    const made = running({
      qciFlags: 0xc0800000 | 0,
      adapters: { 10: { functions: EP11 } },
      domains: [4],
    });
    const bus = busOf(made.machine, made.state, [loopback]);
    bus.limit = Number.MAX_SAFE_INTEGER;
    const target = made.machine.queues.get(0x0a04)!;
    const setBind = (state: number) => {
      target.infoHigh = EP11 | (state << 14);
    };
    return { ...made, bus, setBind, own: made.queue(0x0a04) };
  };

  it('binds with BAPQ, associates with AAPQ and waits until the queue is usable', () => {
    const { machine, bus, setBind, own } = secure();
    setBind(2);
    machine.script = (name) => {
      if (name === 'BAPQ') setBind(1);
      if (name === 'AAPQ') setBind(1);
      return undefined;
    };
    expect(writeSeBind(bus, own, true)).toBe('ok');
    expect(own.bindState).toBe(1);
    expect(writeSeAssociate(bus, own, 0x1234)).toBe('ok');
    expect(own).toMatchObject({ smState: s.SM_ASSOC_WAIT, association: 0x1234 });
    expect(machine.records.findLast((r) => r.name === 'AAPQ')!.gr2Low).toBe(0x1234);
  });

  it('unbinds with a flush and RAPQ with F, once', () => {
    const { machine, bus, own } = secure();
    expect(writeSeBind(bus, own, false)).toBe('ok');
    expect(machine.records.at(-1)).toMatchObject({ name: 'RAPQ', gr0: 0x01400a04 });
    expect(own.resetF).toBe(false);
  });

  it.each([
    ['bind a usable queue', 0, (b: never, q: never) => writeSeBind(b, q, true), 'EINVAL'],
    ['associate an unbound queue', 2, (b: never, q: never) => writeSeAssociate(b, q, 1), 'EINVAL'],
    [
      'associate with index 65536',
      1,
      (b: never, q: never) => writeSeAssociate(b, q, 0x10000),
      'EINVAL',
    ],
  ])('refuses to %s', (_title, bindState, write, errno) => {
    const { bus, setBind, own } = secure();
    setBind(bindState);
    expect(write(bus as never, own as never)).toBe(errno);
  });

  it('is not there without QCI flag B', () => {
    const { machine, state, queue } = running();
    expect(writeSeBind(busOf(machine, state, [loopback]), queue(0x0504), true)).toBe('EINVAL');
  });
});

describe('the state', () => {
  it('is plain data: a run saved and restored in the middle issues the same instructions', () => {
    const whole = new FakeMachine({ facilities: [12, 15, 65] });
    runDriver(whole, { messages: 100 });
    const parts = new FakeMachine({ facilities: [12, 15, 65] });
    let state = runDriver(parts, { messages: 100 }, () => parts.records.length > 40);
    for (let i = 0; i < 50 && !state.ended; i++) {
      state = unpack(pack(state));
      advance(parts, state, () => false, 1);
    }
    advance(parts, state);
    expect(state.ended).toBe(true);
    expect(parts.trace()).toEqual(whole.trace());
  });

  it('lets a step end after a few hundred instructions', () => {
    const domains = Array.from({ length: 64 }, (_, i) => i);
    const machine = new FakeMachine({ domains, storageBytes: 0x1000000 });
    const state = driver.init({ messages: 100 });
    let most = 0;
    for (let i = 0; i < 5000 && !state.ended; i++) {
      const before = machine.records.length;
      const wait = driver.step(machine, state);
      most = Math.max(most, machine.records.length - before);
      if (wait > 0) machine.now = Math.max(machine.now, wait);
    }
    expect(state.queues.reduce((n, q) => n + q.statistics.answered, 0)).toBe(128 * 100);
    expect(most).toBeLessThan(400);
  });

  it('leaves queues without a driver when guest storage does not suffice', () => {
    const machine = new FakeMachine({ storageBytes: 0x11000 + 2 * (12288 + 8 * 64) });
    const state = runDriver(machine, { messages: 3 });
    expect(state.queues.map((q) => q.driver !== '')).toEqual([true, true, false, false]);
  });
});
