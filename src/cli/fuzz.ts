// SPDX-License-Identifier: Apache-2.0
// `apemu fuzz`: a driver under scenarios (`--driver`), replays (`--replay`), or apemu's own rules (`--self`).
// Source: docs/design.md sections 7 and 10.

import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { PROGRAM, readText } from '../config/text-file.ts';
import { parseDurationNs, parseNumber } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import { isScenario } from '../fuzz/replay.ts';
import { oracleNames } from '../oracle/oracles.ts';
import { parseProgram } from '../program/parse.ts';
import type { AddCommand } from './add-command.ts';
import { parseSeed } from './exec.ts';
import { refuseUnheard, wayOf } from './fuzz-conflicts.ts';
import { fuzzDriver } from './fuzz-driver.ts';
import { fuzzKernel } from './fuzz-kernel.ts';
import type { FuzzOptions } from './fuzz-options.ts';
import { replayScenarios } from './fuzz-replay.ts';
import { fuzzSelf, replaySelf } from './fuzz-self.ts';
import type { CommandIo } from './io.ts';
import { portOption } from './loopback-server.ts';
import { outputOption } from './output-file.ts';

/** Folder of a campaign that names none. */
const OUT = 'apemu-fuzz';
const CAMPAIGN_CASES = 100_000;

export const addFuzz: AddCommand = (program, io, done) => {
  program
    .command('fuzz')
    .description('look for the shortest scenario in which a driver fails')
    .argument('[config]', 'configuration of the machine')
    .option('--driver <module>', 'the driver: a module with a guest program, or ap-bus')
    .option('--kernel [kernel]', 'instead of a driver: a Linux under QEMU, a series or a file')
    .option('--initrd <file>', 'with --kernel FILE: its initial RAM disk')
    .option('--append <text>', 'with --kernel: more of its command line')
    .option('--cover <pattern>', 'with --kernel: functions or modules to cover besides', pattern)
    .option(
      '--vmlinux <files>',
      'with --kernel: its image and modules with debug information, with commas',
      (text: string) => text.split(','),
    )
    .option(
      '--portable',
      'with --kernel: a new QEMU for each case, though there may be a faster way',
    )
    .option('--lpar', 'with --kernel: it has vfio_ap and guests, and its administrator is at work')
    .option('--blind', 'with --kernel: without feedback, to compare')
    .option(
      '--planted',
      'with --kernel: the program in the guest makes a mistake that must be found',
    )
    .option('--from <dir>', 'begin with the scenarios of another campaign')
    .option('--against <kernel>', 'with --replay and --kernel: tell where another kernel differs')
    .option('--replay <path>', 'run a scenario, or all of a folder, instead')
    .option('--out <dir>', 'corpus, findings and report; goes on with what is there', OUT)
    .option('--seed <number>', 'the same seed gives the same cases', parseSeed, 1)
    .option('--cases <number>', 'cases in all', wholeNumber('cases'), CAMPAIGN_CASES)
    .option('--time <time>', 'stop after so much time, such as 600s', time('time'))
    .option(
      '--workers <number>',
      'threads; default one less than cores, with --kernel 1',
      wholeNumber('workers'),
    )
    .option('--queue <url>', 'workers on other machines execute the cases (apemu worker)')
    .option('--jobs <number>', 'jobs of a generation at most', wholeNumber('jobs'))
    .option('--job-cases <number>', 'cases of a job', wholeNumber('job-cases'))
    .option('--guest <name>', 'guest that runs the driver; default the first with queues')
    .option('--without <oracles>', 'oracles that are switched off, with commas', oracleNames)
    .option(
      '--recover-within <time>',
      'virtual time to work again; default 300s',
      time('recover-within'),
    )
    .option('--http [port]', 'a page on this computer that shows the campaign live', portOption)
    .option('--junit <file>', 'with --replay: the result as JUnit XML', outputOption)
    .option('--json', 'the result as one record')
    .option('--self', "instead: generated instructions against apemu's own rules")
    .option('--count <streams>', 'with --self: streams in all', wholeNumber('count'), 100)
    .option('--lines <number>', 'with --self: lines of a stream', wholeNumber('lines'), 400)
    .option('--save <dir>', 'with --self: where findings go, and the state to resume from')
    .option('--keep-config', 'with --self: only the configuration as it is')
    .action(async (config: string | undefined, options: FuzzOptions, command: Command) => {
      done(await fuzz(config, options, command, io));
    });
};

async function fuzz(
  config: string | undefined,
  options: FuzzOptions,
  command: Command,
  io: CommandIo,
): Promise<number> {
  const { driver, self, replay } = options;
  if ([driver, options.kernel, self].filter((one) => one !== undefined).length > 1)
    throw new ApemuError(
      'APEMU_ERR_USAGE_FUZZ',
      '--driver, --kernel and --self exclude each other',
    );
  if (options.queue !== undefined && options.workers !== undefined)
    throw new ApemuError(
      'APEMU_ERR_USAGE_FUZZ',
      '--workers are of this computer, those of a --queue are started with apemu worker',
    );
  if (options.against !== undefined && (replay === undefined || options.kernel === undefined))
    throw new ApemuError(
      'APEMU_ERR_USAGE_FUZZ',
      '--against goes with --replay and --kernel (apemu fuzz --replay PATH --kernel 6.12 --against 6.1)',
    );
  const own = replay !== undefined && isOwn(replay, options);
  if (replay !== undefined || self === true || driver !== undefined || options.kernel !== undefined)
    refuseUnheard(wayOf(options, own), command);
  if (replay !== undefined)
    return own
      ? await replaySelf(config, replay, options, io)
      : await replayScenarios(config, replay, options, io);
  if (self === true) return await fuzzSelf(config, options, io);
  if (driver === undefined && options.kernel === undefined)
    throw new ApemuError(
      'APEMU_ERR_USAGE_FUZZ',
      "nothing to fuzz (expected --driver MODULE for a driver, --kernel for a Linux, --self for apemu's own rules, or --replay)",
    );
  if (config === undefined)
    throw new ApemuError(
      'APEMU_ERR_USAGE_CONFIG',
      'a configuration is missing (apemu fuzz CONFIG --driver MODULE, or --kernel)',
    );
  if (driver === undefined) return await fuzzKernel(config, options, io);
  return await fuzzDriver(config, driver, options, io);
}

/** A program without events is checked against apemu's own rules. */
const isOwn = (path: string, { self }: FuzzOptions): boolean => {
  if (self === true) return true;
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return false;
  return !isScenario(parseProgram(readText(path, PROGRAM), path));
};

export const wholeNumber =
  (option: string) =>
  (text: string): number => {
    const value = parseNumber(text);
    if (value !== undefined && value > 0) return value;
    const message = `--${option} is ${text} (expected a number above 0)`;
    throw new ApemuError('APEMU_ERR_USAGE_NUMBER', message);
  };

const time =
  (option: string) =>
  (text: string): number => {
    const value = parseDurationNs(text);
    if (value !== undefined && value > 0) return value;
    const message = `--${option} is ${text} (expected a time with its unit, such as 600s)`;
    throw new ApemuError('APEMU_ERR_USAGE_TIME', message);
  };

export const pattern = (text: string): RegExp => {
  try {
    return new RegExp(text);
  } catch (cause) {
    const message = `--cover ${text} is no pattern: ${(cause as Error).message}`;
    throw new ApemuError('APEMU_ERR_USAGE_PATTERN', message, { cause });
  }
};
