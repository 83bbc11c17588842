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
import { describeFinding, type Finding, saveFinding } from '../fuzz/finding.ts';
import type { Carrier, TargetSpec } from '../fuzz/job.ts';
import { type CampaignStats, statsOf } from '../fuzz/statistics.ts';
import {
  CampaignStore,
  CONFIG_FILE,
  FINDINGS_FOLDER,
  PLOT_FILE,
  STATS_FILE,
} from '../fuzz/store.ts';
import { CELL_COUNT } from '../target/architected.ts';
import { bundleDriver, type DriverBundle } from '../target/program/bundle.ts';
import type { FuzzOptions } from './fuzz-options.ts';
import { CampaignPage } from './fuzz-page.ts';
import { statusScreen } from './fuzz-status.ts';
import { breathe, type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { count, showWarnings } from './text.ts';

/** Milliseconds between two saves, and two looks of a terminal. */
const SAVE_MS = 1_000;
/** Milliseconds between two lines of progress without a terminal. */
const LINE_MS = 5_000;

interface Running {
  readonly campaign: Campaign;
  readonly store: CampaignStore;
  readonly bundle: DriverBundle;
  readonly stats: () => CampaignStats;
}

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
    const campaign = new Campaign({ seed, identity }, carrier, store);
    return await runCampaign({ campaign, store, bundle, driver, config, options, io });
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

interface RunOptions {
  readonly campaign: Campaign;
  readonly store: CampaignStore;
  readonly bundle: DriverBundle;
  readonly driver: string;
  readonly config: string;
  readonly options: FuzzOptions;
  readonly io: CommandIo;
}

async function runCampaign(run: RunOptions): Promise<number> {
  const { campaign, store, bundle, driver, config, options, io } = run;
  const { guest } = campaign.facts.terrain;
  const inFolder = (folder: string): string =>
    configWithDriver(config, {
      guest,
      driver,
      seed: options.seed,
      folder: join(store.folder, folder),
    });
  store.write(CONFIG_FILE, inFolder('.'));
  const began = performance.now();
  const before = campaign.cases;
  const seconds = (): number => (performance.now() - began) / 1000;
  const placesAll = bundle.files.reduce((sum, { lines }) => sum + lines.length, 0);
  const stats = (): CampaignStats =>
    statsOf(campaign, placesAll, CELL_COUNT, seconds(), campaign.cases - before);
  if (campaign.cases > 0) io.err(`going on after ${count(campaign.cases, 'case')}\n`);
  const running: Running = { campaign, store, bundle, stats };
  const page = await CampaignPage.open(running, options.http, io);
  const screen = statusScreen(io, { driver, folder: store.folder, linesMs: LINE_MS });
  let saved = performance.now();
  const keep = (): void => {
    campaign.save();
    const now = stats();
    store.write(STATS_FILE, `${JSON.stringify(now, undefined, 2)}\n`);
    store.append(PLOT_FILE, `${JSON.stringify(now)}\n`);
    saved = performance.now();
  };
  try {
    while (!over(campaign, options, seconds(), io)) {
      for (const finding of await campaign.next(options.cases - campaign.cases)) {
        const context = { driver, guest, seed: options.seed };
        saveFinding(store, finding, context, inFolder(join(FINDINGS_FOLDER, finding.id)));
        screen.say(`${findingText(finding, store, context)}\n`);
      }
      if (performance.now() - saved >= SAVE_MS) keep();
      screen.show(stats());
      page.changed();
      await breathe();
    }
  } finally {
    screen.end();
    await page.close();
  }
  keep();
  page.write();
  report(running, options, io);
  return campaign.findings.length > 0 ? EXIT_MISMATCH : EXIT_OK;
}

const over = (campaign: Campaign, options: FuzzOptions, seconds: number, io: CommandIo): boolean =>
  io.signal.aborted ||
  campaign.cases >= options.cases ||
  (options.time !== undefined && seconds * 1e9 >= options.time);

const findingText = (
  finding: Finding,
  store: CampaignStore,
  context: Parameters<typeof describeFinding>[1],
): string => {
  const lines = finding.lines.replace(/^/gm, '    ').trimEnd();
  return `finding ${finding.id}: ${describeFinding(finding, context)}\n${lines}\n    saved in ${join(store.folder, FINDINGS_FOLDER, finding.id)}`;
};

function report({ campaign, store, stats }: Running, options: FuzzOptions, io: CommandIo): void {
  const now = stats();
  if (options.json === true) {
    const findings = campaign.findings.map(({ id, violation, lines, cases }) => ({
      id,
      ...violation,
      cases,
      lines,
    }));
    io.out(
      `${JSON.stringify({ ...now, broken: Object.fromEntries(campaign.broken), findings })}\n`,
    );
    return;
  }
  io.out(
    `${count(now.cases, 'case')}, ${count(now.executed, 'instruction')}, ${count(now.virtualSeconds, 'virtual second')}\n`,
  );
  io.out(
    `code ${now.places} of ${now.placesAll} places, ${count(now.cells, 'architected cell')}, ${count(now.pairs, 'pair')} of codes, ${count(now.corpus, 'scenario')} kept\n`,
  );
  for (const [text, times] of [...campaign.advice].sort((a, b) => b[1] - a[1]).slice(0, 5))
    io.out(`advice: ${text}: in ${count(times, 'instruction')}\n`);
  for (const [key, times] of campaign.broken) io.out(`broken in ${count(times, 'case')}: ${key}\n`);
  const stopped = io.signal.aborted ? ', interrupted' : '';
  const verdict =
    now.findings === 0
      ? 'nothing found'
      : `${count(now.findings, 'finding')} in ${join(store.folder, FINDINGS_FOLDER)}`;
  io.out(`${count(now.cases, 'case')}${stopped}: ${verdict}\n`);
}
