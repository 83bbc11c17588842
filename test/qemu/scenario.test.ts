// SPDX-License-Identifier: Apache-2.0
// Scenarios of `apemu qemu` (issue 19, 9): what a line means, and when its command is given.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Machine } from '../../src/host/machine/machine.ts';
import { parseScenario, Scenario } from '../../src/qemu/scenario.ts';

const MACHINE = {} as Machine;

describe('a line of a scenario', () => {
  it.each([
    ['at 2s: lpar deconfigure 6', { kind: 'at', ms: 2000 }, 'lpar deconfigure 6'],
    ['  at 1500us: clock  ', { kind: 'at', ms: 1.5 }, 'clock'],
    ['on "a: b": echo "c": d', { kind: 'on', text: 'a: b' }, 'echo "c": d'],
    ['trace "NQAP 05": true', { kind: 'trace', text: 'NQAP 05' }, 'true'],
  ])('%s', (text, moment, command) => {
    expect(parseScenario(`# first\n\n${text}\n`, 'x')).toEqual([{ line: 3, moment, command }]);
  });

  it.each([
    'at soon: x',
    'at 2s x',
    'on text: x',
    'on "": x',
    'when "x": y',
    'at 2s:',
    'at -1s: x',
  ])('%s is refused with its place', (text) => {
    const error = { code: 'APEMU_ERR_SCENARIO', place: { file: 'x', line: 2 } };
    expect(() => parseScenario(`\n${text}`, 'x')).toThrow(expect.objectContaining(error));
  });
});

describe('a scenario', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('does each step once, at its time or text, and says which fail', async () => {
    const given: string[] = [];
    const said: string[] = [];
    const administer = async (_machine: unknown, command: string) => {
      given.push(command);
      return command === 'bad' ? 2 : 0;
    };
    const text = 'at 2s: late\non "ready": bad\ntrace "TAPQ 05": traced\non "never": never';
    const scenario = new Scenario(parseScenario(text, 'x'), administer, (line) => said.push(line));
    scenario.begin(MACHINE);
    scenario.console('Guest1', 'rea');
    scenario.console('Guest2', 'dy');
    await vi.advanceTimersByTimeAsync(1000);
    expect(given).toEqual([]);
    scenario.console('Guest1', 'dy\n');
    scenario.console('Guest1', 'ready again\n');
    await vi.advanceTimersByTimeAsync(1500);
    expect(given).toEqual(['bad', 'late']);
    expect(said).toContain('scenario line 2: status 2');
    expect([scenario.failed, scenario.end()]).toEqual([1, [3, 4]]);
    scenario.console('Guest1', 'never');
    await vi.advanceTimersByTimeAsync(1);
    expect(given).toEqual(['bad', 'late']);
  });
});
