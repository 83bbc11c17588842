// SPDX-License-Identifier: Apache-2.0
// The place in a user's code from which the machine was called, out of a stack of calls.

/** Folders whose frames of a stack say nothing to a user. */
const OWN_FRAMES =
  /[\\/](src|dist)[\\/](src[\\/])?(host|program|vcpu-pool|load)[\\/]|node:internal/;

/** `at FILE:LINE:COLUMN` of the first caller outside the machine's own code. */
export const callerOf = (stack = ''): string => {
  const frames = stack.split('\n').slice(1);
  const frame = frames.find((line) => !OWN_FRAMES.test(line)) ?? frames.at(-1) ?? '';
  return `at ${/\(?([^\s()]+:\d+:\d+)\)?$/.exec(frame)?.[1] ?? 'an unknown place'}`;
};
