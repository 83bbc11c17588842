// SPDX-License-Identifier: Apache-2.0
// Without a planted defect nothing is found: neither the driver nor an oracle is wrong. APEMU_CLEAN=1000000 for the long run.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { LocalCarrier } from '../../src/campaign/local-carrier.ts';
import { Campaign } from '../../src/fuzz/campaign.ts';
import { CampaignStore } from '../../src/fuzz/store.ts';
import { bundleDriver } from '../../src/target/program/bundle.ts';

/** What fits into a run of all tests: some twenty seconds. */
const CASES = Number(process.env['APEMU_CLEAN'] ?? 20_000);
const CONFIG = `
apemu: 1
machine:
  adapters:
    5: { mode: cca, service: { time: 300us } }
  usageDomains: [4, 0x47]
guests: { Guest1: { memory: 512KiB, mdev: { adapters: [5], domains: [4, 0x47] } } }
`;

const folder = mkdtempSync(join(tmpdir(), 'apemu-clean-'));
afterAll(() => rmSync(folder, { recursive: true }));

it(
  `finds nothing in the reference driver in ${CASES} cases`,
  async () => {
    const carrier = await LocalCarrier.create({
      config: CONFIG,
      file: 'clean.yaml',
      bundle: await bundleDriver('ap-bus'),
      guest: undefined,
      seed: 1,
      recoverNs: undefined,
      perSecond: undefined,
      without: [],
    });
    const store = new CampaignStore(join(folder, 'campaign'));
    const campaign = new Campaign({ seed: 1, identity: 'clean' }, carrier, store);
    while (campaign.cases < CASES) await campaign.next(CASES - campaign.cases);
    await carrier.close();
    expect(campaign.findings.map(({ lines, violation }) => [lines, violation.did])).toEqual([]);
  },
  60_000 + CASES * 60,
);
