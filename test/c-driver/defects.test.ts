// SPDX-License-Identifier: Apache-2.0
// The ten mistakes planted in the example driver are found from the default seed, in at most three events, with file and line. All of them
// with APEMU_PLANTED=all; without, one of each kind of finding that comes first.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { LocalCarrier } from '../../src/campaign/local-carrier.ts';
import { Campaign } from '../../src/fuzz/campaign.ts';
import { describeFinding, type Finding } from '../../src/fuzz/finding.ts';
import { CampaignStore } from '../../src/fuzz/store.ts';
import type { OracleName } from '../../src/oracle/oracles.ts';
import { parseScenarioLines } from '../../src/scenario/text.ts';
import { bundleDriver } from '../../src/target/program/bundle.ts';
import { canCompile, compileExample } from './clang.ts';

interface Defect {
  readonly name: string;
  readonly what: string;
  readonly oracle: OracleName;
  /** What the description says of where. */
  readonly place: RegExp;
}

const DEFECTS: readonly Defect[] = [
  {
    name: 'ORDER',
    what: 'replies are matched by order, not by PSMID',
    oracle: 'right',
    place: /Its last instruction before: \w+ \(driver\.c:\d+\)/,
  },
  {
    name: 'LOOP',
    what: 'a list is walked that does not get shorter',
    oracle: 'throws',
    place: /an endless loop: .* at send_again \(driver\.c:\d+\)/,
  },
  {
    name: 'COPY',
    what: 'a reply is copied into memory for a request',
    oracle: 'throws',
    place: /bytes behind allocated memory were written \(driver\.c:\d+\) at \w+ \(driver\.c:\d+\)/,
  },
  {
    name: 'BUSY',
    what: 'a request is forgotten when the queue is busy',
    oracle: 'ends-once',
    place: /Its last instruction before: \w+ \(driver\.c:\d+\)/,
  },
  {
    name: 'FREED',
    what: 'a request that has timed out stays in a list',
    oracle: 'throws',
    place: / at \w+ \(driver\.c:\d+\)/,
  },
  {
    name: 'NULL',
    what: 'a reply nobody waits for is taken for one',
    oracle: 'throws',
    place: /use of a NULL pointer at driver\.c:\d+|use of a NULL pointer at \w+ \(driver\.c:\d+\)/,
  },
  {
    name: 'LEAK',
    what: 'memory is not freed on the way of an error',
    oracle: 'leaks',
    place: /1 allocation of driver\.c:\d+/,
  },
  {
    name: 'GONE',
    what: 'a queue that has gone never comes back',
    oracle: 'recovers',
    place: /Its last instruction before: \w+ \(driver\.c:\d+\)/,
  },
  {
    name: 'SPIN',
    what: 'NQAP is repeated without waiting while the queue is busy',
    oracle: 'progress',
    place: /Its last instruction before: \w+ \(driver\.c:\d+\)/,
  },
  {
    name: 'TOKEN',
    what: 'DQAP goes on with a reply whose parts were broken off',
    oracle: 'rules',
    place: /Its last instruction before: \w+ \(driver\.c:\d+\)/,
  },
];

/** Rows of a run that is not asked for all. */
const FEW = 3;
const ROWS = process.env['APEMU_PLANTED'] === 'all' ? DEFECTS : DEFECTS.slice(0, FEW);
const CASES = 6_000;
const EVENTS_MAX = 3;
/** The driver polls a thousand times a second at most; a storm of the usual length takes long to shorten. */
const PER_SECOND = 5_000;
const CONFIG = 'examples/c-driver/machine.yaml';

const folder = mkdtempSync(join(tmpdir(), 'apemu-c-defects-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a campaign until the oracle that should finds something short. */
const search = async (file: string, { oracle, name }: Defect): Promise<Finding | undefined> => {
  const bundle = await bundleDriver(file);
  const carrier = await LocalCarrier.create({
    config: readFileSync(CONFIG, 'utf8'),
    file: CONFIG,
    bundle,
    guest: undefined,
    seed: 1,
    recoverNs: undefined,
    perSecond: PER_SECOND,
    without: [],
  });
  try {
    const campaign = new Campaign(
      { seed: 1, identity: bundle.digest },
      carrier,
      new CampaignStore(join(folder, name)),
    );
    while (campaign.cases < CASES) {
      const found = await campaign.next(CASES - campaign.cases);
      const right = found.find(
        ({ violation, lines }) =>
          violation.oracle === oracle && parseScenarioLines(lines).length <= EVENTS_MAX,
      );
      if (right !== undefined) return right;
    }
    return undefined;
  } finally {
    await carrier.close();
  }
};

describe.runIf(canCompile())('a mistake planted in the example driver', () => {
  it.each(ROWS)('is found: $what', async (defect) => {
    const file = await compileExample(folder, defect.name, `-DDEFECT_${defect.name}`);
    const finding = await search(file, defect);
    expect(finding, `within ${CASES} cases`).toBeDefined();
    if (finding === undefined) return;
    const context = { driver: 'driver.wasm', guest: 'Guest1', seed: 1 };
    expect(describeFinding(finding, context)).toMatch(defect.place);
  });
});
