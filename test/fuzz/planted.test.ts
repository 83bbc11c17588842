// SPDX-License-Identifier: Apache-2.0
// Planted defects of drivers are found from the default seed, each by an oracle that should, within a number of cases. All of the table with
// APEMU_PLANTED=all; without, the first rows.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { LocalCarrier } from '../../src/campaign/local-carrier.ts';
import { Campaign } from '../../src/fuzz/campaign.ts';
import type { Finding } from '../../src/fuzz/finding.ts';
import { CampaignStore } from '../../src/fuzz/store.ts';
import { parseScenarioLines } from '../../src/scenario/text.ts';
import { bundleDriver } from '../../src/target/program/bundle.ts';
import { PLANTED, type Planted, patched } from './planted.ts';

/** Cases within which a defect is found. */
const CASES = 2_600;
const CONFIG = `
apemu: 1
machine:
  adapters:
    5: { mode: cca, service: { time: 300us } }
  usageDomains: [4, 0x47]
guests: { Guest1: { memory: 512KiB, mdev: { adapters: [5], domains: [4, 0x47] } } }
`;

const folder = mkdtempSync(join(tmpdir(), 'apemu-planted-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a campaign until an oracle that should finds something. */
const search = async (planted: Planted): Promise<Finding | undefined> => {
  const patch = patched(planted);
  const bundle = await bundleDriver('ap-bus', true, patch.edit);
  expect(patch.complete(), `every patch of "${planted.what}" was made`).toBe(true);
  const carrier = await LocalCarrier.create({
    config: CONFIG,
    file: 'planted.yaml',
    bundle,
    guest: undefined,
    seed: 1,
    recoverNs: undefined,
    perSecond: undefined,
    without: [],
  });
  try {
    const store = new CampaignStore(join(folder, bundle.digest));
    const campaign = new Campaign({ seed: 1, identity: bundle.digest }, carrier, store);
    while (campaign.cases < CASES) {
      const found = await campaign.next(CASES - campaign.cases);
      const right = found.find(({ violation }) => planted.oracles.includes(violation.oracle));
      if (right !== undefined) return right;
    }
    return undefined;
  } finally {
    await carrier.close();
  }
};

/** Rows of a run that is not asked for all. */
const FEW = 6;
const ROWS = process.env['APEMU_PLANTED'] === 'all' ? PLANTED : PLANTED.slice(0, FEW);
const found: Finding[] = [];
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

describe('a planted defect', () => {
  it.each(ROWS)('is found: $what ($history)', async (planted) => {
    const finding = await search(planted);
    expect(finding?.violation.oracle, 'by an oracle that should').toBeOneOf([...planted.oracles]);
    if (finding !== undefined) found.push(finding);
  });

  it('is told in a short scenario: three events in the median', () => {
    expect(found.length).toBe(ROWS.length);
    const events = median(found.map(({ lines }) => parseScenarioLines(lines).length));
    const cases = median(found.map((finding) => finding.cases));
    process.stderr.write(
      `${found.length} planted defects: median ${cases} cases, ${events} events\n`,
    );
    expect(events).toBeLessThanOrEqual(3);
  });
});
