// SPDX-License-Identifier: Apache-2.0
// A guest with the reference AP bus driver meets hot plug and unplug: at its next scan, with every message accounted for.
// Source: docs/reference/vfio-ap.md section 4.1 (masks first, then reset); ap-architecture.md section 5.3.

import { expect, it } from 'vitest';
import { STATUS_RC_MASK, STATUS_RC_SHIFT } from '../../native-like/arch/status-word.ts';
import { parseConfig } from '../../src/config/load.ts';
import { apSystemOf } from '../../src/guest/ap-bus-driver/lszcrypt.ts';
import type { ApBusState } from '../../src/guest/ap-bus-driver/state.ts';
import { totalStatistics } from '../../src/guest/ap-bus-driver/total-statistics.ts';
import { apBus } from '../../src/guest/programs.ts';
import { completed } from '../../src/host/api/results.ts';
import { Machine } from '../../src/host/machine/machine.ts';
import { rowsOf } from '../../src/s390-tools/lszcrypt-rows.ts';
import { DEFAULT_RELEASE, releaseOf } from '../../src/s390-tools/releases.ts';

const MS = 1_000_000;
const SECOND = 1000 * MS;
const LOOPBACK = 'mode: loopback, service: { model: fixed, time: 2ms, engines: 1 }';
const { config } = parseConfig(
  `apemu: 1
machine:
  profile: z16
  adapters:
    5: { ${LOOPBACK} }
    6: { ${LOOPBACK} }
  usageDomains: [4, 0xab]
  controlDomains: [4]
guests:
  Guest1:
    mdev: { adapters: [5, 6], domains: [4] }
    program: ap-bus
`,
  'hot-plug.yaml',
);

const RELEASE = releaseOf(DEFAULT_RELEASE);

const started = async () => {
  const machine = await Machine.create(config);
  machine.start('Guest1', 0, apBus, {
    workload: { name: 'loopback', messages: -1 },
    configTime: 5,
    endWhenDone: false,
  });
  const state = () => machine.stepper.programs[0]?.state as ApBusState;
  const until = (seconds: number): void =>
    machine.stepper.runPrograms(machine.nowNs() + seconds * SECOND);
  const cards = () => rowsOf(apSystemOf(state())!, RELEASE).map(({ id }) => id);
  const path = `/sys/devices/vfio_ap/matrix/${machine.guest('Guest1').uuid}`;
  return { machine, state, until, cards, path };
};

it('an unplugged adapter answers 01 at once, is empty and reset, and leaves the guest at its next scan', async () => {
  const { machine, state, until, cards, path } = await started();
  until(0.5);
  expect(cards()).toEqual(['05', '05.0004', '06', '06.0004']);
  const q = machine.partition.queue(0x0604);
  const masks: number[] = [];
  const zapq = machine.host.bus.partition.zapq.bind(machine.host.bus.partition);
  machine.host.bus.partition.zapq = (apqn) => {
    masks.push(machine.image.word(machine.image.masks(machine.guest('Guest1').number)));
    return zapq(apqn);
  };
  expect(machine.write(`${path}/unassign_adapter`, '6\n')).toBe('ok');
  // Bit 6 of the effective APM was gone when the queue was zeroized.
  expect(masks.map((word) => (word >>> 25) & 1)).toEqual([0]);
  expect(completed(machine.guest('Guest1').cpu(0).tapq('06.0004')).status.rc).toBe(1);
  machine.run();
  expect((machine.kernel.statusWithCode(q, 0) & STATUS_RC_MASK) >>> STATUS_RC_SHIFT).toBe(0);
  expect(machine.kernel.statusWithCode(q, 0) >>> 31).toBe(1);
  until(6);
  expect(cards()).toEqual(['05', '05.0004']);
  expect(state().crashed).toBe('');
  machine.close();
});

it('no message is lost silently: all sent ones are answered, flushed or still pending, before and after', async () => {
  const { machine, state, until, path } = await started();
  const account = () => {
    const { sent, answered, flushed, wrong, unmatched, resent } = totalStatistics(state());
    const pending = apSystemOf(state())!
      .cards.flatMap(({ queues }) => queues)
      .reduce((sum, queue) => sum + queue.pending, 0);
    return { open: sent - answered - flushed, pending, wrong, unmatched, resent };
  };
  until(0.5);
  for (let round = 0; round < 3; round++) {
    machine.write(`${path}/unassign_adapter`, '6\n');
    until(6);
    expect(account()).toMatchObject({ wrong: 0, unmatched: 0, resent: 0 });
    machine.write(`${path}/assign_adapter`, '6\n');
    until(6);
    const { open, pending, ...odd } = account();
    expect(odd).toEqual({ wrong: 0, unmatched: 0, resent: 0 });
    expect(open).toBeLessThanOrEqual(pending);
  }
  machine.close();
});

it('an adapter that is plugged appears at the next scan and is used', async () => {
  const { machine, until, cards, state, path } = await started();
  machine.write(`${path}/unassign_adapter`, '6\n');
  until(6);
  expect(cards()).toEqual(['05', '05.0004']);
  machine.write(`${path}/assign_adapter`, '6\n');
  until(6);
  expect(cards()).toEqual(['05', '05.0004', '06', '06.0004']);
  const requests = () => Number(apSystemOf(state())!.cards[1]?.queues[0]?.requests);
  const before = requests();
  until(1);
  expect(requests()).toBeGreaterThan(before);
  machine.close();
});
