// SPDX-License-Identifier: Apache-2.0
// What a worker does jobs with: worker threads with a driver, or guests with a kernel.
// Source: docs/campaigns.md.
import { availableParallelism } from 'node:os';
import {
  checkFacts,
  checkTarget,
  type Facts,
  type FoundCampaign,
  readCode,
} from '../campaign/queue/manifest.ts';
import { loadConfigFile } from '../config/load.ts';
import { CONFIGURATION, readText } from '../config/text-file.ts';
import { ApemuError } from '../errors.ts';
import type { Carrier, Job, JobResult, TargetSpec } from '../fuzz/job.ts';
import { KernelCarrier } from '../kernel-fuzz/kernel-carrier.ts';
import { bundleDriver } from '../target/program/bundle.ts';
import { driverFacts, threadsFor } from './fuzz-driver.ts';
import { type KernelOptions, targetOptions } from './fuzz-kernel.ts';
import { kernelFacts } from './fuzz-kernel-queue.ts';
import { ownFacts } from './fuzz-queue.ts';
import type { CommandIo } from './io.ts';
import { showWarnings } from './text.ts';

export interface WorkerOptions extends Omit<KernelOptions, 'guest' | 'planted' | 'seed'> {
  readonly queue: string;
  readonly driver?: string;
  readonly trust?: boolean;
  readonly workers?: number;
}

export interface Bench {
  readonly threads: number;
  /** Jobs that may wait here for a thread. */
  readonly ahead: number;
  run(job: Job): Promise<JobResult>;
  close(): Promise<void>;
}

/** The name of a configuration that came from the queue. */
const SENT = '<campaign>';

const one = async (carrier: Carrier, job: Job): Promise<JobResult> => {
  const [result] = await carrier.run([job]);
  return result as JobResult;
};

/** @throws ApemuError `APEMU_ERR_QUEUE_DIFFERS` for a computer that has something else than the campaign */
const checkAll = ({ manifest }: FoundCampaign, facts: Facts): void =>
  checkFacts(manifest.facts, { ...ownFacts(), ...facts });

/** Configuration and driver: files of this computer, or what the campaign sends. */
const materialOf = async (
  { manifest, store }: FoundCampaign,
  file: string | undefined,
  { driver }: WorkerOptions,
  io: CommandIo,
): Promise<Pick<TargetSpec, 'config' | 'file' | 'bundle'>> => {
  if (file !== undefined && driver !== undefined) {
    showWarnings(loadConfigFile(file), io);
    return { config: readText(file, CONFIGURATION), file, bundle: await bundleDriver(driver) };
  }
  if (manifest.code === undefined)
    throw new ApemuError(
      'APEMU_ERR_USAGE_WORKER',
      'the campaign sends no driver: it is about a kernel (expected --kernel as the coordinator has it)',
    );
  return { file: SENT, ...(await readCode(manifest.code, store)) };
};

/** Threads with the campaign's driver. */
export const driverBench = async (
  campaign: FoundCampaign,
  file: string | undefined,
  options: WorkerOptions,
  io: CommandIo,
): Promise<Bench> => {
  const { guest, seed, recoverNs, without } = campaign.manifest;
  const material = await materialOf(campaign, file, options, io);
  const spec: TargetSpec = { ...material, guest, seed, recoverNs, perSecond: undefined, without };
  // A worker that trusts the campaign uses the campaign's configuration and driver, so there is nothing to compare.
  if (options.trust !== true) checkAll(campaign, driverFacts(spec.config, spec.bundle));
  const threads = options.workers ?? availableParallelism();
  const carrier = await threadsFor(spec, threads);
  checkTarget(campaign.manifest, carrier.facts);
  return {
    threads,
    ahead: 1,
    run: (job) => one(carrier, job),
    close: () => carrier.close(),
  };
};

/** Guests with the campaign's kernel, a carrier each: every job is one guest's. */
export const kernelBench = async (
  campaign: FoundCampaign,
  file: string,
  options: WorkerOptions,
  io: CommandIo,
): Promise<Bench> => {
  const { guest, seed, without } = campaign.manifest;
  const base = await targetOptions(file, { ...options, guest, seed }, io);
  const threads = options.workers ?? 1;
  const settings = { ...base, workers: 1, without: new Set(without) };
  checkAll(campaign, await kernelFacts(readText(file, CONFIGURATION), base));
  const carriers: KernelCarrier[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(carriers.map((carrier) => carrier.close()));
  };
  try {
    for (let n = 0; n < threads; n++) {
      const carrier = await KernelCarrier.create(settings);
      carriers.push(carrier);
      checkTarget(campaign.manifest, carrier.facts);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const free = [...carriers];
  const run = async (job: Job): Promise<JobResult> => {
    // BullMQ asks for as many jobs as there are guests.
    const carrier = free.pop() as KernelCarrier;
    try {
      return await one(carrier, job);
    } finally {
      free.push(carrier);
    }
  };
  return { threads, ahead: 0, run, close };
};
