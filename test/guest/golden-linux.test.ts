// SPDX-License-Identifier: Apache-2.0
// The reference AP bus driver issues the instructions that stock kernels issued (test/golden/linux-guest).

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FUNCTION_CODES } from '../../native-like/arch/function-codes.ts';
import { OPCODE_DQAP, OPCODE_NQAP } from '../../native-like/arch/instructions.ts';
import { createApBusDriver } from '../../src/guest/ap-bus-driver/driver.ts';
import { type Cpu, WAIT_DONE, WAIT_NOTHING } from '../../src/guest/cpu.ts';
import { loopback } from '../../src/guest/workloads/loopback.ts';
import { CoreMachine } from './core-machine.ts';
import { apqnText, FakeMachine } from './fake-machine.ts';

const FILES = [
  { file: 'linux-6.1-polling', kernel: '6.1', irq: false },
  { file: 'linux-6.1-interrupts', kernel: '6.1', irq: true },
  { file: 'linux-6.12-polling', kernel: '6.12', irq: false },
  { file: 'linux-6.12-interrupts', kernel: '6.12', irq: true },
] as const;

// No pair of recording and queue differs. Not compared, because they depend on when the guest's timers fire and what its
// processes send: the TAPQ that waits for interruptions, as to its place among other queues, and all messages.

const QUEUES = [0x0504, 0x05ab, 0x0604, 0x06ab];

interface Step {
  readonly name: string;
  readonly apqn: number;
  readonly text: string;
}

const PQAP_NAME = /^PQAP\./;

/** One instruction as both sides are compared: function, T bit, queue; for AQIC also the control word. */
const step = (name: string, gr0: number, gr1High: number, gr1Low: number): Step => {
  const apqn = gr0 & 0xffff;
  if (name === 'QCI') return { name, apqn: -1, text: name };
  const t = name === 'TAPQ' && (gr0 & 0x00800000) !== 0 ? ' T' : '';
  const hex = (n: number): string => (n >>> 0).toString(16).padStart(8, '0');
  const control = name === 'AQIC' ? ` ${hex(gr1High)}${hex(gr1Low)}` : '';
  return { name, apqn, text: `${name}${t} ${apqnText(apqn)}${control}` };
};

const recorded = (file: string): Step[] => {
  const text = readFileSync(
    new URL(`../golden/linux-guest/${file}.jsonl`, import.meta.url),
    'utf8',
  );
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { name, in: before } = JSON.parse(line);
      const half = (register: string, at: number): number =>
        Number.parseInt(register.slice(at, at + 8), 16) | 0;
      return step(
        name.replace(PQAP_NAME, ''),
        half(before.gr0, 8),
        half(before.gr1, 0),
        half(before.gr1, 8),
      );
    });
};

/** A machine the driver runs on, and how its time is moved. */
interface Driven {
  readonly cpu: Cpu;
  advanceTo(ns: number): void;
}

const MACHINES: Readonly<Record<string, (facilities: number[]) => Promise<Driven>>> = {
  'the fake machine': async (facilities) => {
    const machine = new FakeMachine({ facilities });
    return {
      cpu: machine,
      advanceTo(ns) {
        if (!machine.pending) machine.now = Math.max(machine.now + 1, ns);
      },
    };
  },
  'the real core': async (facilities) => {
    const machine = await CoreMachine.create(facilities);
    return { cpu: machine, advanceTo: (ns) => machine.advanceTo(ns) };
  },
};

