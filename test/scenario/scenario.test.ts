// SPDX-License-Identifier: Apache-2.0
// Events of scenarios: each does to the driver under test what its line says. Seen in the trace of the reference driver.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import driver from '../../src/guest/ap-bus-driver/under-test.ts';
import { judge } from '../../src/oracle/oracles.ts';
import { parseScenarioLines, scenarioLines } from '../../src/scenario/text.ts';
import { ProgramTarget } from '../../src/target/program/program-target.ts';

const { config } = parseConfig(
  `
apemu: 1
machine:
  adapters: { 5: { mode: loopback, service: { time: 300us } } }
  usageDomains: [4, 0x47]
guests: { Guest1: { memory: 512KiB, mdev: { adapters: [5], domains: [4, 0x47] } } }
`,
  'scenario.yaml',
);
const loaded = {
  program: driver,
  args: { requestTimeout: 30 },
  counters: new Uint32Array(0),
  places: new Uint32Array(0),
};
const target = await ProgramTarget.create({ config, driver: loaded });

const run = (lines: string) => {
  target.reset();
  return target.run(parseScenarioLines(lines), true);
};

/** Lines, and what the trace of the run must hold. */
const ROWS: readonly (readonly [what: string, lines: string, trace: RegExp])[] = [
  ['a response code', 'user: request\non nqap #1: rc=02', /NQAP .*rc 02/],
  ['a condition code', 'user: request\non dqap #2: cc=2 every=8', /DQAP .*cc 2/],
  ['the second of one queue', 'user: request x4 05.0004\non nqap 05.0004 #2: rc=05', /rc 05/],
  ['every second one', 'user: request x4 05.0004\non nqap every 2: rc=10', /NQAP .*rc 10/],
  [
    'a delay',
    'user: request 05.0004\non nqap #1: delay=2s',
    /2000\.300 ms {2}driver {3}request 1 ends/,
  ],
  [
    'a lost reply',
    'user: request 05.0004\non nqap #1: drop',
    /driver {3}request 1 ends with a reply/,
  ],
  ['a reply twice', 'user: request 05.0004\non nqap #1: duplicate', /(?:DQAP.*rc 00[\s\S]*){2}/],
  [
    'another order',
    'user: request x2 05.0004\non nqap #1: reorder',
    /event {4}on nqap #1: reorder/,
  ],
  ['another PSMID', 'user: request 05.0004\non nqap #1: reply psmid=0xf0000001', /request 1 ends/],
  ['another length', 'user: request 05.0004\non nqap #1: reply length=5', /request 1 ends/],
  [
    'a late interruption',
    'user: request 05.0004\non nqap #1: interrupt late 1ms',
    /1\.300 ms {2}driver {3}request 1/,
  ],
  [
    'an early one',
    'user: request 05.0004\non nqap #1: interrupt early',
    /DQAP 05.0004 \(working\) +rc 10/,
  ],
  ['a spurious one', 'at 1ms: interrupt spurious', /event {4}at 1ms: interrupt spurious/],
  ['deconfigure', 'at 0: lpar: deconfigure 0x05\nat 1ms: user: request', /deconfigured\) +rc 03/],
  ['checkstop', 'at 0: lpar: checkstop 0x05\nat 1ms: scan', /checkstopped\) +rc 04/],
  ['unplug', 'at 0: lpar: remove-adapter 0x05\nat 1ms: scan', /event/],
  [
    'a hot unplug of the mdev',
    'at 0: sysfs: echo 0x47 > /sys/devices/vfio_ap/matrix/$Guest1/unassign_domain\nat 1s: scan',
    /05\.0047 \(absent\)/,
  ],
  [
    'a reset by the host',
    'user: request x2 05.0004\non nqap #2: host: rapq 05.0004',
    /resetting|empty/,
  ],
  ['an idle moment', 'user: request 05.0004\nidle #1: user: request 05.0047', /user {5}request 2/],
  [
    'closing with work outstanding',
    'user: request x3\nidle #1: user: close',
    /ends with ECANCELED/,
  ],
];

describe('an event', () => {
  it.each(ROWS)('%s happens as %j says', (_what, lines, trace) => {
    const outcome = run(lines);
    expect(outcome.trace.join('\n')).toMatch(trace);
    expect(outcome.fired.length).toBeGreaterThan(0);
    expect(judge(outcome)).toBeUndefined();
  });

  it('is the same in every run from the kept moment', () => {
    const lines = 'user: request x4\non nqap #2: drop\non dqap #1: rc=05\n';
    const first = JSON.stringify(run(lines));
    run('at 0: lpar: deconfigure 0x05\nuser: request x9\n');
    expect(JSON.stringify(run(lines))).toBe(first);
  });

  it('prints as it was read', () => {
    for (const [, lines] of ROWS) {
      const text = scenarioLines(parseScenarioLines(`${lines}\n`));
      expect(scenarioLines(parseScenarioLines(text))).toBe(text);
    }
  });
});
