// SPDX-License-Identifier: Apache-2.0
// Times as users of the library give them: nanoseconds, or a text as in configurations.
// Source: docs/design.md sections 5 and 9.
import { parseDurationNs } from '../../config/units.ts';
import { ApemuError } from '../../errors.ts';

/** A length of time: a number of nanoseconds, 0 or more; or a text such as `'2ms'`, `'1.5s'` or `'30us'`. */
export type Time = number | string;

/**
 * A time in nanoseconds. `what` names it in the error.
 *
 * @throws ApemuError `APEMU_ERR_MACHINE_TIME` for a value that is not a time, such as NaN, which would make the clock unusable
 */
export const timeNs = (time: Time, what: string): number => {
  const ns = typeof time === 'string' ? parseDurationNs(time) : time;
  if (typeof ns === 'number' && ns >= 0 && ns <= Number.MAX_SAFE_INTEGER) return ns;
  const shown = typeof time === 'string' ? JSON.stringify(time) : String(time);
  throw new ApemuError(
    'APEMU_ERR_MACHINE_TIME',
    `${what}: ${shown} is no time (expected nanoseconds, 0 or more, or a text such as '2ms')`,
  );
};
