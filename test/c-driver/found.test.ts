// SPDX-License-Identifier: Apache-2.0
// What campaigns on the example driver in C have found once, each mended: in the driver, or in the oracle that was wrong.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { judge } from '../../src/oracle/oracles.ts';
import { parseScenarioLines } from '../../src/scenario/text.ts';
import { bundleDriver } from '../../src/target/program/bundle.ts';
import { loadDriver } from '../../src/target/program/loaded-driver.ts';
import { ProgramTarget } from '../../src/target/program/program-target.ts';

const CONFIG = 'examples/c-driver/machine.yaml';
const DRIVER = 'examples/c-driver/driver.wasm';

/** What was wrong, and the shortest scenario that showed it. */
const FOUND: readonly (readonly [string, ...string[]])[] = [
  [
    'a reply that comes twice, of which nobody waits for the second, was a lost wake-up',
    'on nqap 06.0004 #2: duplicate',
    'user: request x3',
    'on dqap #1: interrupt spurious',
  ],
  [
    'the notification byte of a queue that the host has reset was one that the driver had cleared too late',
    'on nqap #10: rc=13',
    'on rapq #2: rc=02',
    'on aqic 06.0004 #1: lpar: busy 06.0004 2s',
    'on dqap #1: rc=09',
    'at 31s: sysfs: echo 6 > /sys/devices/vfio_ap/matrix/$Guest1/unassign_adapter',
    'user: request x10',
  ],
];

let target: ProgramTarget;
beforeAll(async () => {
  const { config } = parseConfig(readFileSync(CONFIG, 'utf8'), CONFIG);
  const driver = await loadDriver(await bundleDriver(DRIVER));
  target = await ProgramTarget.create({ config, driver, seed: 1 });
});
afterAll(() => target.close());

it.each(FOUND)('%s', (_what, ...lines) => {
  target.reset();
  const outcome = target.run(parseScenarioLines(`${lines.join('\n')}\n`));
  expect(outcome.fired.length).toBeGreaterThan(lines.length - 1);
  expect(judge(outcome)).toBeUndefined();
});
