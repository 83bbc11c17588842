// SPDX-License-Identifier: Apache-2.0
// `apemu fuzz CONFIG --self`: generated instruction streams against apemu's own rules; the shortest reproducer as an AP program.
// Source: docs/design.md section 7.

import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadConfigFile } from '../config/load.ts';
import { makeFolders } from '../config/make-folders.ts';
import { type FileKind, PROGRAM, readText } from '../config/text-file.ts';
import { ApemuError } from '../errors.ts';
import { parseProgram } from '../program/parse.ts';
import { printStatement } from '../program/print.ts';
import { Campaign, type CampaignOptions, type CampaignState } from '../self-check/campaign.ts';
import { plainConfig } from '../self-check/config.ts';
import { type Finding, findingConfig, findingName, findingProgram } from '../self-check/finding.ts';
import { RULES } from '../self-check/rules.ts';
import { isCampaignState } from '../self-check/saved-state.ts';
import type { Statistics } from '../self-check/statistics.ts';
import { replay } from '../self-check/stream.ts';
import { breathe, type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { count, showWarnings, table } from './text.ts';

export interface SelfOptions {
  readonly seed: number;
  readonly count: number;
  readonly lines: number;
  readonly save?: string;
  readonly keepConfig?: boolean;
  readonly json?: boolean;
}

const STATE_FILE = 'fuzz-state.json';
const STATE: FileKind = { ...PROGRAM, name: 'state', code: 'APEMU_ERR_FUZZ_STATE' };
/** Milliseconds between two lines of progress. */
const FUZZ_PROGRESS_MS = 2_000;
/** Milliseconds between two looks at Ctrl-C. */
const PAUSE_MS = 50;
/** Streams between two saves of the state. */
const SAVE_EVERY = 10;

const needConfig = (config: string | undefined): string => {
  if (config !== undefined) return config;
  throw new ApemuError(
    'APEMU_ERR_USAGE_CONFIG',
    'a configuration is missing (apemu fuzz CONFIG --self)',
  );
};

export async function fuzzSelf(
  file: string | undefined,
  options: SelfOptions,
  io: CommandIo,
): Promise<number> {
  const loaded = loadConfigFile(needConfig(file));
  showWarnings(loaded, io);
  const { seed, lines, keepConfig, save } = options;
  const pause = pauses(io);
  const run = { config: plainConfig(loaded.config), firstSeed: seed, lines, keepConfig, pause };
  const campaign = new Campaign(run, save === undefined ? undefined : savedState(save, run));
  if (campaign.state.streams > 0)
    io.err(`going on after ${count(campaign.state.streams, 'stream')}\n`);
  // Now, not after an hour, if the folder cannot be written.
  if (save !== undefined) saveState(save, campaign.state);
  await runStreams(campaign, options, io);
  if (save !== undefined) saveState(save, campaign.state);
  report(campaign.state, options, io);
  return campaign.found ? EXIT_MISMATCH : EXIT_OK;
}

async function runStreams(campaign: Campaign, options: SelfOptions, io: CommandIo): Promise<void> {
  let shown = performance.now();
  while (campaign.state.streams < options.count && !io.signal.aborted) {
    const finding = await nextStream(campaign, io);
    if (io.signal.aborted) break;
    if (finding !== undefined) showFinding(finding, options, io);
    if (options.save !== undefined && campaign.state.streams % SAVE_EVERY === 0)
      saveState(options.save, campaign.state);
    if (performance.now() - shown >= FUZZ_PROGRESS_MS) {
      shown = performance.now();
      io.err(`${progress(campaign.state, options.count)}\n`);
    }
    await breathe();
  }
}

/** Runs the next stream. A stream that is interrupted is not counted, so that it is run again from the saved state. */
async function nextStream(campaign: Campaign, io: CommandIo): Promise<Finding | undefined> {
  try {
    return await campaign.next();
  } catch (error) {
    if (io.signal.aborted) return undefined;
    throw error;
  }
}

/** Lets events in every now and then. @throws the reason of the signal once it is aborted */
function pauses(io: CommandIo): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < PAUSE_MS) return;
    await breathe();
    last = performance.now();
    io.signal.throwIfAborted();
  };
}

const progress = (state: CampaignState, total: number): string => {
  const { instructions } = state.statistics;
  const found = Object.values(state.broken).reduce((sum, streams) => sum + streams, 0);
  return `${state.streams} of ${count(total, 'stream')}, ${count(instructions, 'instruction')}, ${count(found, 'finding')}`;
};

