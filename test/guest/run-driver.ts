// SPDX-License-Identifier: Apache-2.0
// Runs the reference driver on the fake machine: a virtual clock that jumps to what the driver waits for.

import { createApBusDriver } from '../../src/guest/ap-bus-driver/driver.ts';
import type { ApBusState } from '../../src/guest/ap-bus-driver/state.ts';
import { WAIT_DONE, WAIT_NOTHING } from '../../src/guest/cpu.ts';
import { loopback } from '../../src/guest/workloads/loopback.ts';
import type { FakeMachine } from './fake-machine.ts';

export const driver = createApBusDriver([loopback]);

/**
 * Steps until the driver has ended or the end is reached: a guest time in nanoseconds, or a condition that is tested before
 * each step. Time never passes a given end. Returns the state.
 */
export const advance = (
  machine: FakeMachine,
  state: ApBusState,
  end: number | (() => boolean) = Infinity,
  steps = 20_000,
): ApBusState => {
  const over = typeof end === 'number' ? () => machine.now >= end : end;
  const latest = typeof end === 'number' ? end : Infinity;
  for (let i = 0; i < steps && !over(); i++) {
    const wait = driver.step(machine, state);
    if (wait === WAIT_DONE) break;
    if (wait !== WAIT_NOTHING && !machine.pending) {
      machine.now = Math.min(latest, Math.max(machine.now + 1, wait));
    }
  }
  return state;
};

/** Makes a driver with arguments and runs it. */
export const runDriver = (
  machine: FakeMachine,
  args: Record<string, unknown> = {},
  end?: number | (() => boolean),
): ApBusState => advance(machine, driver.init(args), end);
