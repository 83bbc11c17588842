// SPDX-License-Identifier: Apache-2.0
// The built-in guest programs and workloads, by name, their arguments and what they do.

import { pack, unpack } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import type { ApBusState } from '../../src/guest/ap-bus-driver/state.ts';
import {
  bucketStartNs,
  LATENCY_BUCKETS,
  latencyBucket,
  latencyPercentileNs,
} from '../../src/guest/ap-bus-driver/statistics.ts';
import { apCpuOf } from '../../src/guest/ap-cpu.ts';
import type { ExchangeState } from '../../src/guest/built-in/exchange.ts';
import { type GuestProgram, WAIT_DONE, WAIT_INTERRUPTION } from '../../src/guest/cpu.ts';
import { rapq } from '../../src/guest/instructions.ts';
import { builtInProgram, PROGRAMS, WORKLOADS } from '../../src/guest/programs.ts';
import { sameStorage } from '../../src/guest/workloads/compare.ts';
import { NO_MORE_MESSAGES } from '../../src/guest/workloads/workload.ts';
import { ask, card } from '../cex/helpers.ts';
import { CoreMachine } from './core-machine.ts';
import { FakeMachine } from './fake-machine.ts';

/** A queue of the core machine. */
const APQN = 0x0504;

const program = (name: string): GuestProgram => builtInProgram(name)!;

/** Steps until the program ends; the state is packed and unpacked on the way. */
const runProgram = (name: string, args: Record<string, unknown>, machine = new FakeMachine()) => {
  let state = program(name).init(args);
  for (let i = 0; i < 200_000; i++) {
    const wait = program(name).step(machine, state);
    if (wait === WAIT_DONE) return { machine, state, steps: i + 1 };
    if (wait > 0) machine.now = Math.max(machine.now + 1, wait);
    if (i === 2) state = unpack(pack(state));
  }
  return { machine, state, steps: Infinity };
};

describe('exchange', () => {
  it('sets its queue up again when the host has reset it right after AQIC, which is forgotten then', async () => {
    const machine = await CoreMachine.create([12, 15, 65]);
    const exchange = program('exchange');
    const state = exchange.init({ messages: 10, queues: [APQN] }) as ExchangeState;
    let wasReset = false;
    for (let n = 0; n < 1_000_000; n++) {
      const wait = exchange.step(machine, state);
      if (wait === WAIT_DONE) break;
      if (wait > 0) machine.advanceTo(wait);
      if (state.phase !== 'enabling' || wasReset) continue;
      rapq(apCpuOf(machine), APQN);
      wasReset = true;
    }
    expect([wasReset, state.queues[0]?.answered]).toEqual([true, 10]);
  });
});

describe('the registry', () => {
  it('knows the programs by name and nothing else', () => {
    expect(PROGRAMS.map((row) => row.program.name)).toEqual([
      'ap-bus',
      'idle',
      'hammer',
      'exchange',
      'tapq',
    ]);
    expect(builtInProgram('ap_bus')).toBeUndefined();
  });

  it('knows the workloads by name', () => {
    expect(WORKLOADS.map((w) => w.name)).toEqual(['loopback', 'rsa-2048-crt', 'rng', 'mixed']);
  });
});

