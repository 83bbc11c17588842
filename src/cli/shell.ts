// SPDX-License-Identifier: Apache-2.0
// `apemu shell CONFIG`: an administrator's shell over a stepped machine; from a terminal, a script, or standard input.
// Source: docs/design.md section 7.

import { Option } from 'commander';
import { loadConfigFile } from '../config/load.ts';
import { CONFIGURATION, type FileKind, readText } from '../config/text-file.ts';
import { KERNEL_PROFILES, type KernelProfileName, type MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { Machine } from '../host/machine/machine.ts';
import { Shell } from '../shell/shell.ts';
import type { AddCommand } from './commands.ts';
import { parseSeed } from './exec.ts';
import type { CommandIo } from './io.ts';
import { s390ToolsOption, withRelease } from './s390-tools-option.ts';
import { shellOptions } from './shell-process.ts';
import { runTerminal } from './shell-terminal.ts';
import { showWarnings } from './text.ts';

interface ShellCommandOptions {
  readonly command?: string;
  readonly bare?: boolean;
  readonly kernel?: KernelProfileName;
  readonly s390Tools?: string;
  readonly seed?: number;
  readonly history: boolean;
  readonly hostFiles?: boolean;
}

export const addShell: AddCommand = (program, io, done) => {
  program
    .command('shell')
    .description("an administrator's shell: sysfs, lszcrypt, mdevctl, guests, virtual time")
    .argument('<config>', 'configuration file')
    .argument('[script]', 'script to run; without one, standard input')
    .argument('[words...]', '$1, $2, … of the script')
    .option('-c, --command <text>', 'run this text and end')
    .option('--bare', 'start from nothing: all queues with the host, no mdevs')
    .addOption(
      new Option('-k, --kernel <profile>', "behaviour, instead of the configuration's").choices([
        ...KERNEL_PROFILES,
      ]),
    )
    .addOption(s390ToolsOption())
    .option('--seed <number>', "the machine's seed, instead of the configuration's", parseSeed)
    .option('--host-files', "the computer's files too, instead of files in memory")
    // What follows the script is the script's.
    .allowUnknownOption()
    .option('--no-history', 'leave the history file alone')
    .action(async (config, script, words, options) => {
      refuseUnknown([config, script]);
      done(await runShell({ config, script, words, ...options }, io));
    });
};

/** An option of ours that does not exist stands where the configuration or the script would. */
function refuseUnknown(words: readonly (string | undefined)[]): void {
  const unknown = words.find((word) => word?.startsWith('-'));
  if (unknown !== undefined)
    throw new ApemuError('APEMU_ERR_USAGE_OPTION', `unknown option ${unknown}`);
}

interface Request extends ShellCommandOptions {
  readonly config: string;
  readonly script: string | undefined;
  readonly words: readonly string[];
}

async function runShell(request: Request, io: CommandIo): Promise<number> {
  const loaded = loadConfigFile(request.config);
  showWarnings(loaded, io);
  const { script, command, seed, bare = false, hostFiles = false } = request;
  const given = command ?? (script === undefined ? undefined : readScript(script));
  const interactive = given === undefined && isTerminal(io);
  const text = given ?? (interactive ? '' : await io.readInput(SCRIPT));
  const machine = await Machine.create(configFor(loaded.config, request), {
    bare,
    ...(seed === undefined ? {} : { seed }),
  });
  const name = command === undefined ? script : undefined;
  const words = [
    name ?? 'apemu',
    ...(command !== undefined && script !== undefined ? [script] : []),
  ];
  const parameters = [...words, ...request.words];
  if (interactive)
    return runTerminal(machine, { parameters, seed, hostFiles }, request.history, io);
  const shell = new Shell(machine, { ...shellOptions(io, hostFiles), parameters, ...seedOf(seed) });
  try {
    return await shell.run(text);
  } finally {
    shell.close();
  }
}

const SCRIPT: FileKind = { ...CONFIGURATION, name: 'script', code: 'APEMU_ERR_USAGE_SCRIPT' };

const seedOf = (seed: number | undefined): { seed?: number } =>
  seed === undefined ? {} : { seed };

const isTerminal = (io: CommandIo): boolean =>
  io.isTerminal && (io.input as NodeJS.ReadStream).isTTY === true;

/** From nothing: the masks of the file are not written, mdevs are not created. */
function configFor(config: MachineConfig, { bare, kernel, s390Tools }: Request): MachineConfig {
  const masks = bare === true ? { apmask: undefined, aqmask: undefined } : {};
  const host = { ...config.host, ...masks, ...(kernel === undefined ? {} : { kernel }) };
  return withRelease({ ...config, host }, s390Tools);
}

function readScript(file: string): string {
  return readText(file, SCRIPT);
}
