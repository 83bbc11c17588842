// SPDX-License-Identifier: Apache-2.0
// How long a kernel under test is watched: who sends messages is seen to come to an end, or not to, however few there are in a second.
import { expect, it } from 'vitest';
import { GuestTime } from '../../src/kernel-fuzz/guest-time.ts';
import type { KernelGuest } from '../../src/kernel-fuzz/kernel-guest.ts';
import type { ScenarioRun } from '../../src/scenario/scenario-run.ts';
import { NS_PER_SECOND } from '../../src/units.ts';

/** A guest that waits, and sends a message in each step of its clock until `sendsNs`. Its clock moves when it is moved. */
const guestThatSends = (sendsNs: number) => {
  let ns = 0;
  const service = { nqaps: 0, messages: 0, lastMs: 0, pendingIsc: () => -1 };
  const guest = {
    machine: { nowNs: () => ns, stepper: { upcomingNs: () => Number.POSITIVE_INFINITY } },
    service,
    agent: { calls: 0 },
    alive: true,
    delivering: false,
    skip: (by: number) => {
      ns += by;
      if (ns > sendsNs) return Promise.resolve(by);
      service.nqaps++;
      service.messages++;
      // Something has come from it, so that the next step is a small one.
      service.lastMs += 1e-6;
      return Promise.resolve(by);
    },
  };
  const scenario = { idle: () => false, nextNs: () => Number.POSITIVE_INFINITY };
  const time = new GuestTime(
    guest as unknown as KernelGuest,
    scenario as unknown as ScenarioRun,
    () => 0,
  );
  return { time, service, now: () => ns };
};
const never = () => false;
const MS = NS_PER_SECOND / 1000;

it('a guest that sends nothing is watched for the time alone, and a look longer', async () => {
  const { time, now } = guestThatSends(0);
  await time.untilCalm(20 * MS, never);
  expect(now()).toBe(520 * MS);
});

it('a guest that still sends is watched until it has stopped', async () => {
  const { time, service, now } = guestThatSends(60 * MS);
  await time.until(20 * MS, never);
  expect(service.messages).toBeGreaterThan(30);
  await time.untilCalm(0, never);
  expect(service.messages).toBeGreaterThan(110);
  expect(now()).toBeGreaterThan(560 * MS);
  expect(time.storm).toBeUndefined();
});

it('a guest that does not stop is a storm', async () => {
  const { time, service } = guestThatSends(Number.POSITIVE_INFINITY);
  await time.untilCalm(20 * MS, never);
  expect(time.storm).toBeDefined();
  expect(service.nqaps).toBe(201);
});

it('nobody is watched whose work is done', async () => {
  const { time, now } = guestThatSends(Number.POSITIVE_INFINITY);
  await time.untilCalm(20 * MS, () => true);
  expect(now()).toBe(0);
});
