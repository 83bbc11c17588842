// SPDX-License-Identifier: Apache-2.0
// When a timer in jiffies fires: Linux's timer wheel rounds later times up to coarser steps.
// Source: kernel/time/timer.c (calc_wheel_index, LVL_START, LVL_GRAN); docs/decisions.md VD-56.

const HZ = 100;
const NS_PER_JIFFY = 1_000_000_000 / HZ;
/** jiffies at boot: five minutes before they wrap around. Only their place in the wheel matters here. */
const INITIAL_JIFFIES = 2 ** 32 - 300 * HZ;
const LEVEL_SIZE = 64;
/** Each level is coarser by this factor. */
const LEVEL_FACTOR = 8;

/** Nanoseconds since boot at which a timer fires that is set at `nowNs` for `delayNs` later. */
export function wheelExpiryNs(nowNs: number, delayNs: number): number {
  const now = INITIAL_JIFFIES + Math.floor(nowNs / NS_PER_JIFFY);
  const delay = Math.ceil(delayNs / NS_PER_JIFFY);
  let granularity = 1;
  while (delay >= (LEVEL_SIZE - 1) * granularity) granularity *= LEVEL_FACTOR;
  const expires = (Math.floor((now + delay) / granularity) + 1) * granularity;
  return (expires - INITIAL_JIFFIES) * NS_PER_JIFFY;
}
