// SPDX-License-Identifier: Apache-2.0
// `apemu fuzz CONFIG --kernel [FILE]`: a campaign against the AP drivers of a kernel under QEMU, and replays of what it found.
// Source: docs/design.md section 10.

import { existsSync } from 'node:fs';
import { loadConfigFile } from '../config/load.ts';
import { CONFIGURATION, readText } from '../config/text-file.ts';
import { ApemuError } from '../errors.ts';
import { Campaign } from '../fuzz/campaign.ts';
import { configWithGuest } from '../fuzz/config-file.ts';
import type { Carrier } from '../fuzz/job.ts';
import type { PageFunction } from '../fuzz/page-data.ts';
import { CampaignStore } from '../fuzz/store.ts';
import type { KernelCoverage } from '../kernel-fuzz/coverage.ts';
import { KernelCarrier } from '../kernel-fuzz/kernel-carrier.ts';
import type { KernelGuest } from '../kernel-fuzz/kernel-guest.ts';
import type { KernelTarget, KernelTargetOptions } from '../kernel-fuzz/kernel-target.ts';
import { blockName, functionsOf, type ReachedBlock } from '../kernel-fuzz/reached.ts';
import { sourceLines } from '../kernel-fuzz/source-lines.ts';
import { findGuestImage, type GuestImage, makeGuestImage } from '../qemu/guest-image/build.ts';
import { DEFAULT_SERIES, KERNEL_SERIES } from '../qemu/guest-image/suites.ts';
import { type BuiltPlugin, buildPlugin } from '../qemu/plugin/build.ts';
import { guestOf } from '../target/program/configured.ts';
import { runCampaign } from './fuzz-campaign.ts';
import { kernelQueue } from './fuzz-kernel-queue.ts';
import type { FuzzOptions } from './fuzz-options.ts';
import type { CommandIo } from './io.ts';
import { showWarnings } from './text.ts';

/** Jobs of a generation for each guest, and cases of a job: a case takes a tenth of a second. */
const JOBS_A_GUEST = 2;
/** The same for guests on other machines. Their number is not known and must not change what is done. */
const KERNEL_JOBS = 256;
const GUEST_JOB_CASES = 8;
/** Findings of one oracle and way that are made short: each takes as long as hundreds of cases. */
const SHORTENED = 2;
/** The same, of those that are unlike all findings so far. */
const SHORTENED_UNLIKE = 6;

/** Options that say what a kernel under test is. */
export type KernelOptions = Pick<
  FuzzOptions,
  'kernel' | 'initrd' | 'append' | 'cover' | 'guest' | 'lpar' | 'portable' | 'planted' | 'seed'
>;

/** The kernel of the option: one of the series for which there are packages, a file with its `--initrd`, or the newest series. */
const imageOf = async ({ kernel, initrd }: KernelOptions, io: CommandIo): Promise<GuestImage> => {
  const series = kernel === true ? DEFAULT_SERIES : String(kernel);
  if (kernel === true || KERNEL_SERIES.includes(series))
    return (
      findGuestImage(series) ??
      (await makeGuestImage(series, { log: (line) => io.err(`${line}\n`) }))
    );
  for (const file of [series, initrd])
    if (file !== undefined && !existsSync(file))
      throw new ApemuError(
        'APEMU_ERR_USAGE_KERNEL',
        `there is no file ${file} (expected a kernel image, or one of the series ${KERNEL_SERIES.join(', ')})`,
      );
  if (initrd !== undefined) return { kernel: series, initrd };
  throw new ApemuError(
    'APEMU_ERR_USAGE_KERNEL',
    `--kernel ${series} needs --initrd FILE: an initramfs whose init reads commands as that of apemu guest-image does (apemu.console=script)`,
  );
};

/** Blocks of code that were reached, of a campaign's folder. */
const BLOCKS_FILE = 'blocks.txt';

/** What the target is made from, with words about what there is not. */
export const targetOptions = async (
  config: string,
  options: KernelOptions,
  io: CommandIo,
): Promise<KernelTargetOptions> => {
  const loaded = loadConfigFile(config);
  showWarnings(loaded, io);
  const image = await imageOf(options, io);
  const say = (text: string): void => io.err(`${text}\n`);
  const unwanted: BuiltPlugin = { why: '--portable' };
  const moment = options.portable === true ? unwanted : await buildPlugin('moment');
  const cover = await buildPlugin('cover');
  if (cover.path === undefined)
    say(`no coverage of the kernel's code, only of codes and states: ${cover.why}`);
  if (moment.path === undefined) say(`each return to the moment is a new QEMU: ${moment.why}`);
  const { append, cover: more, guest, seed } = options;
  return {
    config: loaded.config,
    guest: guestOf(loaded.config, guest).name,
    image,
    append,
    moment,
    cover,
    more,
    seed,
    host: options.lpar,
    planted: options.planted,
    signal: io.signal,
  };
};

