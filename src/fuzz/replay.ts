// SPDX-License-Identifier: Apache-2.0
// Replays a scenario: the driver that its configuration names runs from the kept moment to the end, and the oracles judge it.
// Source: docs/design.md section 10.
import { dirname, isAbsolute, join } from 'node:path';
import { loadConfigFile } from '../config/load.ts';
import { PROGRAM, readText } from '../config/text-file.ts';
import type { MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { judge, type OracleName, type Violation } from '../oracle/oracles.ts';
import type { Program } from '../program/ast.ts';
import { parseProgram } from '../program/parse.ts';
import { type Mismatch, RunnableProgram, type RunOptions } from '../program/run.ts';
import { eventsOf } from '../scenario/text.ts';
import type { Outcome } from '../target/outcome.ts';
import { bundleDriver } from '../target/program/bundle.ts';
import { loadDriver } from '../target/program/loaded-driver.ts';
import { ProgramTarget } from '../target/program/program-target.ts';
import { ScenarioMachine } from '../target/program/scenario-machine.ts';
import { type MachineWatch, watchOf } from '../trace/machine-event.ts';

export interface ReplayOptions extends MachineWatch {
  /** Configuration to be used instead of the one that the scenario names. */
  readonly config?: string | undefined;
  /** Driver to be used instead of the one that the configuration names: a module, or `ap-bus`. */
  readonly driver?: string | undefined;
  readonly guest?: string | undefined;
  readonly seed?: number | undefined;
  /** Oracles that are switched off. */
  readonly without?: ReadonlySet<OracleName>;
  readonly onRecord?: RunOptions['onRecord'];
}

/** What a scenario has done. */
export interface Replay {
  /** The rule that it broke; undefined if it broke none. */
  readonly violation: Violation | undefined;
  readonly outcome: Outcome;
  /** Lines whose result is not as they say. */
  readonly mismatches: readonly Mismatch[];
  readonly steps: number;
}

/** Whether a program has events, so that it is a scenario. */
export const isScenario = ({ statements }: Program): boolean =>
  statements.some(({ kind }) => kind === 'event');

/**
 * Path of the configuration that a program names.
 *
 * @throws ApemuError `APEMU_ERR_PROGRAM_CONFIG` if it names none
 */
export const configOfProgram = (program: Program): string => {
  if (program.config === undefined)
    throw new ApemuError(
      'APEMU_ERR_PROGRAM_CONFIG',
      'the program names no configuration (expected a line "config FILE", or --config FILE)',
      { place: { file: program.file, line: 1, column: 1 } },
    );
  const { config: named } = program;
  return isAbsolute(named) ? named : join(dirname(program.file), named);
};

const configOf = (program: Program, { config }: ReplayOptions): MachineConfig =>
  loadConfigFile(config ?? configOfProgram(program)).config;

/** The guest whose driver runs: the one that is named, else the first with a program, else the first. */
const driverOf = (config: MachineConfig, { driver, guest }: ReplayOptions) => {
  const candidates = config.guests.filter(({ mdev }) => mdev !== undefined);
  const chosen =
    candidates.find(({ name }) => name === guest) ??
    candidates.find(({ program }) => program !== undefined) ??
    candidates[0];
  const program = driver ?? chosen?.program;
  if (program !== undefined) return { guest: guest ?? chosen?.name, program };
  throw new ApemuError(
    'APEMU_ERR_SCENARIO_DRIVER',
    'the configuration names no driver (expected program: for a guest with an mdev, or --driver)',
  );
};

/**
 * Replays a program with events.
 *
 * @throws ApemuError `APEMU_ERR_…` for what cannot be read, or a driver that does not start
 */
export const replayProgram = async (
  program: Program,
  options: ReplayOptions = {},
): Promise<Replay> => {
  const config = configOf(program, options);
  const { guest, program: driver } = driverOf(config, options);
  const loaded = await loadDriver(await bundleDriver(driver, false));
  const { seed } = options;
  const watch = watchOf(options);
  const target = await ProgramTarget.create({ config, driver: loaded, guest, seed, ...watch });
  try {
    const machine = new ScenarioMachine(target, true);
    const runnable = new RunnableProgram(program, machine);
    const { onRecord } = options;
    const { mismatches, steps } = runnable.run(onRecord === undefined ? {} : { onRecord });
    const outcome = machine.finish();
    const violation = judge(outcome, options.without) ?? overRepeats(target, program, options);
    return { violation, outcome, mismatches, steps };
  } finally {
    target.close();
  }
};

/** What a scenario that has only events breaks when it is repeated. */
const overRepeats = (
  target: ProgramTarget,
  program: Program,
  { without }: ReplayOptions,
): Violation | undefined => {
  if (program.statements.some(({ kind }) => kind !== 'event' && kind !== 'comment'))
    return undefined;
  return judge(target.repeat(eventsOf(program)), without);
};

/** As `replayProgram`, for a file. */
export const replayScenario = async (
  file: string,
  options: ReplayOptions = {},
): Promise<Replay> => {
  const program = parseProgram(readText(file, PROGRAM), file);
  if (isScenario(program)) return await replayProgram(program, options);
  throw new ApemuError(
    'APEMU_ERR_SCENARIO_NONE',
    `${file} has no events (expected lines on …:, at …:, idle: or user:)`,
    { place: { file } },
  );
};
