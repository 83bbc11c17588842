// SPDX-License-Identifier: Apache-2.0
// `apemu fuzz … --queue URL`: the coordinator of a campaign on many machines.
// Source: docs/campaigns.md.
import { connectQueue, loadPackages } from '../campaign/queue/connection.ts';
import type { Facts } from '../campaign/queue/manifest.ts';
import { QueueCarrier } from '../campaign/queue/queue-carrier.ts';
import { type Blob, sha256 } from '../campaign/queue/wire.ts';
import type { CampaignOptions } from '../fuzz/campaign.ts';
import type { Carrier } from '../fuzz/job.ts';
import { printable } from './errors.ts';
import type { FuzzOptions } from './fuzz-options.ts';
import type { CommandIo } from './io.ts';
import { packageBuild } from './version.ts';

/** Highest number of jobs in a generation, and of cases in a job, which then takes a few tenths of a second. */
const DRIVER_JOBS = 64;
const DRIVER_JOB_CASES = 1_024;

/** What a coordinator tells of its campaign. */
export interface QueueCampaign {
  readonly kind: 'driver' | 'kernel';
  /** What must be the same on every machine, in addition to apemu itself. */
  readonly facts: Facts;
  readonly driver: string;
  /** Has the target on this computer, to see findings again. */
  readonly witness: Carrier;
  /** How often a finding's scenario is tried there. */
  readonly tries: number;
  readonly identity: string;
  readonly code?: Blob;
}

/** Jobs of a generation, and cases of a job, where the command says something about them. */
export const sizesOf = ({
  queue,
  jobs,
  jobCases,
}: FuzzOptions): Pick<CampaignOptions, 'jobs' | 'jobCases'> => {
  const many = queue !== undefined;
  const most = jobs ?? (many ? DRIVER_JOBS : undefined);
  const cases = jobCases ?? (many ? DRIVER_JOB_CASES : undefined);
  return {
    ...(most === undefined ? {} : { jobs: most }),
    ...(cases === undefined ? {} : { jobCases: cases }),
  };
};

/** What must be the same of apemu itself. */
export const ownFacts = (): Facts => ({ apemu: packageBuild() });

/** Becomes the coordinator. @throws ApemuError `APEMU_ERR_QUEUE_…`, `APEMU_ERR_USAGE_QUEUE…` */
export const openQueue = async (
  url: string,
  { kind, facts, driver, witness, tries, identity, code }: QueueCampaign,
  { seed, recoverWithin, without = new Set() }: FuzzOptions,
  io: CommandIo,
): Promise<QueueCarrier> => {
  const connection = await connectQueue(url, process.env['REDISCLI_AUTH'], await loadPackages());
  const say = (line: string): void => io.err(`${printable(line)}\n`);
  for (const warning of connection.warnings) say(warning);
  const { space, featureCount } = witness.facts;
  try {
    const carrier = await QueueCarrier.open({
      connection,
      witness,
      tries,
      manifest: {
        version: 1,
        kind,
        facts: { ...ownFacts(), ...facts },
        driver,
        guest: space.guest,
        seed,
        ...(recoverWithin === undefined ? {} : { recoverNs: recoverWithin }),
        without: [...without],
        queues: [...space.queues],
        featureCount,
        identity: sha256(identity),
        ...(code === undefined ? {} : { code: code.hash }),
      },
      code,
      signal: io.signal,
      say,
    });
    say(`coordinator of the queue at ${connection.name}; workers: apemu worker --queue …`);
    return carrier;
  } catch (error) {
    connection.client.disconnect();
    throw error;
  }
};
