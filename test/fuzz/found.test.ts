// SPDX-License-Identifier: Apache-2.0
// What campaigns on the reference driver have found once, each mended: in the driver, in a scenario's events, or in the oracle that was wrong.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { judge } from '../../src/oracle/oracles.ts';
import { parseScenarioLines } from '../../src/scenario/text.ts';
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
];

let target: ProgramTarget;
beforeAll(async () => {
  const { config } = parseConfig(readFileSync(CONFIG, 'utf8'), CONFIG);
  const driver = await loadDriver(await bundleDriver('ap-bus', false));
  target = await ProgramTarget.create({ config, driver, seed: 1 });
});
afterAll(() => target.close());

describe('what a campaign has found does not come again', () => {
  it.each(FOUND)('%s', (_what, ...lines) => {
    target.reset();
    expect(judge(target.run(parseScenarioLines(`${lines.join('\n')}\n`)))).toBeUndefined();
  });
});
