// SPDX-License-Identifier: Apache-2.0
// Types of ending-kernel.js, for the tests that use it.
export type Ending = 'panic' | 'shutdown' | 'stop' | 'reset' | 'endless';
export function endingKernel(
  ending: Ending,
  options?: { spins?: number; instructions?: number; enabled?: boolean },
): Buffer;
