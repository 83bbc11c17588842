// SPDX-License-Identifier: Apache-2.0
// The amounts of a resource that a sweep goes through, within what the configuration has.

import type { MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { mostOf, withLoad } from './overrides.ts';
import type { Amount, Resource, SweepAxis } from './sweep-plan.ts';

/** The amounts that a sweep goes through; undefined stands for all that the configuration has. */
export const amountsOf = (
  config: MachineConfig,
  what: Resource | undefined,
  axis: SweepAxis | undefined,
): (Amount | undefined)[] => {
  if (what === undefined) return [undefined];
  const counts = axis?.values ?? Array.from({ length: mostOf(config, what) }, (_, i) => i + 1);
  const [last = 0] = counts.slice(-1);
  // This reports an amount that is too large at once, instead of at the last point.
  withLoad(config, { [what]: last });
  const isTimed = [...config.machine.adapters.values()].some(
    ({ service }) => service.model !== 'instant',
  );
  if (what === 'engines' && !isTimed)
    throw new ApemuError(
      'APEMU_ERR_USAGE_SWEEP',
      'a sweep over engines needs an adapter whose requests take time (service: in the configuration)',
    );
  return counts.map((count) => ({ what, count }));
};

/**
 * The resource of a sweep, if it is over one.
 *
 * @throws ApemuError `APEMU_ERR_USAGE_SWEEP` if there are several
 */
export const resourceOf = (axes: readonly SweepAxis[]): Resource | undefined => {
  const all = axes.flatMap(({ what }) => (what === 'rate' ? [] : [what]));
  const [first, second] = new Set(all);
  if (second === undefined) return first;
  throw new ApemuError(
    'APEMU_ERR_USAGE_SWEEP',
    `--sweep is over ${first} and ${second} (expected one of them, with or without rate)`,
  );
};
