// SPDX-License-Identifier: Apache-2.0
// `apemu worker --queue URL`: does jobs of a campaign whose coordinator is elsewhere, until the campaign has come to its end.
// Source: docs/campaigns.md.

import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import { connectQueue, loadPackages, type QueueConnection } from '../campaign/queue/connection.ts';
import { checkFacts, type FoundCampaign, findCampaign } from '../campaign/queue/manifest.ts';
import type { Manifest } from '../campaign/queue/messages.ts';
import { QueueWorker } from '../campaign/queue/queue-worker.ts';
import { ApemuError } from '../errors.ts';
import type { AddCommand } from './add-command.ts';
import { printable } from './errors.ts';
import { pattern, wholeNumber } from './fuzz.ts';
import { ownFacts } from './fuzz-queue.ts';
import { type CommandIo, EXIT_OK } from './io.ts';
import { count } from './text.ts';
import { type Bench, driverBench, kernelBench, type WorkerOptions } from './worker-bench.ts';

/** Milliseconds between two looks for a campaign, or for its end. */
const CAMPAIGN_LOOK_MS = 1_000;
/** Milliseconds between two lines of progress. */
const WORKER_LINE_MS = 30_000;
/** Jobs in hand are given back when a worker is stopped, if that does not take longer. */
const CLOSE_MS = 600;

export const addWorker: AddCommand = (program, io, done) => {
  program
    .command('worker')
    .description('do cases of a campaign that is coordinated elsewhere')
    .argument('[config]', "the campaign's configuration, as it is on this computer")
    .requiredOption('--queue <url>', 'the Redis of the campaign: redis://HOST, or a Unix socket')
    .option('--driver <module>', "the campaign's driver, as it is on this computer")
    .option('--kernel [kernel]', "the campaign's kernel, as it is on this computer")
    .option('--initrd <file>', 'with --kernel FILE: its initial RAM disk')
    .option('--append <text>', 'with --kernel: more of its command line')
    .option('--cover <pattern>', 'with --kernel: functions or modules to cover besides', pattern)
    .option('--portable', 'with --kernel: a new QEMU for each case')
    .option('--lpar', 'with --kernel: it has vfio_ap and guests')
    .option('--trust', 'execute the configuration and the driver that the queue sends')
    .option(
      '--workers <number>',
      'threads, default all cores; guests, default one',
      wholeNumber('workers'),
    )
    .action(async (config: string | undefined, options: WorkerOptions, _command: Command) => {
      done(await work(config, options, io));
    });
};

/** What is under test must be said: nothing that a queue sends is executed unless `--trust` says so. */
const checkOptions = (config: string | undefined, options: WorkerOptions): void => {
  const { driver, kernel, trust } = options;
  const subjects = [driver, kernel, trust].filter((one) => one !== undefined).length;
  if (subjects !== 1)
    throw new ApemuError(
      'APEMU_ERR_USAGE_WORKER',
      'what is under test? (expected --driver MODULE or --kernel as the coordinator has it, or --trust to execute what the queue sends)',
    );
  if ((config === undefined) !== (trust === true))
    throw new ApemuError(
      'APEMU_ERR_USAGE_CONFIG',
      trust === true
        ? 'with --trust the configuration comes from the queue (expected none)'
        : 'a configuration is missing (apemu worker CONFIG --driver MODULE --queue URL)',
    );
};

/** @throws ApemuError `APEMU_ERR_QUEUE_DIFFERS` for another build, or a campaign about something else */
const checkKind = ({ kind, facts }: Manifest, { kernel }: WorkerOptions): void =>
  checkFacts(
    { apemu: facts['apemu'] ?? 'none', 'under test': kind },
    { ...ownFacts(), 'under test': kernel === undefined ? 'driver' : 'kernel' },
  );

async function work(
  config: string | undefined,
  options: WorkerOptions,
  io: CommandIo,
): Promise<number> {
  checkOptions(config, options);
  const connection = await connectQueue(
    options.queue,
    process.env['REDISCLI_AUTH'],
    await loadPackages(),
  );
  for (const warning of connection.warnings) io.err(`${warning}\n`);
  try {
    const campaign = await waitFor(connection, io);
    if (campaign === undefined) return EXIT_OK;
    checkKind(campaign.manifest, options);
    const bench =
      options.kernel === undefined
        ? await driverBench(campaign, config, options, io)
        : await kernelBench(campaign, config as string, options, io);
    try {
      await serve(connection, campaign, bench, io);
    } finally {
      await bench.close();
    }
    return EXIT_OK;
  } finally {
    connection.client.disconnect();
  }
}

/** The campaign of the queue, as soon as there is one. */
const waitFor = async (
  { client, name }: QueueConnection,
  io: CommandIo,
): Promise<FoundCampaign | undefined> => {
  let told = false;
  while (!io.signal.aborted) {
    const found = await findCampaign(client);
    if (found !== undefined) return found;
    if (!told) io.err(`no campaign at ${name} yet; waiting for one\n`);
    told = true;
    await paused(io);
  }
  return undefined;
};

const paused = (io: CommandIo): Promise<void> =>
  wait(CAMPAIGN_LOOK_MS, undefined, { signal: io.signal }).catch(() => {});

const serve = async (
  connection: QueueConnection,
  { id, manifest }: FoundCampaign,
  bench: Bench,
  io: CommandIo,
): Promise<void> => {
  const worker = new QueueWorker({
    connection,
    campaign: id,
    run: (job) => bench.run(job),
    threads: bench.threads,
    ahead: bench.ahead,
    say: (line) => io.err(`${line}\n`),
  });
  io.err(printable(`${worker.name} works for campaign ${id} of ${manifest.driver}\n`));
  let told = performance.now();
  const stopped = new Promise<'stopped'>((resolve) => {
    io.signal.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
  try {
    while (!io.signal.aborted) {
      await paused(io);
      // A Redis that is away must not keep the worker from ending.
      if ((await Promise.race([worker.dismissed(), stopped])) === true) break;
      if (performance.now() - told < WORKER_LINE_MS) continue;
      told = performance.now();
      io.err(`${count(worker.jobs, 'job')}, ${count(worker.cases, 'case')}\n`);
    }
  } finally {
    await Promise.race([worker.close(), wait(CLOSE_MS)]);
  }
  io.out(`${count(worker.jobs, 'job')}, ${count(worker.cases, 'case')}\n`);
};
