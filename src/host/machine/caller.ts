// SPDX-License-Identifier: Apache-2.0
// Finds the place in the user's code from which the machine was called, in the text of a stack.

/** Folders whose frames in a stack are of no use to a user. */
const OWN_FRAMES =
  /[\\/](src|dist)[\\/](src[\\/])?(host|program|vcpu-pool|load)[\\/]|node:internal/;

/** `at FILE:LINE:COLUMN` of the first caller outside the machine's own code. */
export const callerOf = (stack = ''): string => {
  const frames = stack.split('\n').slice(1);
  const frame = frames.find((line) => !OWN_FRAMES.test(line)) ?? frames.at(-1) ?? '';
  return `at ${/\(?([^\s()]+:\d+:\d+)\)?$/.exec(frame)?.[1] ?? 'an unknown place'}`;
};
