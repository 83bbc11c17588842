// SPDX-License-Identifier: Apache-2.0
// The package's one export: a machine from a configuration, its guests and their AP instructions.
// Source: docs/design.md section 9.

// The message library: requests as Linux sends them, replies as a driver reads them, workloads with their expected results.
export {
  buildCrt,
  buildModexpo,
  buildQuery,
  buildRng,
  type CrtRequest,
  type ModexpoRequest,
} from './cex/messages/build.ts';
export { buildCca, type CcaRequest, type CrtKey, parameterBlock } from './cex/messages/cca.ts';
export { buildEcc, type EccKey, type EccRequest } from './cex/messages/ecc.ts';
export { buildEp11, type Ep11Request, u32Argument } from './cex/messages/ep11.ts';
export {
  type CcaReply,
  type Ep11Reply,
  type ErrorReply,
  parseReply,
  type Reply,
  type ResultReply,
  replyLength,
  type UnknownReply,
} from './cex/messages/parse.ts';
export {
  checkReply,
  createWorkload,
  type Job,
  type Workload,
  type WorkloadMode,
  type WorkloadName,
  type WorkloadOptions,
} from './cex/messages/workloads.ts';

import { Cluster } from './cluster/cluster.ts';
import {
  clusterFromObject,
  configFromObject,
  parseConfig,
  parseConfigOrCluster,
} from './config/load.ts';
import type { ClusterConfig, LoadedConfig, MachineConfig } from './config/types.ts';
import { ApemuError } from './errors.ts';
import { Machine as HostMachine, type MachineOptions } from './host/machine/machine.ts';
import { restoreMachine as restoreHostMachine } from './host/state/snapshot.ts';
import { parseProgram } from './program/parse.ts';
import { type ProgramRecord, RunnableProgram, type RunResult } from './program/run.ts';
import { MachineWithEvents } from './scenario/machine-with-events.ts';

export * from '../native-like/arch/program-interruptions.ts';
export * from '../native-like/arch/response-codes.ts';
export type { Cluster } from './cluster/cluster.ts';
export type { MigrateOptions, MigrationReport } from './cluster/migration.ts';
export type { FaultObject } from './config/load.ts';
export { loadConfigFile, loadConfigOrClusterFile } from './config/load.ts';
export type { ClusterConfig, MachineConfig } from './config/types.ts';
export { ApemuError } from './errors.ts';
// Drivers under test: what they are, the instructions they execute, and the replay of what was found.
export { type Replay, type ReplayOptions, replayScenario } from './fuzz/replay.ts';
export { loadDriver } from './guest/c-driver/load.ts';
export {
  type Cpu,
  type GuestProgram,
  WAIT_DONE,
  WAIT_INTERRUPTION,
  WAIT_NOTHING,
  type Wait,
} from './guest/cpu.ts';
export type { DriverEnding, DriverProgram, DriverRequest, QueueBelief } from './guest/driver.ts';
export {
  type ApCpu,
  apCpuOf,
  aqic,
  aqicHigh,
  aqicLow,
  dqap,
  nqap,
  qci,
  rapq,
  tapq,
  zapq,
} from './guest/instructions.ts';
export { explainEnding, responseText } from './host/api/explain.ts';
export type { GuestHandle } from './host/api/guest-handle.ts';
export type { LibraryCpu } from './host/api/library-cpu.ts';
export type {
  Completed,
  DqapResult,
  InstructionResult,
  Interrupted,
  QciResult,
  QueueStatus,
  TapqResult,
} from './host/api/results.ts';
export { completed, pgmText } from './host/api/results.ts';
export type { MachineOptions } from './host/machine/machine.ts';
export type { Time } from './host/machine/times.ts';
export {
  type Checkpoint,
  type CheckpointOptions,
  takeCheckpoint,
} from './host/state/checkpoint.ts';
export { saveMachine } from './host/state/snapshot.ts';
export type { DeclaredFault } from './lpar/declared-fault.ts';
export type { Mismatch, ProgramRecord } from './program/run.ts';
export type { Difference } from './program/steps.ts';
export type { MachineEvent, MachineWatch } from './trace/machine-event.ts';
export { type TraceEvent, TraceEvents, traceFile } from './trace/trace-events.ts';

/** A machine as the package's user holds it. */
export type Machine = HostMachine & {
  /** Runs a program on this machine, as `exec` does. */
  exec(programText: string, options?: ExecOptions): ExecResult;
};

export interface ExecOptions {
  /** How the program is called in mistakes and mismatches; default `<program>`. */
  readonly file?: string;
}

