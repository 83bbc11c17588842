// SPDX-License-Identifier: Apache-2.0
// Checks that a kernel works on healthy hardware before anything is done to it. What its queues answer then is taken for right.
// Source: docs/reference/fuzzing.md section 4.
import { formatApqn } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import { NS_PER_SECOND } from '../units.ts';
import type { GuestTime } from './guest-time.ts';
import type { KernelUser } from './kernel-user.ts';

/** Nanoseconds in which every request to healthy hardware is answered, even on a busy computer. */
const LEARN_NS = 60 * NS_PER_SECOND;

/** The first thing that is wrong, in words; undefined if nothing is. */
const trouble = ({ facts, guest }: KernelUser): string | undefined => {
  const bad = facts.find(
    ({ endings: [ending] }) =>
      ending === undefined || ending.error !== undefined || ending.wrong !== undefined,
  );
  if (bad === undefined) return guest.console.complaint?.line;
  const [ending] = bad.endings;
  const how = ending === undefined ? 'has no answer' : `ends with ${ending.error ?? ending.wrong}`;
  return `a ${bad.kind} request to ${formatApqn(bad.apqn ?? 0)} ${how}`;
};

/**
 * Takes the request counts against which those of a case are measured. The guest runs, from its moment. Each boot makes counts of its
 * own.
 */
export const countAnew = async (user: KernelUser, time: GuestTime): Promise<void> => {
  user.counted.clear();
  user.count();
  await time.until(LEARN_NS, () => user.errands === 0);
  if (user.errands > 0)
    throw new ApemuError(
      'APEMU_ERR_TARGET_HEALTH',
      'the guest does not tell its numbers of requests after its boot',
    );
};

/**
 * Makes once every request that the user of a guest can make. The guest runs, from its moment.
 *
 * @throws ApemuError APEMU_ERR_TARGET_HEALTH for a request that fails
 */
export const learn = async (user: KernelUser, time: GuestTime): Promise<void> => {
  await countAnew(user, time);
  user.learn();
  await time.until(LEARN_NS, () => user.open === 0);
  const wrong = trouble(user);
  if (wrong === undefined) return;
  throw new ApemuError(
    'APEMU_ERR_TARGET_HEALTH',
    `the kernel does not work on healthy hardware: ${wrong} (expected zcrypt and its queues to be ready after the boot)`,
  );
};
