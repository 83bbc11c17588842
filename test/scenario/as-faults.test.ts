// SPDX-License-Identifier: Apache-2.0
// A scenario as a list of faults: the list is one a configuration takes, and it does the same to the driver.
import { expect, it } from 'vitest';
import { configFromObject } from '../../src/config/load.ts';
import driver from '../../src/guest/ap-bus-driver/under-test.ts';
import { asFaults } from '../../src/scenario/as-faults.ts';
import { parseScenarioLines } from '../../src/scenario/text.ts';
import { ProgramTarget } from '../../src/target/program/program-target.ts';

const MACHINE = {
  apemu: 1,
  machine: {
    adapters: { 5: { mode: 'cca', service: { time: '300us' } } },
    usageDomains: [4],
  },
  guests: { Guest1: { memory: '512KiB', mdev: { adapters: [5], domains: [4] } } },
};
const REQUESTS = 'user: request x4 05.0004 mex\n';
const loaded = {
  program: driver,
  args: { requestTimeout: 30 },
  counters: new Uint32Array(0),
  places: new Uint32Array(0),
};

/** Instructions of a run, with their codes and times, and how requests ended; to the last of them. */
const traceOf = async (lines: string, faults: readonly object[] = []): Promise<string[]> => {
  const { config } = configFromObject(MACHINE);
  const target = await ProgramTarget.create({ config, driver: loaded });
  for (const fault of configFromObject({ ...MACHINE, faults }).config.faults)
    target.machine.fault(fault);
  const { trace } = target.run(parseScenarioLines(lines), true);
  target.close();
  const last = trace.findLastIndex((line) => /request \d+ ends/.test(line));
  return trace.slice(0, last + 1).filter((line) => !line.includes('ms  event'));
};

it.each([
  'on nqap #1: rc=05',
  'on nqap 05.0004 #1: drop',
  'on nqap #1..: delay=2ms',
  'on nqap #1: reply=82/8a',
  'on dqap #1: rc=02',
  'on nqap #1: drop\non dqap 05.0004 #1: rc=12',
])('%s is what the list of faults does', async (events) => {
  const lines = `${events}\n${REQUESTS}`;
  const faults = asFaults(parseScenarioLines(lines), 'Guest1');
  expect(faults).toHaveLength(events.split('\n').length);
  const byFaults = await traceOf(REQUESTS, faults);
  expect(byFaults).toEqual(await traceOf(lines));
  expect(byFaults).not.toEqual(await traceOf(REQUESTS));
});

it.each([
  ['a later execution', 'on nqap #2: drop'],
  ['every third', 'on nqap every 3: drop'],
  ['a time', 'at 1ms: scan'],
  ['a reply that comes twice', 'on nqap #1: duplicate'],
  ['a field of a reply', 'on nqap #1: reply code=5'],
  ['a request in between', 'on nqap #1: drop\nidle #1: user: request'],
  ['nothing', ''],
])('%s is none', (_what, lines) => {
  expect(asFaults(parseScenarioLines(`${lines}\n${REQUESTS}`), 'Guest1')).toBeUndefined();
});