describe('the arguments', () => {
  it.each([
    ['ap-bus', { kernel: '5.4' }, /kernel must be 6.1 or 6.12, not 5.4/],
    ['ap-bus', { configTime: 4 }, /configTime must be an integer from 5 to 120, not 4/],
    ['ap-bus', { useIrq: 'no' }, /useIrq must be true or false, not no/],
    ['ap-bus', { workload: 7 }, /workload must be a name or a mapping with a name, not 7/],
    ['ap-bus', { outstanding: 0 }, /outstanding must be an integer from 1/],
    ['hammer', { bytes: 0 }, /bytes must be an integer from 1/],
    ['tapq', { apqn: 65536 }, /apqn must be an integer from -1 to 65535/],
  ])('of %s: %j is refused', (name, args, message) => {
    expect(() => program(name).init(args)).toThrowError(message);
  });

  it.each([
    [{ workload: 'rsa' }, /no workload "rsa"; there are loopback, /],
    [{ messages: 1.5 }, /loopback: messages must be an integer/],
    [{ minLength: 0 }, /loopback: minLength must be an integer from 1/],
    [{ minLength: 10, maxLength: 9 }, /loopback: maxLength must be at least 10, not 9/],
  ])('%j is refused when the workload starts', (args, message) => {
    expect(() => runProgram('ap-bus', args)).toThrowError(message);
  });

  it('take a kernel that YAML has read as a number, and a workload mapping', () => {
    const workload = {
      name: 'loopback',
      messages: 5,
      minLength: 8,
      maxLength: 300,
      outstanding: 2,
    };
    const { state } = runProgram('ap-bus', { kernel: 6.1, workload });
    const { queues, kernel } = state as ApBusState;
    expect(kernel).toBe('6.1');
    expect(queues.map((q) => q.statistics.answered)).toEqual([5, 5, 5, 5]);
    expect(queues.map((q) => q.slots.capacity)).toEqual([2, 2, 2, 2]);
  });

  it('name a guest whose storage is too small', () => {
    expect(() => runProgram('ap-bus', {}, new FakeMachine({ storageBytes: 0x10000 }))).toThrowError(
      /ap-bus needs guest memory up to 11000/,
    );
  });
});

describe('ap-bus', () => {
  it('exchanges one message with one NQAP and one DQAP where replies are ready at once', () => {
    const { machine } = runProgram('ap-bus', { messages: 1000 });
    const count = (name: string): number => machine.records.filter((r) => r.name === name).length;
    expect(count('NQAP')).toBe(4000);
    expect(count('DQAP')).toBe(4000);
  });

  it.each([1, 7, 8, 9, 64, 4096, 12288, 20000])('compares replies of %i bytes', (bytes) => {
    const args = { messages: 20, minLength: bytes, maxLength: bytes };
    const { state, machine } = runProgram('ap-bus', args);
    expect((state as ApBusState).queues.map((q) => q.statistics.answered)).toEqual([
      20, 20, 20, 20,
    ]);
    expect(machine.records.some((r) => r.name === 'NQAP')).toBe(true);
  });

  it.each([
    [12, 15],
    [12, 15, 65],
  ])('with the real core exchanges everything (facilities %j ...)', async (...facilities) => {
    const core = await CoreMachine.create(facilities, 50_000);
    const apBus = program('ap-bus') as GuestProgram<ApBusState>;
    const state = apBus.init({ messages: 200, maxLength: 3000, useIrq: false });
    for (let i = 0; i < 20_000; i++) {
      const wait = apBus.step(core, state);
      if (wait === WAIT_DONE) break;
      core.advanceTo(wait);
    }
    expect(state.queues.map((q) => q.statistics.answered)).toEqual([200, 200, 200, 200]);
    for (const queue of state.queues) {
      expect(latencyPercentileNs(queue.statistics.latency, 50)).toBeGreaterThan(50_000);
    }
  });
});