/** The CPU, with every instruction noted before it is executed. */
const recording = (cpu: Cpu, steps: Step[]): Cpu =>
  new Proxy(cpu, {
    get(target, key) {
      if (key === 'execute') {
        return (instruction: number): number => {
          const opcode = instruction >>> 16;
          const gr0 = target.grLow(0);
          const pqap = FUNCTION_CODES[gr0 >>> 24]?.name ?? '';
          const name = opcode === OPCODE_NQAP ? 'NQAP' : opcode === OPCODE_DQAP ? 'DQAP' : pqap;
          steps.push(step(name, gr0, target.grHigh(1), target.grLow(1)));
          return target.execute(instruction);
        };
      }
      const member = Reflect.get(target, key);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });

const driven = async (machine: string, kernel: '6.1' | '6.12', irq: boolean): Promise<Step[]> => {
  const { cpu, advanceTo } = await MACHINES[machine](irq ? [12, 15, 65] : [12, 15]);
  const driver = createApBusDriver([loopback]);
  const state = driver.init({ kernel, messages: 3, minLength: 100, maxLength: 100 });
  const steps: Step[] = [];
  const recorder = recording(cpu, steps);
  for (let i = 0; i < 10_000; i++) {
    const wait = driver.step(recorder, state);
    if (wait === WAIT_DONE) break;
    if (wait !== WAIT_NOTHING) advanceTo(wait);
  }
  expect(state.crashed).toBe('');
  expect(state.queues.map((q) => q.statistics.answered)).toEqual([3, 3, 3, 3]);
  return steps;
};

/** What one queue sees up to its first NQAP; all of it where there is none. */
const upToFirstNqap = (steps: Step[], apqn: number): string[] => {
  const own = steps.filter((s) => s.apqn === apqn);
  const end = own.findIndex((s) => s.name === 'NQAP');
  return own.slice(0, end < 0 ? undefined : end).map((s) => s.text);
};

/**
 * Where the scan ends. 6.1 does not reset in the scan, so it ends at the first RAPQ; 6.12 resets each new queue in it, so it
 * ends behind the first RAPQ of the last queue. Told apart by what follows the first RAPQ: in 6.12 the test of the next queue.
 */
const scanEnd = (steps: Step[]): number => {
  const first = steps.findIndex((s) => s.name === 'RAPQ');
  if (steps[first + 1].apqn === steps[first].apqn) return first;
  return steps.findIndex((s) => s.name === 'RAPQ' && s.apqn === QUEUES.at(-1)) + 1;
};

const scanPhase = (steps: Step[]): string[] => steps.slice(0, scanEnd(steps)).map((s) => s.text);

/** Reset phase: after the scan, resets with the tests that wait for them and the AQIC that follows; no messages. */
const resetPhase = (steps: Step[]): string[] => {
  const phase: string[] = [];
  const waits = new Set<number>();
  for (const s of steps.slice(scanEnd(steps))) {
    if (s.name === 'RAPQ') waits.add(s.apqn);
    if (s.name === 'TAPQ' && !waits.delete(s.apqn)) continue;
    if (s.name === 'NQAP' || s.name === 'DQAP') continue;
    phase.push(s.text);
  }
  return phase;
};

const queuesOf = (steps: Step[]): number[] =>
  [...new Set(steps.map((s) => s.apqn))].filter((apqn) => apqn > 0);

const CASES = Object.keys(MACHINES).flatMap((machine) => FILES.map((row) => ({ ...row, machine })));

describe('the reference AP bus driver against recordings of stock kernels', () => {
  it.each(FILES)('$file holds the four queues of its machine', ({ file }) => {
    expect(queuesOf(recorded(file)).map(apqnText)).toEqual(QUEUES.map(apqnText));
  });

  it.each(CASES.flatMap((row) => QUEUES.map((apqn) => ({ ...row, apqn, queue: apqnText(apqn) }))))(
    '$file: on $machine $queue sees the same instructions up to its first NQAP',
    async (row) => {
      const ours = upToFirstNqap(await driven(row.machine, row.kernel, row.irq), row.apqn);
      expect(ours.length).toBeGreaterThan(2);
      expect(ours).toEqual(upToFirstNqap(recorded(row.file), row.apqn));
    },
  );

  it.each(CASES)('$file: on $machine the scan is the same, in order', async (row) => {
    const ours = scanPhase(await driven(row.machine, row.kernel, row.irq));
    expect(ours.length).toBeGreaterThan(9);
    expect(ours).toEqual(scanPhase(recorded(row.file)));
  });

  it.each(CASES)(
    '$file: on $machine the resets after the scan are the same, in order',
    async (row) => {
      const ours = resetPhase(await driven(row.machine, row.kernel, row.irq));
      const linux = resetPhase(recorded(row.file));
      expect(ours.length).toBe(row.irq ? 12 : 8);
      expect(ours).toEqual(linux);
    },
  );
});
