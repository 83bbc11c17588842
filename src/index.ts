// SPDX-License-Identifier: Apache-2.0
// The package's one export: a machine from a configuration, its guests and their AP instructions.
// Source: docs/design.md section 9.
import { configFromObject, parseConfig } from './config/load.ts';
import type { MachineConfig } from './config/types.ts';
import { Machine, type MachineOptions } from './host/machine.ts';

export { loadConfigFile } from './config/load.ts';
export type { MachineConfig } from './config/types.ts';
export { ApemuError } from './errors.ts';
export type { Cpu, GuestProgram, Wait } from './guest/cpu.ts';
export type { GuestHandle } from './host/guest-handle.ts';
export type {
  DqapResult,
  InstructionResult,
  LibraryCpu,
  QueueStatus,
  TapqResult,
} from './host/library-cpu.ts';
export type { Machine, MachineOptions } from './host/machine.ts';
export { restoreMachine, saveMachine } from './host/snapshot.ts';

/**
 * Creates a machine in stepped mode.
 *
 * @param config YAML text, a plain object of the same shape, or a checked configuration (`loadConfigFile(…).config`)
 * @throws ApemuError `APEMU_ERR_CONFIG_…` with the place of the mistake
 */
export const createMachine = async (
  config: string | MachineConfig | Readonly<Record<string, unknown>>,
  options: MachineOptions = {},
): Promise<Machine> => Machine.create(checked(config), options);

const checked = (
  config: string | MachineConfig | Readonly<Record<string, unknown>>,
): MachineConfig => {
  if (typeof config === 'string') return parseConfig(config, '<text>').config;
  const machine = (config as { machine?: { adapters?: unknown } }).machine;
  return machine?.adapters instanceof Map
    ? (config as MachineConfig)
    : configFromObject(config).config;
};
