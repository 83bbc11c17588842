// SPDX-License-Identifier: Apache-2.0
// What a recording does not say of the run it comes from (when the machine had booted, when work in the background got its turn, what
// the build decides), found by replaying until nothing differs.
// Source: test/golden/README.md; docs/decisions.md VD-56.

import type { BackgroundTurns } from '../ap-bus/background.ts';
import type { HostSwitches } from '../ap-bus/profile.ts';
import { NS_PER_MS } from '../units.ts';
import type { GoldenResult, Pauses } from './golden.ts';

/** Circumstances a recording does not tell, which are searched for. */
export interface Circumstances {
  /** From boot to time 0 of the recording. */
  readonly bootUs: number;
  /** Turns of the generator's thread and of periodic scans, by their place in the order in which they are asked; others are 0. */
  readonly turns: Readonly<Record<number, number>>;
  /** Where a recording without times had pauses. */
  readonly pauses: Pauses;
  /** Switches in which the build differs from its profile. */
  readonly switches: Partial<HostSwitches>;
}

/** One replay under certain circumstances, to the first difference or to the end. */
export type Replayer = (
  circumstances: Circumstances,
  toFirst: boolean,
) => Promise<{ readonly result: GoldenResult; readonly asked: readonly (keyof BackgroundTurns)[] }>;

/** Turns to try for each kind of work. */
const TURNS: Readonly<Record<keyof BackgroundTurns, readonly number[]>> = {
  generator: [1, 2, 3, 4, 6, 8, 1e6],
  scan: [80 * NS_PER_MS, 160 * NS_PER_MS, 240 * NS_PER_MS, 400 * NS_PER_MS, 640 * NS_PER_MS],
};
/** Pauses to try in a recording without times, before the line that differs. */
const PAUSES_US: readonly number[] = [20_000_000, 50_000_000, 80_000_000, 110_000_000];
/** Turns before a difference that may have caused it. */
const TURNS_BACK = 3;
/** Times to try, in microseconds. Those of the poll timer repeat after 40 ms, those of timers in jiffies after 640 ms. */
const BOOT_STEPS_US: readonly number[] = [
  ...Array.from({ length: 19 }, (_, n) => (n + 1) * 2_000),
  ...Array.from({ length: 7 }, (_, n) => (n + 1) * 80_000),
];
/** What the build decides, not the release. */
const BUILDS: readonly Partial<HostSwitches>[] = [
  { driverlessAtMaskEdit: 'attach-if-guest-owned' },
  { driverlessAtMaskEdit: 'attach' },
  { driverlessAtMaskEdit: 'attach-if-host-owned' },
  { debugFiles: false },
  { debugFiles: true },
];

interface Tried {
  readonly circumstances: Circumstances;
  /** Number of the line with the first difference; Infinity if there is none. */
  readonly line: number;
  readonly asked: readonly (keyof BackgroundTurns)[];
  readonly untimed: boolean;
}

/** Circumstances that differ in one thing, the likeliest cause first. */
function* variants(
  { circumstances, asked, line, untimed }: Tried,
  build: boolean,
): Iterable<Circumstances> {
  if (build)
    for (const one of BUILDS)
      yield { ...circumstances, switches: { ...circumstances.switches, ...one } };
  for (let n = asked.length - 1; n >= Math.max(0, asked.length - TURNS_BACK); n--) {
    for (const turn of TURNS[asked[n] as keyof BackgroundTurns])
      yield { ...circumstances, turns: { ...circumstances.turns, [n]: turn } };
  }
  if (untimed)
    for (const pause of PAUSES_US)
      yield { ...circumstances, pauses: { ...circumstances.pauses, [line]: pause } };
  for (const step of BOOT_STEPS_US) yield { ...circumstances, bootUs: circumstances.bootUs + step };
}

/**
 * Looks for circumstances under which a recording replays without a difference, changing one after the other as long as the first
 * difference comes later. With `build`, what the build of the kernel decides is not known either. Returns the circumstances that came
 * furthest.
 */
export async function findCircumstances(
  replay: Replayer,
  start: Circumstances,
  options: { readonly build: boolean; readonly aborted: () => boolean },
): Promise<Circumstances> {
  const attempt = async (circumstances: Circumstances): Promise<Tried> => {
    const { result, asked } = await replay(circumstances, true);
    const line = result.first?.line ?? Number.POSITIVE_INFINITY;
    return { circumstances, line, asked, untimed: result.untimed };
  };
  let best = await attempt(start);
  for (let better = true; better && best.line !== Number.POSITIVE_INFINITY; ) {
    better = false;
    for (const circumstances of variants(best, options.build)) {
      if (options.aborted()) return best.circumstances;
      const tried = await attempt(circumstances);
      if (tried.line <= best.line) continue;
      best = tried;
      better = true;
      break;
    }
  }
  return best.circumstances;
}