describe('an open loop', () => {
  const run = (args: Record<string, unknown>, machine = new FakeMachine()) => {
    const { state } = runProgram('ap-bus', { messages: 250, ...args }, machine);
    return { state: state as ApBusState, machine };
  };

  it('sends at its rate, in turns over the queues, and ends', () => {
    const { state, machine } = run({ ratePerSecond: 1000 });
    const times = machine.sendTimes;
    expect(state.queues.map((q) => q.statistics.answered)).toEqual([250, 250, 250, 250]);
    const span = ((times.at(-1) ?? 0) - times[0]) / 1e9;
    expect(span).toBeGreaterThan(0.95);
    expect(span).toBeLessThan(1.05);
    expect(state.overrun).toBe(0);
  });

  it('with Poisson arrivals has the same mean and the same times for the same seed', () => {
    const [a, b, c] = [1, 1, 2].map(
      (seed) => run({ ratePerSecond: 1000, arrivals: 'poisson', seed }).machine.sendTimes,
    );
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
    const span = ((a?.at(-1) ?? 0) - (a?.[0] ?? 0)) / 1e9;
    expect(span).toBeGreaterThan(0.9);
    expect(span).toBeLessThan(1.1);
  });

  it('counts latency from the arrival: what waits for a place is slow', () => {
    const machine = new FakeMachine({ manual: true });
    const program = builtInProgram('ap-bus') as GuestProgram<ApBusState>;
    const state = program.init({ messages: 20, ratePerSecond: 10_000, outstanding: 1 });
    for (let i = 0; i < 20_000; i++) {
      const wait = program.step(machine, state);
      if (wait === WAIT_DONE) break;
      machine.now = Math.max(machine.now + 1, wait);
      if (i % 16 === 0) for (const apqn of machine.queues.keys()) machine.finish(apqn);
    }
    expect(state.ended).toBe(true);
    const { latency } = state.queues[0].statistics;
    expect(latencyPercentileNs(latency, 99)).toBeGreaterThan(4 * latencyPercentileNs(latency, 1));
  });

  it.each([0, -1, Number.NaN, 'fast'])('refuses a rate of %s', (ratePerSecond) => {
    expect(() => run({ ratePerSecond })).toThrowError(/ratePerSecond must be a number above 0/);
  });
});

describe('comparing storage', () => {
  it.each([1, 3, 4, 63, 64, 255, 256, 257, 4000])(
    '%i bytes: equal, and unequal in any byte',
    (length) => {
      const backing = new Uint8Array(0x4004);
      for (const [storage, a, b] of [
        [backing.subarray(4), 0x100, 0x2000],
        [backing.subarray(4), 0x101, 0x2002],
        [backing.subarray(3), 0x100, 0x2000],
      ] as const) {
        for (let i = 0; i < length; i++) storage[a + i] = storage[b + i] = i & 0xff;
        expect(sameStorage(storage, a, b, length)).toBe(true);
        for (const at of [0, length >> 1, length - 1]) {
          storage[b + at] ^= 1;
          expect(sameStorage(storage, a, b, length)).toBe(false);
          storage[b + at] ^= 1;
        }
      }
    },
  );
});

describe('hammer', () => {
  it('moves its messages and ends', () => {
    const { state } = runProgram('hammer', { messages: 500, bytes: 64 });
    const { queues } = state as { queues: { sent: number; received: number; errors: number }[] };
    expect(queues.map((q) => [q.sent, q.received, q.errors])).toEqual(Array(4).fill([500, 500, 0]));
  });

  it('ends at once where there is no queue', () => {
    expect(runProgram('hammer', {}, new FakeMachine({ adapters: {} })).steps).toBe(1);
  });
});

describe('tapq and idle', () => {
  it('tapq executes what was asked for, on every queue in turn', () => {
    const { machine } = runProgram('tapq', { count: 1000 });
    expect(machine.records.filter((r) => r.name === 'TAPQ').length).toBe(1004);
    expect(machine.trace().slice(-2)).toEqual(['TAPQ 06.0004', 'TAPQ 06.00ab']);
  });

  it('idle takes interruptions and waits for more', () => {
    const machine = new FakeMachine();
    const state = program('idle').init({});
    machine.pending = true;
    expect(program('idle').step(machine, state)).toBe(WAIT_INTERRUPTION);
    expect([machine.pending, state]).toEqual([false, { interruptions: 1 }]);
  });
});