/** The kernel by the name that the user gave. */
export const nameOf = ({ kernel }: FuzzOptions): string =>
  kernel === true ? `kernel ${DEFAULT_SERIES}` : `kernel ${kernel}`;

const replayOptionsOf = ({ kernel, initrd, append, lpar }: FuzzOptions): string =>
  [
    kernel === true ? '--kernel' : `--kernel ${kernel}`,
    initrd === undefined ? '' : `--initrd ${initrd}`,
    append === undefined ? '' : `--append '${append}'`,
    lpar === true ? '--lpar' : '',
  ]
    .filter((word) => word !== '')
    .join(' ');

/** What is known of the code that a campaign has reached. */
class ReachedCode {
  readonly #coverage: KernelCoverage | undefined;
  readonly #campaign: Campaign;
  #lines: ReadonlyMap<string, string> = new Map();

  constructor(coverage: KernelCoverage | undefined, campaign: Campaign) {
    this.#coverage = coverage;
    this.#campaign = campaign;
  }

  get #blocks(): ReachedBlock[] {
    return this.#coverage?.blocksOf(this.#campaign.places) ?? [];
  }

  functions(): readonly PageFunction[] {
    return functionsOf(this.#coverage?.symbols ?? [], this.#blocks, this.#lines);
  }

  /** Names lines of source from now on. */
  async findLines(files: readonly string[]): Promise<void> {
    this.#lines = await sourceLines(files, this.#blocks);
  }

  /** The text, with a line for each block. */
  text(): string {
    return this.#blocks
      .map((block) => {
        const name = blockName(block);
        const place = this.#lines.get(name);
        return place === undefined ? `${name}\n` : `${name}  ${place}\n`;
      })
      .join('');
  }
}

/** What makes two campaigns the same. */
const identityOf = (
  config: string,
  { prepared: { release } }: KernelGuest,
  { guest, host }: KernelTargetOptions,
  options: FuzzOptions,
): string => {
  const { seed, without = new Set(), blind, jobs, jobCases } = options;
  const sizes = jobs === undefined && jobCases === undefined ? [] : [jobs ?? 0, jobCases ?? 0];
  return JSON.stringify([
    config,
    nameOf(options),
    release,
    guest,
    seed,
    [...without].sort(),
    blind === true,
    ...(host === true ? ['lpar'] : []),
    ...sizes,
  ]);
};

/** How the kernel is taken back, and what cannot be seen of it. */
const introduce = ({ level, prepared, coverage }: KernelGuest, cover: BuiltPlugin): string => {
  const how = level === 'in place' ? 'in place' : 'by a new QEMU each time';
  const blind =
    cover.path === undefined || coverage !== undefined
      ? ''
      : "no coverage of the kernel's code: it has no /proc/kallsyms, or none of its symbols are those of AP drivers\n";
  return `Linux ${prepared.release}: back to the moment after its boot ${how}\n${blind}`;
};

export async function fuzzKernel(
  file: string,
  options: FuzzOptions,
  io: CommandIo,
): Promise<number> {
  const { seed, workers = 1, without = new Set(), blind = false, vmlinux = [] } = options;
  // What cannot be read is said before a kernel boots.
  await sourceLines(vmlinux, []);
  const base = await targetOptions(file, options, io);
  const config = readText(file, CONFIGURATION);
  const guests = await KernelCarrier.create({ ...base, workers, without });
  const { guest } = guests.targets[0] as KernelTarget;
  io.err(introduce(guest, base.cover));
  const identity = identityOf(config, guest, base, options);
  const driver = nameOf(options);
  const carrier: Carrier =
    options.queue === undefined
      ? guests
      : await kernelQueue(options.queue, { config, base, driver, guests, identity }, options, io);
  try {
    const store = new CampaignStore(options.out);
    if (options.from !== undefined) store.takeOver(options.from);
    const campaign = new Campaign(
      {
        seed,
        identity,
        jobs: options.jobs ?? (options.queue === undefined ? JOBS_A_GUEST * workers : KERNEL_JOBS),
        jobCases: options.jobCases ?? GUEST_JOB_CASES,
        shortened: SHORTENED,
        shortenedUnlike: SHORTENED_UNLIKE,
        blind,
      },
      carrier,
      store,
    );
    const code = new ReachedCode(guest.coverage, campaign);
    const exit = await runCampaign({
      campaign,
      store,
      bundle: { name: driver, code: '', digest: '', files: [], args: {} },
      driver,
      inFolder: () => configWithGuest(config, seed),
      replayOptions: replayOptionsOf(options),
      functions: () => code.functions(),
      ends: async () => {
        await code.findLines(vmlinux);
        store.write(BLOCKS_FILE, code.text());
      },
      options,
      io,
    });
    if (!io.signal.aborted) carrier.ended?.();
    return exit;
  } finally {
    await carrier.close();
  }
}
