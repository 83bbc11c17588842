// SPDX-License-Identifier: Apache-2.0
// `apemu fuzz CONFIG --driver MODULE`: runs a campaign, shows how it goes, writes what it finds.
// Source: docs/design.md section 10.

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { LocalCarrier } from '../campaign/local-carrier.ts';
import { PoolCarrier } from '../campaign/pool-carrier.ts';
import { loadConfigFile } from '../config/load.ts';
import { Campaign } from '../fuzz/campaign.ts';
import { configWithDriver } from '../fuzz/config-file.ts';
import type { Carrier, TargetSpec } from '../fuzz/job.ts';
import { CampaignStore } from '../fuzz/store.ts';
import { bundleDriver } from '../target/program/bundle.ts';
import { runCampaign } from './fuzz-campaign.ts';
import type { FuzzOptions } from './fuzz-options.ts';
import type { CommandIo } from './io.ts';
import { showWarnings } from './text.ts';

export async function fuzzDriver(
  file: string,
  driver: string,
  options: FuzzOptions,
  io: CommandIo,
): Promise<number> {
  const loaded = loadConfigFile(file);
  showWarnings(loaded, io);
  const config = readFileSync(file, 'utf8');
  const bundle = await bundleDriver(driver);
  const { seed, guest, recoverWithin, without = new Set() } = options;
  const spec: TargetSpec = {
    config,
    file,
    bundle,
    guest,
    seed,
    recoverNs: recoverWithin,
    perSecond: undefined,
    without: [...without],
  };
  const carrier = await carrierFor(spec, options);
  try {
    const store = new CampaignStore(options.out);
    const identity = JSON.stringify([
      config,
      driver,
      guest ?? '',
      seed,
      [...without].sort(),
      recoverWithin ?? 0,
    ]);
    const campaign = new Campaign({ seed, identity, code: bundle.digest }, carrier, store);
    const inFolder = (folder: string): string =>
      configWithDriver(config, {
        guest: campaign.facts.terrain.guest,
        driver,
        seed,
        folder: join(store.folder, folder),
      });
    return await runCampaign({ campaign, store, bundle, driver, inFolder, options, io });
  } finally {
    await carrier.close();
  }
}

const carrierFor = async (spec: TargetSpec, { workers }: FuzzOptions): Promise<Carrier> => {
  const threads = workers ?? Math.max(1, availableParallelism() - 1);
  return PoolCarrier.available()
    ? await PoolCarrier.create(spec, threads)
    : await LocalCarrier.create(spec);
};
