// SPDX-License-Identifier: Apache-2.0
// Runs the reference driver on the fake machine: a virtual clock that jumps to what the driver waits for.

import { createApBusDriver } from '../../src/guest/ap-bus-driver/driver.ts';
import type { ApBusState } from '../../src/guest/ap-bus-driver/state.ts';
import { WAIT_DONE, WAIT_NOTHING } from '../../src/guest/cpu.ts';
import { loopback } from '../../src/guest/workloads/loopback.ts';
import type { FakeMachine } from './fake-machine.ts';

export const driver = createApBusDriver([loopback]);

/** Steps until the driver has ended, `until` says so, or `steps` are over. Returns the state. */
export const advance = (
  machine: FakeMachine,
  state: ApBusState,
  until: () => boolean = () => false,
  steps = 20_000,
): ApBusState => {
  for (let i = 0; i < steps && !until(); i++) {
    const wait = driver.step(machine, state);
    if (wait === WAIT_DONE) break;
    if (wait !== WAIT_NOTHING && !machine.pending) machine.now = Math.max(machine.now + 1, wait);
  }
  return state;
};

/** Makes a driver with arguments and runs it. */
export const runDriver = (
  machine: FakeMachine,
  args: Record<string, unknown> = {},
  until?: () => boolean,
): ApBusState => advance(machine, driver.init(args), until);
