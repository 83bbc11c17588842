// SPDX-License-Identifier: Apache-2.0
// `apemu shell CONFIG`: an administrator's shell over a stepped machine; from a terminal, a script, or standard input.
// Source: docs/design.md section 7.

import { basename } from 'node:path';
import { Option } from 'commander';
import { Cluster } from '../cluster/cluster.ts';
import { loadConfigOrClusterFile } from '../config/load.ts';
import { CONFIGURATION, type FileKind, readText } from '../config/text-file.ts';
import {
  type ClusterConfig,
  KERNEL_PROFILES,
  type KernelProfileName,
  type MachineConfig,
} from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { Machine } from '../host/machine/machine.ts';
import { Shell } from '../shell/shell.ts';
import type { AddCommand } from './add-command.ts';
import { parseSeed } from './exec.ts';
import type { CommandIo } from './io.ts';
import { s390ToolsOption, withRelease } from './s390-tools-option.ts';
import { LocalShell } from './shell-local.ts';
import { shellOptions } from './shell-process.ts';
import { RemoteShell } from './shell-remote.ts';
import { runTerminal } from './shell-terminal.ts';
import { showWarnings } from './text.ts';

interface ShellCommandOptions {
  readonly command?: string;
  readonly connect?: string;
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
    .argument('[config]', 'configuration file; none with --connect')
    .argument('[script]', 'script to run; without one, standard input')
    .argument('[words...]', '$1, $2, … of the script')
    .option('-c, --command <text>', 'run this text and end')
    .option(
      '--connect <socket>',
      'the shell of a running apemu (--shell SOCKET), instead of CONFIG',
    )
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
    .action(async (first, second, rest, options) => {
      refuseUnknown([first, second]);
      if (options.connect !== undefined) done(await runConnected(options, first, second, io));
      else if (first === undefined)
        throw new ApemuError('APEMU_ERR_USAGE_ARGUMENT', "missing argument 'config'");
      else done(await runShell({ config: first, script: second, words: rest, ...options }, io));
    });
};

/** Refuses an option that does not exist, which would otherwise be taken for the configuration or the script. */
function refuseUnknown(words: readonly (string | undefined)[]): void {
  const unknown = words.find((word) => word?.startsWith('-'));
  if (unknown !== undefined)
    throw new ApemuError('APEMU_ERR_USAGE_OPTION', `unknown option ${unknown}`);
}

/** What starts a machine says nothing about one that runs. */
const STARTING = ['bare', 'kernel', 's390Tools', 'seed', 'hostFiles'] as const;

/** Time the other end has to end what runs there, once it was told to. */
const REMOTE_END_MS = 600;

/** The shell of a running apemu: a text, a script, standard input, or a person. */
async function runConnected(
  options: ShellCommandOptions & { readonly connect: string },
  script: string | undefined,
  more: string | undefined,
  io: CommandIo,
): Promise<number> {
  const { command, connect, history } = options;
  const wrong = STARTING.find((name) => options[name] !== undefined);
  if (wrong !== undefined || more !== undefined)
    throw new ApemuError(
      'APEMU_ERR_USAGE_CONNECT',
      `--connect takes a script or -c, not ${more ?? `--${wrong?.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`}`,
    );
  const shell = await RemoteShell.connect(connect, io);
  const given = command ?? (script === undefined ? undefined : readScript(script));
  if (given === undefined && isTerminal(io))
    return runTerminal(shell, basename(connect), history, io);
  io.signal.addEventListener('abort', () => {
    shell.interrupt();
    setTimeout(() => shell.interrupt(), REMOTE_END_MS).unref();
  });
  try {
    return await shell.run(given ?? (await io.readInput(SCRIPT)));
  } finally {
    shell.close();
  }
}

interface Request extends ShellCommandOptions {
  readonly config: string;
  readonly script: string | undefined;
  readonly words: readonly string[];
}

async function runShell(request: Request, io: CommandIo): Promise<number> {
  const loaded = loadConfigOrClusterFile(request.config);
  showWarnings(loaded, io);
  const { script, command, seed, hostFiles = false } = request;
  const given = command ?? (script === undefined ? undefined : readScript(script));
  const interactive = given === undefined && isTerminal(io);
  const text = given ?? (interactive ? '' : await io.readInput(SCRIPT));
  const { machine, cluster } = await open(loaded.config, request);
  const name = command === undefined ? script : undefined;
  const words = [
    name ?? 'apemu',
    ...(command !== undefined && script !== undefined ? [script] : []),
  ];
  const parameters = [...words, ...request.words];
  const shellOf = { ...shellOptions(io, hostFiles), parameters, ...seedOf(seed), ...cluster };
  if (interactive) {
    const local = new LocalShell(machine, { ...shellOf, columns: io.columns });
    const called = basename(loaded.config.file ?? 'machine').replace(/\.ya?ml$/, '');
    return runTerminal(local, called, request.history, io);
  }
  const shell = new Shell(machine, shellOf);
  try {
    return await shell.run(text);
  } finally {
    shell.close();
  }
}

/** The machine of the configuration; of several the first. */
async function open(
  config: MachineConfig | ClusterConfig,
  request: Request,
): Promise<{ readonly machine: Machine; readonly cluster: { readonly cluster?: Cluster } }> {
  const { seed, bare = false } = request;
  const options = { bare, ...seedOf(seed) };
  if (!('machines' in config))
    return { machine: await Machine.create(configFor(config, request), options), cluster: {} };
  const machines = [...config.machines].map(
    ([name, machine]) => [name, configFor(machine, request)] as const,
  );
  const cluster = await Cluster.create({ ...config, machines: new Map(machines) }, options);
  const [machine] = cluster.machines.values();
  if (machine === undefined)
    throw new ApemuError('APEMU_ERR_CONFIG_MACHINES', 'the configuration has no machine');
  return { machine, cluster: { cluster } };
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
