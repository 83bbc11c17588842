// SPDX-License-Identifier: Apache-2.0
// What campaigns on the reference driver have found once, each mended: in the driver, in a scenario's events, or in the oracle that was wrong.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { judge } from '../../src/oracle/oracles.ts';
import { parseScenarioLines } from '../../src/scenario/text.ts';
import type { Outcome } from '../../src/target/outcome.ts';
import { bundleDriver } from '../../src/target/program/bundle.ts';
import { loadDriver } from '../../src/target/program/loaded-driver.ts';
import { ProgramTarget } from '../../src/target/program/program-target.ts';

const CONFIG = 'examples/two-guests.yaml';
const UNASSIGN = 'sysfs: echo 5 > /sys/devices/vfio_ap/matrix/$Guest1/unassign_adapter';

/** What was wrong, and the shortest scenario that showed it. */
const FOUND: readonly (readonly [string, ...string[]])[] = [
  [
    'a result whose header has another length than its message was taken',
    'user: request 06.00ab',
    'on nqap #1: reply size=48',
  ],
  [
    'an error that was made to look like a success was to be noticed',
    'user: request x4 05.0004',
    'on nqap #3: reply rc=0',
  ],
  [
    'a queue that was full of nothing was waited for without a timer',
    'on nqap #1..: rc=10',
    'at 1ms: user: request x8 06.00ab',
    'at 992s: lpar: busy 05.00ab 40s',
  ],
  [
    'what waited for a queue that had been full of nothing was forgotten',
    'user: request x10',
    'on nqap 05.0004 #1: rc=10',
    'on nqap #1: rc=10',
    'at 1ms: user: request x6',
  ],
  [
    'a response code meant for the guest met the reset of its queue by the host',
    'user: request x5',
    'on nqap #3: rc=11',
    `on nqap #3: ${UNASSIGN}`,
  ],
  [
    'a queue that had ended in an error was held to be read too early',
    'on nqap #1: rc=13',
    'on dqap #1..: rc=09',
    'on dqap #1: lpar: remove-adapter 0x06',
    'user: request x2',
    'on tapq #1..: rc=04',
  ],
  [
    'requests that a queue forgot time after time, each as often as allowed, were a storm because there were many',
    'user: request x28 05.0004',
    'user: request x40 05.0004',
    'user: request x40 06.0004',
    'on nqap #1..: drop',
    'user: request x40 05.0004',
    'user: request x40 06.0004',
    'user: request x40 06.00ab',
  ],
  [
    'an asynchronous error that somebody else had ended before the next scan was forgotten, and what waited hung',
    'at 10us: lpar: deconfigure 0x05',
    'idle #2: lpar: configure 0x05',
    'on nqap #1: rc=35',
    'user: request',
  ],
];

let target: ProgramTarget;
/** Runs lines of a scenario from the kept moment. */
const run = (lines: readonly string[]): Outcome => {
  target.reset();
  return target.run(parseScenarioLines(`${lines.join('\n')}\n`));
};

beforeAll(async () => {
  const { config } = parseConfig(readFileSync(CONFIG, 'utf8'), CONFIG);
  const driver = await loadDriver(await bundleDriver('ap-bus', false));
  target = await ProgramTarget.create({ config, driver, seed: 1 });
});
afterAll(() => target.close());

describe('what a campaign has found does not come again', () => {
  it.each(FOUND)('%s', (_what, ...lines) => {
    expect(judge(run(lines))).toBeUndefined();
  });

  it('requests of all kinds and lengths end well on a healthy machine, however many there are', () => {
    const kinds = ['crt', 'mex', 'rng', 'query'];
    const { requests } = run(kinds.map((kind) => `user: request x10 05.0004 ${kind}`));
    const bad = requests.filter(({ endings: [end] }) => end?.error !== undefined);
    expect([requests.length > 40, bad]).toEqual([true, []]);
  });
});
