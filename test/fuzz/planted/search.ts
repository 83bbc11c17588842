// SPDX-License-Identifier: Apache-2.0
// Looks for a planted defect as a user would: a campaign from the default seed, until an oracle that should finds it, or for so many cases.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalCarrier } from '../../../src/campaign/local-carrier.ts';
import { Campaign } from '../../../src/fuzz/campaign.ts';
import type { Finding } from '../../../src/fuzz/finding.ts';
import { CampaignStore } from '../../../src/fuzz/store.ts';
import { parseScenarioLines } from '../../../src/scenario/text.ts';
import { bundleDriver } from '../../../src/target/program/bundle.ts';
import { type Defect, patched } from './defect.ts';

const SEED = 1;
/** Cases within which each defect is found. */
export const CASES_MAX = 4_000;

export interface Found {
  readonly defect: Defect;
  /** The finding of an oracle that should; undefined: there was none. */
  readonly finding: Finding | undefined;
  /** What other oracles said before. */
  readonly others: readonly string[];
  readonly cases: number;
  readonly events: number;
  readonly ms: number;
}

/** Searches with a driver (`ap-bus` or a module) on the machine of a configuration's text. */
export const searchFor = async (
  defect: Defect,
  driver: string,
  { config, recoverNs }: { readonly config: string; readonly recoverNs?: number },
  casesMax = CASES_MAX,
): Promise<Found> => {
  const patch = patched(defect);
  const bundle = await bundleDriver(driver, true, patch.edit);
  if (!patch.complete()) throw new Error(`not every patch of "${defect.what}" was made`);
  const folder = mkdtempSync(join(tmpdir(), 'apemu-planted-'));
  const carrier = await LocalCarrier.create({
    config,
    file: 'planted.yaml',
    bundle,
    guest: undefined,
    seed: SEED,
    recoverNs,
    perSecond: undefined,
    without: [],
  });
  const began = performance.now();
  try {
    const store = new CampaignStore(folder);
    const campaign = new Campaign({ seed: SEED, identity: bundle.digest }, carrier, store);
    let finding: Finding | undefined;
    while (finding === undefined && campaign.cases < casesMax) {
      const found = await campaign.next(casesMax - campaign.cases);
      finding = found
        .filter(({ violation }) => defect.oracles.includes(violation.oracle))
        .sort((a, b) => a.lines.split('\n').length - b.lines.split('\n').length)[0];
    }
    return {
      defect,
      finding,
      others: campaign.findings
        .map(({ violation }) => violation.oracle)
        .filter((oracle) => !defect.oracles.includes(oracle)),
      cases: campaign.cases,
      events: finding === undefined ? 0 : parseScenarioLines(finding.lines).length,
      ms: performance.now() - began,
    };
  } finally {
    await carrier.close();
    rmSync(folder, { recursive: true });
  }
};

export const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
