// SPDX-License-Identifier: Apache-2.0
// `apemu exec FILE...`: runs AP programs in stepped mode; each gets a machine of its own.
// Source: docs/design.md sections 6 and 7.

import { dirname, isAbsolute, join } from 'node:path';
import type { Command } from 'commander';
import { loadConfigOrClusterFile } from '../config/load.ts';
import { PROGRAM, readText } from '../config/text-file.ts';
import { parseNumber } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import { isScenario, type Replay, replayProgram } from '../fuzz/replay.ts';
import { openProgramMachine } from '../program/adapter.ts';
import type { Program } from '../program/ast.ts';
import { openProgramCluster } from '../program/cluster-adapter.ts';
import { parseProgram } from '../program/parse.ts';
import { formatMismatch, shellWord } from '../program/report.ts';
import { type Mismatch, type ProgramRecord, RunnableProgram } from '../program/run.ts';
import type { AddCommand } from './add-command.ts';
import { exitCodeOf, formatError, printable } from './errors.ts';
import { failureOf } from './fuzz-replay.ts';
import { breathe, type CommandIo, EXIT_MISMATCH, EXIT_OK } from './io.ts';
import { count, showWarnings } from './text.ts';
import { TRACE_HELP, TraceFile } from './trace-file.ts';

interface ExecOptions {
  readonly config?: string;
  readonly seed?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly trace?: string;
}

/** Lines of the first slice, and time between two looks at Ctrl-C that the lengths of slices aim at. */
const FIRST_SLICE = 64;
const SLICE_MS = 50;

export const addExec: AddCommand = (program, io, done) => {
  program
    .command('exec')
    .description('run AP programs and check what they expect')
    .argument('<file...>', 'AP programs (*.ap); - is standard input')
    .option('-c, --config <file>', 'configuration, instead of the one the program names')
    .option('--seed <number>', "the machine's seed, instead of the configuration's", parseSeed)
    .option('--json', 'one record a line')
    .option('-q, --quiet', 'only what differs')
    .option('--trace <file>', TRACE_HELP)
    .action(async (files: string[], options: ExecOptions, _command: Command) => {
      done(await execFiles(files, options, io));
    });
};

/** A 32-bit seed. @throws ApemuError APEMU_ERR_USAGE_SEED */
export function parseSeed(text: string): number {
  const seed = parseNumber(text);
  if (seed === undefined || seed > 0xffffffff) {
    throw new ApemuError(
      'APEMU_ERR_USAGE_SEED',
      `--seed is ${text} (expected a number, 0 to 0xffffffff)`,
    );
  }
  return seed;
}

/** A file that cannot be run does not keep the others from running; the worst outcome is the exit code. */
async function execFiles(
  files: readonly string[],
  options: ExecOptions,
  io: CommandIo,
): Promise<number> {
  if (options.trace !== undefined && files.length > 1)
    throw new ApemuError(
      'APEMU_ERR_USAGE_TRACE',
      '--trace is for one program: each has a machine and a time of its own',
    );
  let worst = EXIT_OK;
  for (const file of files) {
    try {
      worst = Math.max(worst, await execFile(file, options, io));
    } catch (error) {
      io.log.debug({ err: error }, file);
      io.err(formatError(error));
      worst = Math.max(worst, exitCodeOf(error));
    }
    if (io.signal.aborted) break;
  }
  return worst;
}

async function execFile(file: string, options: ExecOptions, io: CommandIo): Promise<number> {
  const input = file === '-' ? await io.readInput(PROGRAM) : undefined;
  const [program, loaded] = io.blocking(() => {
    const read = parseProgram(input ?? readText(file, PROGRAM), file === '-' ? '<stdin>' : file);
    return [read, loadConfigOrClusterFile(configOf(read, file, options))];
  });
  showWarnings(loaded, io);
  if (isScenario(program)) return await execScenario(program, file, options, io);
  const seed = options.seed === undefined ? {} : { seed: options.seed };
  const { config } = loaded;
  const trace = options.trace === undefined ? undefined : new TraceFile(options.trace);
  // What the configuration says was warned of with its place.
  const told = new Set(loaded.warnings.map(({ message }) => message));
  const onWarning = (text: string): void => {
    if (!told.has(text)) io.err(printable(`${file}: warning: ${text}\n`));
  };
  const machine = await ('machines' in config
    ? openProgramCluster(config, (name) => ({ ...seed, ...trace?.watchMachine(name) }))
    : openProgramMachine(config, { ...seed, ...trace?.watch, onWarning }));
  try {
    const runnable = io.blocking(() => new RunnableProgram(program, machine));
    const result = await runInSlices(runnable, options, io);
    if (options.json !== true) summarise(result, runnable, options, io, file);
    return result.mismatches.length > 0 ? EXIT_MISMATCH : EXIT_OK;
  } finally {
    machine.close();
    trace?.close(io);
  }
}