/** What an AP program has done: a record for each line that is not a comment, and the lines whose outcome differs from what they say. */
export interface ExecResult extends RunResult {
  readonly records: readonly ProgramRecord[];
}

/**
 * Runs an AP program (docs/design.md section 6) on a machine as it is: state stays from program to program, times count from the
 * program's first line, and a `config` line is ignored. Events (`on …`, `at …`, `idle`) happen from now on, also to instructions that the test
 * executes later; they replace those of a program before.
 *
 * @throws ApemuError `APEMU_ERR_PROGRAM_…` with line and column for what is no program, or names what the machine does not have
 */
export const exec = (
  machine: HostMachine,
  programText: string,
  options: ExecOptions = {},
): ExecResult => {
  const program = parseProgram(programText, options.file ?? '<program>');
  const records: ProgramRecord[] = [];
  const runnable = new RunnableProgram(program, new MachineWithEvents(machine));
  const result = runnable.run({ onRecord: (record) => records.push(record) });
  return { ...result, records };
};

const withExec = (machine: HostMachine): Machine =>
  Object.assign(machine, {
    exec: (programText: string, options?: ExecOptions) => exec(machine, programText, options),
  });

/**
 * The machine that `saveMachine` saved.
 *
 * @throws ApemuError `APEMU_ERR_SNAPSHOT_…`
 */
export const restoreMachine = async (bytes: Uint8Array): Promise<Machine> =>
  withExec(await restoreHostMachine(bytes));

/**
 * Creates a machine in stepped mode.
 *
 * @param config YAML text, a plain object of the same shape, or a checked configuration (`loadConfigFile(…).config`)
 * @throws ApemuError `APEMU_ERR_CONFIG_…` with the place of the mistake
 */
export const createMachine = async (
  config: string | MachineConfig | Readonly<Record<string, unknown>>,
  options: MachineOptions = {},
): Promise<Machine> => {
  const { config: checkedConfig, warnings } = checked(config);
  const machine = await HostMachine.create(checkedConfig, options);
  // The machine has said itself what concerns its faults.
  const told = warnings
    .map(({ message }) => message)
    .filter((message) => !machine.warnings.includes(message));
  machine.warnings.unshift(...told);
  for (const text of told) options.onWarning?.(text);
  return withExec(machine);
};

/**
 * Creates several machines in stepped mode, between which guests migrate: `cluster.migrate('Guest1', 'B')`.
 *
 * @param config YAML text, a plain object `{ machines: { A: { … }, B: { … } } }`, or a checked one (`loadConfigOrClusterFile(…).config`)
 * @throws ApemuError `APEMU_ERR_CONFIG_…` with the place of the mistake
 */
export const createCluster = (
  config: string | ClusterConfig | Readonly<Record<string, unknown>>,
  options: MachineOptions = {},
): Promise<Cluster> => Cluster.create(checkedCluster(config), options);

const checkedCluster = (
  config: string | ClusterConfig | Readonly<Record<string, unknown>>,
): ClusterConfig => {
  if (typeof config !== 'string' && config['machines'] instanceof Map)
    return config as ClusterConfig;
  const loaded =
    typeof config === 'string'
      ? parseConfigOrCluster(textOf(config, 'loadConfigOrClusterFile'), '<text>').config
      : undefined;
  if (loaded === undefined) return clusterFromObject(config).config;
  if ('machines' in loaded) return loaded;
  throw new ApemuError(
    'APEMU_ERR_CONFIG_MACHINES',
    'the configuration has one machine (expected several: machines: { A: …, B: … })',
  );
};

/** @throws ApemuError APEMU_ERR_CONFIG_NAME for the name of a file, which would be told as a text that is no mapping */
const textOf = (config: string, load: string): string => {
  if (!/^[^\n:{]+\.ya?ml$/.test(config)) return config;
  throw new ApemuError(
    'APEMU_ERR_CONFIG_NAME',
    `"${config}" is the name of a file (expected the text of a configuration, or ${load}('${config}').config)`,
  );
};

const checked = (
  config: string | MachineConfig | Readonly<Record<string, unknown>>,
): Pick<LoadedConfig, 'config' | 'warnings'> => {
  if (typeof config === 'string') return parseConfig(textOf(config, 'loadConfigFile'), '<text>');
  const machine = (config as { machine?: { adapters?: unknown } }).machine;
  return machine?.adapters instanceof Map
    ? { config: config as MachineConfig, warnings: [] }
    : configFromObject(config);
};
