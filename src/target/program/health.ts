// SPDX-License-Identifier: Apache-2.0
// Checks that a driver serves a healthy machine. One that does not cannot be fuzzed.
import { formatApqn } from '../../config/units.ts';
import { ApemuError } from '../../errors.ts';
import type { RequestFact } from '../outcome.ts';
import type { Thrown } from './guarded.ts';

/** What a driver has done on a machine that works. */
export interface HealthFacts {
  readonly thrown: Thrown | undefined;
  readonly storm: string | undefined;
  /** Requests that should have ended well by now. */
  readonly requests: readonly RequestFact[];
}

const wrongOf = ({ thrown, storm, requests }: HealthFacts): string | undefined => {
  if (thrown !== undefined) return `throws ${thrown.message} at ${thrown.place}`;
  if (storm !== undefined) return `takes ${storm}`;
  const bad = requests.find(({ endings: [end] }) => end === undefined || end.error !== undefined);
  if (bad === undefined) return undefined;
  const queue = bad.apqn === undefined ? '' : ` to ${formatApqn(bad.apqn)}`;
  const [ending] = bad.endings;
  return ending === undefined
    ? `does not end a request${queue}`
    : `ends a request${queue} with ${ending.error}`;
};

/**
 * Refuses a driver (by its name) that does not serve the machine of a file.
 *
 * @throws ApemuError `APEMU_ERR_TARGET_HEALTH` with what the driver did
 */
export const refuseUnhealthy = (
  name: string,
  file: string | undefined,
  facts: HealthFacts,
): void => {
  const wrong = wrongOf(facts);
  if (wrong === undefined) return;
  throw new ApemuError(
    'APEMU_ERR_TARGET_HEALTH',
    `driver ${name} ${wrong} on the healthy machine of ${file ?? 'the configuration'}`,
  );
};
