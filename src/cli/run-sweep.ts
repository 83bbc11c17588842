// SPDX-License-Identifier: Apache-2.0
// `apemu run CONFIG --sweep`: how much load a machine carries, and how many queues a load needs.
// Source: docs/load.md.

import type { MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { ENDLESS, withLoad } from '../load/overrides.ts';
import { type Measure, runSweep, type SweepPoint, type SweepResult } from '../load/sweep.ts';
import { amountText } from '../load/sweep-plan.ts';
import type { CommandIo } from './io.ts';
import { breathe } from './io.ts';
import { overridesOf, type RunOptions } from './run-options.ts';
import { measurePooled } from './run-pooled.ts';
import { measureSteppedLoad } from './stepped-thread.ts';

/** Messages that arrive in the window of a point, in virtual time. */
const MESSAGES = 20_000;
/** Nanoseconds of real time in which a point is measured. */
const WALL_WINDOW_NS = 2_000_000_000;

/** Options that go together, and those that do not. */
export function checkSweepOptions(options: RunOptions): void {
  const wrong = (message: string): ApemuError => new ApemuError('APEMU_ERR_USAGE_SWEEP', message);
  if (options.sweep === undefined) {
    if (options.wall === true) throw wrong('--wall is for --sweep');
    if (options.target !== undefined) throw wrong('--target is for --sweep');
    return;
  }
  if (options.wall === true && options.stepped === true)
    throw wrong('--wall is real time, --stepped is virtual time: choose one');
  if (options.workers !== undefined && options.wall !== true)
    throw wrong('--workers is for --sweep --wall: virtual time has one thread');
  if (options.interval !== undefined) throw wrong('--interval is not for --sweep');
  if (options.arrivals?.times !== undefined)
    throw wrong(
      '--arrivals with a file is not for --sweep, which makes its own (expected fixed or poisson)',
    );
  if (options.trace !== undefined) throw wrong('--trace is not for --sweep');
  if (options.failIf !== undefined) throw wrong('--fail-if is not for --sweep: --target is');
}

/** How the points of a sweep were measured, for people. */
export const sweepHow = (options: RunOptions): string =>
  options.wall === true ? 'real time' : 'virtual time';

/** Runs the sweep that the options ask for; what is under way is shown on standard error. */
export async function sweep(
  loaded: MachineConfig,
  options: RunOptions,
  io: CommandIo,
): Promise<SweepResult> {
  const { messages: _messages, ...overrides } = overridesOf(options);
  const config = withLoad(loaded, overrides, options.seed);
  const { duration, target, messages = MESSAGES } = options;
  if (messages === ENDLESS)
    throw new ApemuError('APEMU_ERR_USAGE_SWEEP', '--messages endless is not for --sweep');
  const windowNs = duration ?? (options.wall === true ? WALL_WINDOW_NS : undefined);
  return runSweep(config, {
    axes: options.sweep ?? [],
    measure: measureWith(options, io),
    seed: options.seed,
    messages,
    ...(windowNs === undefined ? {} : { windowNs }),
    arrivals: options.arrivals?.kind ?? 'poisson',
    ...(target === undefined ? {} : { targetNs: target }),
    onPoint: (point) => {
      if (options.json !== true) io.err(progressText(point));
      return io.signal.aborted;
    },
  });
}

function measureWith({ seed, workers, wall }: RunOptions, io: CommandIo): Measure {
  return async (config, windowNs) => {
    if (wall !== true) return measureSteppedLoad(config, windowNs, seed, io);
    await breathe();
    const options = {
      ...(seed === undefined ? {} : { seed }),
      ...(workers === undefined ? {} : { workers }),
    };
    return measurePooled(config, windowNs, options, io);
  };
}

const progressText = ({ amount, rate, carried }: SweepPoint): string => {
  const of = amount === undefined ? '' : `${amountText(amount)}, `;
  return `${of}${Math.round(rate)}/s ${carried ? 'carried' : 'not carried'}\n`;
};
