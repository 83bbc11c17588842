// SPDX-License-Identifier: Apache-2.0
// The command line: one commander program, one row a command, errors to exit codes.
// Source: docs/design.md section 7.

import { Command, CommanderError, Option } from 'commander';
import type { AddCommand, RunCommand } from './add-command.ts';
import { addBench } from './bench.ts';
import { addCc } from './cc.ts';
import { addDoctor } from './doctor.ts';
import { exitCodeOf, formatError } from './errors.ts';
import { addExec } from './exec.ts';
import { addExplain } from './explain.ts';
import { addFuzz } from './fuzz.ts';
import { addWorker } from './fuzz-worker.ts';
import { addGolden } from './golden.ts';
import { addGuestImage } from './guest-image.ts';
import { type CommandIo, EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE } from './io.ts';
import { addQemu } from './qemu.ts';
import { addReport } from './report.ts';
import { addRun } from './run.ts';
import { addShell } from './shell.ts';
import { addTest } from './test/command.ts';
import { packageVersion } from './version.ts';
import { addView } from './view/view.ts';

/** The commands, in the order of `apemu --help`. */
const COMMANDS: readonly AddCommand[] = [
  addRun,
  addReport,
  addView,
  addExec,
  addTest,
  addFuzz,
  addWorker,
  addCc,
  addShell,
  addGolden,
  addQemu,
  addGuestImage,
  addBench,
  addDoctor,
  addExplain,
];

const LEVELS = ['silent', 'error', 'warn', 'info', 'debug', 'trace'];

/** Runs one command line (without node and script). Never throws; says what the process should end with. */
export const runCommand: RunCommand = async (args, io) => {
  let exitCode = EXIT_OK;
  const program = buildProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    // An error that a command meets while it is being ended is of no use to whoever ended it.
    if (io.signal.aborted) return EXIT_INTERRUPTED;
    io.log.debug({ err: error }, 'command failed');
    io.err(formatError(error));
    return exitCodeOf(error);
  }
  return io.signal.aborted ? EXIT_INTERRUPTED : exitCode;
};

function buildProgram(io: CommandIo, done: (code: number) => void): Command {
  const program = new Command('apemu')
    .description('Instruction-level emulator of the IBM Z Adjunct Processor (AP) facility')
    .version(packageVersion())
    .addOption(
      new Option('--log-level <level>', 'logs on standard error').choices(LEVELS).default('warn'),
    )
    // Arguments are shown by `apemu COMMAND --help`; the overview needs the room for what commands do.
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
      getOutHelpWidth: () => Math.min(io.columns, 100),
      getErrHelpWidth: () => Math.min(io.columns, 100),
    })
    .showHelpAfterError('(apemu --help shows the commands)')
    .exitOverride()
    .hook('preAction', (command) => {
      io.log.level = command.opts()['logLevel'];
    });
  for (const add of COMMANDS) add(program, io, done, runCommand);
  for (const command of program.commands)
    command
      .exitOverride()
      .copyInheritedSettings(program)
      .showHelpAfterError(`(apemu ${command.name()} --help shows its options)`);
  return program;
}