describe('the card workloads', () => {
  it.each([
    ['rsa-2048-crt', 0xea000000 | 0, true],
    ['rsa-2048-crt', 0xf2000000 | 0, true],
    ['rsa-2048-crt', 0x86000000 | 0, false],
    ['rng', 0xf2000000 | 0, true],
    ['rng', 0xea000000 | 0, false],
    ['mixed', 0x86000000 | 0, true],
  ])('%s on a card with facilities %i sends: %s', (name, functions, sends) => {
    const workload = WORKLOADS.find((w) => w.name === name)!;
    const queue = { apqn: 0x0504, type: 14, functions, maxMessageBytes: 12288, limit: 8 };
    const state = workload.init({ messages: 3, jobs: 2 }, queue);
    const storage = new Uint8Array(0x4000);
    const length = workload.next(state, storage, 64);
    expect(length > 0).toBe(sends);
    if (!sends) expect(length).toBe(NO_MORE_MESSAGES);
    expect(length).toBeLessThanOrEqual(workload.requestBytes(state, queue));
    expect(pack(unpack(pack(state)))).toEqual(pack(state));
    // A request is not an answer to itself.
    if (sends) expect(workload.check(state, storage, 64, length, 64, length)).toBe(false);
  });
});

describe('a card workload against a card', () => {
  it.each([
    ['rsa-2048-crt', 'accelerator'],
    ['rsa-2048-crt', 'cca'],
    ['rng', 'cca'],
    ['mixed', 'accelerator'],
    ['mixed', 'cca'],
    ['mixed', 'ep11'],
  ] as const)('%s on %s: every right reply is accepted, a spoiled one is not', (name, mode) => {
    const workload = WORKLOADS.find((w) => w.name === name)!;
    const adapter = card(mode);
    const { functions } = adapter;
    const queue = {
      apqn: 0x0504,
      type: 14,
      functions: functions | 0,
      maxMessageBytes: 12288,
      limit: 8,
    };
    const state = workload.init({ messages: 20 }, queue);
    const storage = new Uint8Array(0x10000);
    for (let i = 0; i < 20; i++) {
      const length = workload.next(state, storage, 64);
      const reply = ask(adapter, storage.slice(64, 64 + length));
      storage.set(reply, 0x8000);
      expect(workload.check(state, storage, 64, length, 0x8000, reply.length)).toBe(true);
      storage[0x8001] = 0x82;
      expect(workload.check(state, storage, 64, length, 0x8000, reply.length)).toBe(false);
    }
    expect(workload.next(state, storage, 64)).toBe(NO_MORE_MESSAGES);
  });
});

describe('the latency histogram', () => {
  it.each([0, 1, 7, 8, 9, 15, 16, 17, 1000, 250_000, 2 ** 30 - 1, 2 ** 30, 2 ** 31 + 5, 9e11])(
    'puts %i ns into a bucket that holds it and is at most an eighth wide',
    (ns) => {
      const bucket = latencyBucket(ns);
      const [low, high] = [bucketStartNs(bucket), bucketStartNs(bucket + 1)];
      expect(low).toBeLessThanOrEqual(ns);
      expect(high).toBeGreaterThan(ns);
      expect(high - low).toBeLessThanOrEqual(Math.max(1, low / 8));
    },
  );

  it('has a last bucket for what is longer than it knows, and a percentile of 0 without messages', () => {
    expect(latencyBucket(1e18)).toBe(LATENCY_BUCKETS - 1);
    expect(latencyPercentileNs(new Array(LATENCY_BUCKETS).fill(0), 50)).toBe(0);
  });

  it('gives percentiles as upper edges', () => {
    const latency = new Array(LATENCY_BUCKETS).fill(0);
    for (const ns of [100, 100, 100, 5000]) latency[latencyBucket(ns)]++;
    expect(latencyPercentileNs(latency, 50)).toBe(bucketStartNs(latencyBucket(100) + 1));
    expect(latencyPercentileNs(latency, 100)).toBe(bucketStartNs(latencyBucket(5000) + 1));
  });
});
