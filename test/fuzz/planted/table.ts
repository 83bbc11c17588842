// SPDX-License-Identifier: Apache-2.0
// One test for each defect of a table, and one for all of them: how short findings are.
// APEMU_PLANTED=PATTERN takes the rows whose text matches; APEMU_PLANTED_CASES=N looks longer.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Defect } from './defect.ts';
import { CASES_MAX, type Found, median, searchFor } from './search.ts';

const WANTED = new RegExp(process.env['APEMU_PLANTED'] ?? '');
const CASES = Number(process.env['APEMU_PLANTED_CASES'] ?? CASES_MAX);
/** Events of a finding's shortest scenario, in the median. */
const EVENTS_MEDIAN = 3;

const lineOf = ({ defect, finding, others, cases, events, ms }: Found): string =>
  [
    (finding?.violation.oracle ?? 'NOT FOUND').padEnd(10),
    `${cases} cases`.padStart(11),
    `${events} events`.padStart(9),
    `${(ms / 1000).toFixed(1)} s`.padStart(7),
    ` ${defect.history}: ${defect.what}`,
    others.length === 0 ? '' : ` (others: ${others.join(', ')})`,
  ].join(' ');

export const expectFound = (
  name: string,
  defects: readonly Defect[],
  driver: string,
  machine: Parameters<typeof searchFor>[2],
): void => {
  const rows = defects.filter(({ what, history }) => WANTED.test(`${history}: ${what}`));
  const found: Found[] = [];

  describe(`a defect planted in ${name}`, () => {
    it.each(rows)('is found: $history: $what', async (defect) => {
      const result = await searchFor(defect, driver, machine, CASES);
      found.push(result);
      process.stderr.write(`${lineOf(result)}\n`);
      expect(result.finding?.violation.oracle, 'an oracle that should').toBeOneOf([
        ...defect.oracles,
      ]);
      expect(result.finding?.stable, 'it comes again in the same way').toBe(true);
    });

    it.runIf(process.env['APEMU_PLANTED_UNTUNED'] === undefined)(
      'stands in docs/fuzzing.md with an oracle that should find it',
      () => {
        const page = readFileSync('docs/fuzzing.md', 'utf8');
        const missing = defects.filter(
          ({ what, history, oracles }) =>
            !oracles.some((oracle) => page.includes(`| ${history} | ${what} | ${oracle} |`)),
        );
        expect(missing.map(({ what }) => what)).toEqual([]);
      },
    );

    it('is told in a short scenario', () => {
      const cases = median(found.map((one) => one.cases));
      const events = median(found.map((one) => one.events));
      const seconds = median(found.map(({ ms }) => ms)) / 1000;
      process.stderr.write(
        `${name}: ${found.length} defects, median ${cases} cases, ${seconds.toFixed(1)} s, ${events} events\n`,
      );
      expect(events).toBeLessThanOrEqual(EVENTS_MEDIAN);
    });
  });
};
