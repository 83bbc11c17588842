// SPDX-License-Identifier: Apache-2.0
// Which cases that break a rule are made short: those like a finding that is known, only a few times.
import { expect, it } from 'vitest';
import type { Finding } from '../../src/fuzz/finding.ts';
import type { BrokenInput } from '../../src/fuzz/job.ts';
import { hasAllOf, shapesOf } from '../../src/fuzz/shapes.ts';
import { shortenedMost } from '../../src/fuzz/shortening-limits.ts';
import { parseScenarioLines } from '../../src/scenario/text.ts';

const STORM = {
  oracle: 'progress',
  way: 'instruction storm',
  did: '',
  expected: '',
} as const;
const FORGETS = 'user: request 06.0004\non nqap #1..: drop\n';
const FAILS = 'user: request 06.0004\non nqap 06.0004 #1..: reply=82/10\n';
const BOTH = `${FAILS}on nqap 06.0005 #3: drop\nat 5ms: scan\n`;
const finding: Finding = {
  id: 'progress-1',
  lines: FORGETS,
  violation: STORM,
  stable: true,
  trace: [],
  cases: 1,
};
const LIMITS = { shortened: 2, shortenedUnlike: 8 };
const input = (lines: string, way: string = STORM.way): BrokenInput => ({
  lines,
  violation: { ...STORM, way },
});

it.each([
  ['the finding itself', FORGETS, STORM.way, 2],
  ['a case with all that happens in it, and more', BOTH, STORM.way, 2],
  ['a case without the event that it takes', FAILS, STORM.way, 8],
  ['a case that breaks the rule in another way', BOTH, 'leaves a reply', 8],
])('%s is made short so often', (_, lines, way, times) => {
  expect(shortenedMost(input(lines, way), [finding], LIMITS)).toBe(times);
});

it('no finding is known at first', () => {
  expect(shortenedMost(input(FORGETS), [], LIMITS)).toBe(8);
});

it('a driver whose findings are short at once has one limit', () => {
  expect(shortenedMost(input(FORGETS), [], {})).toBe(12);
  expect(shortenedMost(input(FAILS), [finding], { shortened: 3 })).toBe(3);
});

it('the shape of a write is its file, wherever and whenever that is', () => {
  const shapes = (lines: string): string[] => shapesOf(parseScenarioLines(lines));
  const online = shapes('user: echo 0 > /sys/devices/ap/card06/06.0004/online\n');
  expect(online).toEqual(['write online']);
  expect(shapes('at 1ms: user: echo 1 > /sys/devices/ap/card05/online\n')).toEqual(online);
  expect(shapes('user: echo 1 > /sys/devices/ap/card06/06.0004/reset\n')).not.toEqual(online);
});

it('a scenario has all of a shorter one of the same kind', () => {
  const events = parseScenarioLines(BOTH);
  expect(hasAllOf(events, parseScenarioLines(FORGETS))).toBe(true);
  expect(hasAllOf(parseScenarioLines(FORGETS), events)).toBe(false);
});
