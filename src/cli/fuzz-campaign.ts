// SPDX-License-Identifier: Apache-2.0
// A campaign of `apemu fuzz` from its beginning to its end, whatever is under test: shows how it goes, writes what it finds.
// Source: docs/design.md section 10.

import { join } from 'node:path';
import type { Campaign } from '../fuzz/campaign.ts';
import { describeFinding, type Finding, saveFinding } from '../fuzz/finding.ts';
import { cellName, LEGAL_CELLS, unmet } from '../fuzz/grid.ts';
import type { PageFunction } from '../fuzz/page-data.ts';
import { type CampaignStats, statsOf } from '../fuzz/statistics.ts';
import {
  type CampaignStore,
  CONFIG_FILE,
  FINDINGS_FOLDER,
  PLOT_FILE,
  STATS_FILE,
} from '../fuzz/store.ts';
import { CELL_COUNT } from '../target/architected.ts';
import type { DriverBundle } from '../target/program/driver-bundle.ts';
import { printable } from './errors.ts';
import type { FuzzOptions } from './fuzz-options.ts';
import { CampaignPage } from './fuzz-page.ts';
import { placesText, statusScreen } from './fuzz-status.ts';
import { breathe, type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { count } from './text.ts';

/** Milliseconds between two saves, and two looks of a terminal. */
const SAVE_MS = 1_000;
/** Milliseconds between two lines of progress without a terminal. */
const LINE_MS = 5_000;

interface Running {
  readonly campaign: Campaign;
  readonly store: CampaignStore;
  readonly bundle: DriverBundle;
  readonly stats: () => CampaignStats;
  readonly functions: (() => readonly PageFunction[]) | undefined;
}

export interface CampaignRun {
  readonly campaign: Campaign;
  readonly store: CampaignStore;
  readonly bundle: DriverBundle;
  /** What is under test, as the user named it. */
  readonly driver: string;
  /** The configuration as it is written into a folder of the campaign. */
  readonly inFolder: (folder: string) => string;
  /** For a kernel: options with which a finding is replayed, and what the page shows about its functions. */
  readonly replayOptions?: string;
  readonly functions?: () => readonly PageFunction[];
  /** Called when everything is over, before the page is written. */
  readonly ends?: () => Promise<void>;
  readonly options: FuzzOptions;
  readonly io: CommandIo;
}

/** Runs a campaign to its end. Returns the exit code. */
export async function runCampaign(run: CampaignRun): Promise<number> {
  const { campaign, store, bundle, driver, inFolder, replayOptions, functions, options, io } = run;
  const { guest } = campaign.facts.space;
  store.write(CONFIG_FILE, inFolder('.'));
  const began = performance.now();
  const before = campaign.cases;
  const seconds = (): number => (performance.now() - began) / 1000;
  const placesAll = bundle.files.reduce((sum, { lines }) => sum + lines.length, 0);
  const stats = (): CampaignStats =>
    statsOf(campaign, placesAll, CELL_COUNT, seconds(), campaign.cases - before);
  if (campaign.driverChanged) io.err('the driver has changed: its corpus is run again\n');
  if (campaign.cases > 0) io.err(`going on after ${count(campaign.cases, 'case')}\n`);
  const running: Running = { campaign, store, bundle, stats, functions };
  const page = await CampaignPage.open(running, options.http, io);
  const screen = statusScreen(io, { driver, folder: store.folder, linesMs: LINE_MS });
  // The first generation is saved at once.
  let saved = Number.NEGATIVE_INFINITY;
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
        const context = { driver, guest, seed: options.seed, replayOptions };
        saveFinding(store, finding, context, inFolder(join(FINDINGS_FOLDER, finding.id)));
        screen.say(`${printable(findingText(finding, store, context))}\n`);
      }
      if (performance.now() - saved >= SAVE_MS) keep();
      screen.show(stats());
      page.changed();
      await breathe();
    }
  } catch (error) {
    // When the user interrupts a kernel's campaign, the cases under way are not waited for.
    if (!io.signal.aborted) throw error;
  } finally {
    screen.end();
    await page.close();
  }
  keep();
  await run.ends?.();
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
  const by = finding.by === undefined ? '' : `    ${finding.by}\n`;
  return `finding ${finding.id}: ${describeFinding(finding, context)}\n${lines}\n${by}    saved in ${join(store.folder, FINDINGS_FOLDER, finding.id)}`;
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
    `code ${placesText(now)}, ${count(now.cells, 'architected cell')}, ${count(now.pairs, 'pair')} of codes, ${count(now.corpus, 'scenario')} kept\n`,
  );
  const missing = unmet(campaign.hits, campaign.facts.codeFeatures);
  io.out(`legal cells ${LEGAL_CELLS.length - missing.length} of ${LEGAL_CELLS.length}`);
  io.out(missing.length === 0 ? '\n' : `, not met: ${missing.map(cellName).join(', ')}\n`);
  for (const [text, times] of [...campaign.advice].sort((a, b) => b[1] - a[1]).slice(0, 5))
    io.out(`advice: ${printable(text)}: in ${count(times, 'instruction')}\n`);
  for (const [key, times] of campaign.broken)
    io.out(`broken in ${count(times, 'case')}: ${printable(key)}\n`);
  for (const key of new Set(campaign.unconfirmed))
    io.out(
      `not confirmed ${options.queue === undefined ? 'after a fresh boot' : 'by the coordinator'}: ${printable(key)}\n`,
    );
  const stopped = io.signal.aborted ? ', interrupted' : '';
  const verdict =
    now.findings === 0
      ? 'nothing found'
      : `${count(now.findings, 'finding')} in ${join(store.folder, FINDINGS_FOLDER)}`;
  io.out(`${count(now.cases, 'case')}${stopped}: ${verdict}\n`);
}
