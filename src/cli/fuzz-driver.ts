// SPDX-License-Identifier: Apache-2.0
// `apemu fuzz CONFIG --driver MODULE`: runs a campaign, shows how it goes, writes what it finds.
// Source: docs/design.md section 10.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { LocalCarrier } from '../campaign/local-carrier.ts';
import { PoolCarrier } from '../campaign/pool-carrier.ts';
import { digestOf, type Facts, packCode } from '../campaign/queue/manifest.ts';
import { loadConfigFile } from '../config/load.ts';
import { CONFIGURATION, readText } from '../config/text-file.ts';
import { Campaign } from '../fuzz/campaign.ts';
import { configWithDriver } from '../fuzz/config-file.ts';
import type { Carrier, TargetSpec } from '../fuzz/job.ts';
import { CampaignStore } from '../fuzz/store.ts';
import { bundleDriver } from '../target/program/bundle.ts';
import type { DriverBundle } from '../target/program/driver-bundle.ts';
import { runCampaign } from './fuzz-campaign.ts';
import type { FuzzOptions } from './fuzz-options.ts';
import { openQueue, type QueueCampaign, sizesOf } from './fuzz-queue.ts';
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
  const config = readText(file, CONFIGURATION);
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
  const sizes = sizesOf(options);
  const { jobs, jobCases } = sizes;
  const identity = JSON.stringify([
    config,
    driver,
    guest ?? '',
    seed,
    [...without].sort(),
    recoverWithin ?? 0,
    ...(jobs === undefined && jobCases === undefined ? [] : [jobs ?? 0, jobCases ?? 0]),
  ]);
  const store = new CampaignStore(options.out);
  if (options.from !== undefined) store.takeOver(options.from);
  const carrier = await carrierFor(spec, identity, options, io);
  try {
    const campaign = new Campaign(
      { seed, identity, code: bundle.digest, ...sizes },
      carrier,
      store,
    );
    const inFolder = (folder: string): string =>
      configWithDriver(config, {
        guest: campaign.facts.space.guest,
        driver,
        seed,
        folder: join(store.folder, folder),
      });
    const code = await runCampaign({ campaign, store, bundle, driver, inFolder, options, io });
    if (!io.signal.aborted) carrier.ended?.();
    return code;
  } finally {
    await carrier.close();
  }
}

const carrierFor = async (
  spec: TargetSpec,
  identity: string,
  options: FuzzOptions,
  io: CommandIo,
): Promise<Carrier> => {
  const { workers, queue } = options;
  if (queue !== undefined) return await queueFor(queue, spec, identity, options, io);
  return await threadsFor(spec, workers ?? Math.max(1, availableParallelism() - 1));
};

/** A carrier of threads on this computer. */
export const threadsFor = async (spec: TargetSpec, threads: number): Promise<Carrier> =>
  PoolCarrier.available()
    ? await PoolCarrier.create(spec, threads)
    : await LocalCarrier.create(spec);

/** Facts that the configuration and the driver of a campaign add. */
export const driverFacts = (config: string, { digest }: DriverBundle): Facts => ({
  configuration: digestOf(config),
  driver: digest,
});

const queueFor = async (
  url: string,
  spec: TargetSpec,
  identity: string,
  options: FuzzOptions,
  io: CommandIo,
): Promise<Carrier> => {
  const { config, bundle } = spec;
  const campaign: QueueCampaign = {
    kind: 'driver',
    facts: driverFacts(config, bundle),
    driver: bundle.name,
    witness: await threadsFor(spec, 1),
    tries: 1,
    identity: JSON.stringify([identity, bundle.digest]),
    code: packCode(config, bundle),
  };
  return await openQueue(url, campaign, options, io);
};