/** Saves a finding, or prints its program where it is not saved. */
function showFinding(finding: Finding, options: SelfOptions, io: CommandIo): void {
  const name = findingName(finding);
  const program = findingProgram(finding, `${name}.yaml`);
  io.err(`seed ${finding.seed}: ${finding.violation.rule}: ${finding.violation.message}\n`);
  if (options.save === undefined) {
    io.err(program);
    return;
  }
  saveText(options.save, `${name}.ap`, program);
  saveText(options.save, `${name}.yaml`, findingConfig(finding));
  io.err(`saved ${join(options.save, `${name}.ap`)}\n`);
}

/** The state in a folder, if there is one. @throws ApemuError when it belongs to another run */
function savedState(folder: string, options: CampaignOptions): CampaignState | undefined {
  const file = join(folder, STATE_FILE);
  if (!existsSync(file)) return undefined;
  const text = readText(file, STATE);
  const state = readState(text, file);
  if (state !== null && Campaign.fits(state, options)) {
    if (isCampaignState(state)) return state;
    throw noState(file);
  }
  throw new ApemuError(
    'APEMU_ERR_USAGE_RESUME',
    `${file} is the state of another run (expected the same configuration, --seed, --lines; or another folder)`,
  );
}

const readState = (text: string, file: string): CampaignState | null => {
  try {
    return JSON.parse(text) as CampaignState | null;
  } catch (cause) {
    throw noState(file, cause);
  }
};

const noState = (file: string, cause?: unknown): ApemuError =>
  new ApemuError(
    'APEMU_ERR_FUZZ_STATE',
    'the file is no state of apemu fuzz, or a damaged one (expected the file as it was written)',
    { place: { file }, cause },
  );

const saveState = (folder: string, state: CampaignState): void =>
  saveText(folder, STATE_FILE, `${JSON.stringify(state)}\n`);

/** @throws ApemuError APEMU_ERR_USAGE_SAVE */
function saveText(folder: string, name: string, text: string): void {
  try {
    makeFolders(folder);
    writeFileSync(join(folder, name), text);
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    const message = `cannot write ${join(folder, name)}: ${errno}`;
    throw new ApemuError('APEMU_ERR_USAGE_SAVE', message, { errno, cause });
  }
}

function report(state: CampaignState, options: SelfOptions, io: CommandIo): void {
  const { statistics, broken, findings, streams } = state;
  if (options.json === true) {
    const record = { seed: options.seed, streams, ...statistics, broken, findings };
    io.out(`${JSON.stringify(record)}\n`);
    return;
  }
  io.out(statisticsTable(statistics));
  const { accepted, answered, flushed, lost } = statistics.messages;
  io.out(
    `messages: ${accepted} accepted, ${answered} answered, ${flushed} flushed, ${lost} lost\n`,
  );
  for (const [rule, number] of Object.entries(broken))
    io.out(`broken in ${count(number, 'stream')}: ${rule}: ${RULES[rule as keyof typeof RULES]}\n`);
  const stopped = streams < options.count ? ', interrupted' : '';
  const verdict = Object.keys(broken).length === 0 ? 'nothing found' : 'rules are broken';
  const done = `${count(streams, 'stream')}, ${count(statistics.instructions, 'instruction')}`;
  io.out(`${done}${stopped}: ${verdict}\n`);
}

/** A row a function, its endings in order. */
const statisticsTable = ({ endings }: Statistics): string =>
  table([
    ['function', 'total', 'endings'],
    ...Object.entries(endings)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, row]) => {
        const entries = Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1));
        const total = entries.reduce((sum, [, number]) => sum + number, 0);
        return [name, String(total), entries.map(([ending, n]) => `${ending}: ${n}`).join(', ')];
      }),
  ]);

/** Checks an AP program against the rules. */
export async function replaySelf(
  config: string | undefined,
  file: string,
  options: SelfOptions,
  io: CommandIo,
): Promise<number> {
  const program = parseProgram(readText(file, PROGRAM), file);
  const named = program.config === undefined ? undefined : join(dirname(file), program.config);
  const loaded = loadConfigFile(needConfig(config ?? named));
  const found = await replay(loaded.config, program.statements, { seed: options.seed });
  if (found === undefined) {
    io.out(`${file}: every rule holds\n`);
    return EXIT_OK;
  }
  const { rule, message } = found.violation;
  const statement = program.statements[found.lines - 1];
  const line = statement === undefined ? '' : printStatement(statement);
  io.out(`${file}:${statement?.line ?? 0}: ${rule}: ${message}\n  ${line}\n  ${RULES[rule]}\n`);
  return EXIT_MISMATCH;
}