/** A program with events: the driver of its configuration runs, and the oracles judge it. */
async function execScenario(
  program: Program,
  file: string,
  options: ExecOptions,
  io: CommandIo,
): Promise<number> {
  const { seed, quiet = false, json = false } = options;
  const config = configOf(program, file, options);
  const onRecord = json ? (one: unknown) => io.out(`${JSON.stringify(one)}\n`) : undefined;
  const trace = options.trace === undefined ? undefined : new TraceFile(options.trace);
  const watch = { ...(onRecord === undefined ? {} : { onRecord }), ...trace?.watch };
  // A driver may be in a step that never ends.
  const replay = await io
    .blocking(() => replayProgram(program, { config, seed, ...watch }))
    .finally(() => trace?.close(io));
  const failure = failureOf(replay);
  if (json) io.out(`${JSON.stringify({ file, violation: replay.violation ?? null })}\n`);
  else
    showReplay(
      replay,
      `${file}: ${failure ?? 'every rule holds'}`,
      failure === undefined && quiet,
      io,
    );
  return failure === undefined ? EXIT_OK : EXIT_MISMATCH;
}

function showReplay({ outcome }: Replay, verdict: string, quiet: boolean, io: CommandIo): void {
  if (quiet) return;
  for (const line of outcome.trace) io.out(printable(`${line}\n`));
  io.out(printable(`${verdict}\n`));
}

interface Total {
  readonly steps: number;
  readonly instructions: number;
  readonly mismatches: readonly Mismatch[];
}

async function runInSlices(
  runnable: RunnableProgram,
  options: ExecOptions,
  io: CommandIo,
): Promise<Total> {
  const record = (one: ProgramRecord) => io.out(`${JSON.stringify(one)}\n`);
  const mismatches: Mismatch[] = [];
  let steps = 0;
  let instructions = 0;
  let limit = FIRST_SLICE;
  while (steps < runnable.steps.length && !io.signal.aborted) {
    const began = performance.now();
    const slice = runnable.run({
      from: steps,
      limit,
      ...(options.json === true ? { onRecord: record } : {}),
    });
    steps += slice.steps;
    instructions += slice.instructions;
    for (const mismatch of slice.mismatches) mismatches.push(mismatch);
    // A line may take a microsecond or, with storage of megabytes, a hundred milliseconds.
    if (performance.now() - began < SLICE_MS) limit *= 2;
    else limit = Math.max(limit >> 2, 1);
    await breathe();
    await io.taken();
  }
  return { steps, instructions, mismatches };
}

function summarise(
  total: Total,
  runnable: RunnableProgram,
  options: ExecOptions,
  io: CommandIo,
  file: string,
): void {
  const replay = replayCommand(file, options);
  for (const mismatch of total.mismatches)
    io.out(printable(`${formatMismatch(mismatch, replay)}\n`));
  const stopped = total.steps < runnable.steps.length ? ', interrupted' : '';
  const wrong = total.mismatches.length;
  const verdict =
    wrong === 0 ? 'ok' : `${count(wrong, 'line')} ${wrong === 1 ? 'differs' : 'differ'}`;
  if (options.quiet === true && wrong === 0) return;
  const done = `${count(total.steps, 'line')}, ${count(total.instructions, 'instruction')}`;
  io.out(`${runnable.program.file}: ${done}${stopped}: ${verdict}\n`);
}

function replayCommand(file: string, { config, seed }: ExecOptions): string {
  const words = ['apemu', 'exec', file];
  if (config !== undefined) words.push('--config', config);
  if (seed !== undefined) words.push('--seed', String(seed));
  return words.map(shellWord).join(' ');
}

/** `--config` is relative to the working directory, `config` to the program. */
function configOf(program: Program, file: string, options: ExecOptions): string {
  if (options.config !== undefined) return options.config;
  if (program.config === undefined) {
    throw new ApemuError(
      'APEMU_ERR_PROGRAM_CONFIG',
      'the program names no configuration (expected a line "config FILE", or --config FILE)',
      { place: { file: program.file, line: 1, column: 1 } },
    );
  }
  return isAbsolute(program.config) || file === '-'
    ? program.config
    : join(dirname(file), program.config);
}
