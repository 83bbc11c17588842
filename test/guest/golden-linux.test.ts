// SPDX-License-Identifier: Apache-2.0
// The reference AP bus driver issues the instructions that stock kernels issued (test/golden/linux-guest).

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createApBusDriver } from '../../src/guest/ap-bus-driver/driver.ts';
import { WAIT_DONE, WAIT_NOTHING } from '../../src/guest/cpu.ts';
import { loopback } from '../../src/guest/workloads/loopback.ts';
import { apqnText, FakeMachine } from './fake-machine.ts';

const FILES = [
  { file: 'linux-6.1-polling', kernel: '6.1', irq: false },
  { file: 'linux-6.1-interrupts', kernel: '6.1', irq: true },
  { file: 'linux-6.12-polling', kernel: '6.12', irq: false },
  { file: 'linux-6.12-interrupts', kernel: '6.12', irq: true },
] as const;

// No pair of recording and queue differs. Not compared, because they depend on when the guest's timers fire and what its
// processes send: the TAPQ that waits for interruptions, as to its place among other queues, and all messages.

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

const driven = (kernel: '6.1' | '6.12', irq: boolean): Step[] => {
  const machine = new FakeMachine({ facilities: irq ? [12, 15, 65] : [12, 15] });
  const driver = createApBusDriver([loopback]);
  const state = driver.init({ kernel, messages: 3, minLength: 100, maxLength: 100 });
  for (let i = 0; i < 10_000; i++) {
    const wait = driver.step(machine, state);
    if (wait === WAIT_DONE) break;
    if (wait !== WAIT_NOTHING && !machine.pending) machine.now = Math.max(machine.now + 1, wait);
  }
  expect(state.crashed).toBe('');
  expect(state.retired.answered + state.queues.reduce((n, q) => n + q.statistics.answered, 0)).toBe(
    12,
  );
  return machine.records.map((r) => step(r.name, r.gr0, r.gr1High, r.gr1Low));
};

/** What one queue sees up to its first NQAP; all of it where there is none. */
const upToFirstNqap = (steps: Step[], apqn: number): string[] => {
  const own = steps.filter((s) => s.apqn === apqn);
  const end = own.findIndex((s) => s.name === 'NQAP');
  return own.slice(0, end < 0 ? undefined : end).map((s) => s.text);
};

/** Scan phase: everything before the first reset that follows a scan's last test; here: up to the last new queue. */
const scanPhase = (steps: Step[], queues: readonly number[]): string[] => {
  const resets = new Set<number>();
  const end = steps.findIndex((s) => {
    if (s.name !== 'RAPQ') return false;
    resets.add(s.apqn);
    return resets.size === queues.length;
  });
  const first = steps.findIndex((s) => s.name === 'RAPQ');
  // 6.12 resets inside the scan, so its scan ends with the fourth queue's reset; 6.1's ends before the first one.
  return steps
    .slice(0, steps[first + 1]!.text.startsWith('TAPQ T') ? end + 1 : first)
    .map((s) => s.text);
};

/** Reset phase: after the scan, resets with the tests that wait for them and the AQIC that follows; no messages. */
const resetPhase = (steps: Step[], from: number): string[] => {
  const phase: string[] = [];
  const waits = new Set<number>();
  for (const s of steps.slice(from)) {
    if (s.name === 'RAPQ') waits.add(s.apqn);
    if (s.name === 'TAPQ' && !waits.delete(s.apqn)) continue;
    if (s.name === 'NQAP' || s.name === 'DQAP') continue;
    phase.push(s.text);
  }
  return phase;
};

describe('the reference AP bus driver against recordings of stock kernels', () => {
  for (const { file, kernel, irq } of FILES) {
    const linux = recorded(file);
    const queues = [...new Set(linux.map((s) => s.apqn))].filter((apqn) => apqn > 0);

    it(`${file}: the recording holds the four queues of its machine`, () => {
      expect(queues.map(apqnText)).toEqual(['05.0004', '05.00ab', '06.0004', '06.00ab']);
    });

    it.each(queues.map((apqn) => [apqnText(apqn), apqn] as const))(
      `${file}: %s sees the same instructions up to its first NQAP`,
      (_text, apqn) => {
        expect(upToFirstNqap(driven(kernel, irq), apqn)).toEqual(upToFirstNqap(linux, apqn));
      },
    );

    it(`${file}: the scan issues the same instructions in the same order`, () => {
      const ours = scanPhase(driven(kernel, irq), queues);
      expect(ours.length).toBeGreaterThan(9);
      expect(ours).toEqual(scanPhase(linux, queues));
    });

    it(`${file}: the resets after the scan come in the same order`, () => {
      const ours = driven(kernel, irq);
      const phase = resetPhase(ours, scanPhase(ours, queues).length);
      expect(phase.length).toBe(irq ? 12 : 8);
      expect(phase).toEqual(resetPhase(linux, scanPhase(linux, queues).length));
    });
  }
});
