// SPDX-License-Identifier: Apache-2.0
// Finds a guest program by name: built in, or a module a user wrote.
// Source: docs/design.md sections 3 and 5.
import { pathToFileURL } from 'node:url';
import type { GuestConfig, MachineConfig } from '../../config/types.ts';
import { ApemuError } from '../../errors.ts';
import type { GuestProgram } from '../../guest/cpu.ts';
import { builtInProgram, PROGRAMS } from '../../guest/programs.ts';

const isProgram = (value: unknown): value is GuestProgram => {
  const candidate = value as Partial<GuestProgram> | null | undefined;
  return typeof candidate?.init === 'function' && typeof candidate.step === 'function';
};

/**
 * The program a configuration names: a built-in one, or the default export of the module at this path.
 *
 * @throws ApemuError `APEMU_ERR_GUEST_PROGRAM` when there is none
 */
export const guestProgram = async (name: string): Promise<GuestProgram> => {
  const builtIn = builtInProgram(name);
  if (builtIn !== undefined) return builtIn;
  const names = PROGRAMS.map((row) => row.program.name).join(', ');
  try {
    const loaded = (await import(/* @vite-ignore */ pathToFileURL(name).href)) as {
      default?: unknown;
    };
    if (isProgram(loaded.default)) return loaded.default;
  } catch (cause) {
    throw new ApemuError(
      'APEMU_ERR_GUEST_PROGRAM',
      `no guest program ${name} (built in: ${names}; or the path of a module)`,
      { cause },
    );
  }
  throw new ApemuError(
    'APEMU_ERR_GUEST_PROGRAM',
    `${name} does not export a guest program (expected default export with init and step)`,
  );
};

/**
 * What a guest's program threw, as an error of the guest: others go on.
 *
 * @returns ApemuError `APEMU_ERR_GUEST_FAILED`
 */
export const programFailure = (program: string, error: unknown): ApemuError => {
  const message = error instanceof Error ? error.message : String(error);
  return new ApemuError(
    'APEMU_ERR_GUEST_FAILED',
    `the guest program ${program} failed: ${message}`,
    {
      cause: error,
    },
  );
};

/** The state a program begins with. @throws ApemuError `APEMU_ERR_GUEST_FAILED` for what its `init` throws */
export const startProgram = (
  program: GuestProgram,
  args: Readonly<Record<string, unknown>>,
  source = program.name,
): unknown => {
  try {
    return program.init(args);
  } catch (error) {
    throw programFailure(source, error);
  }
};

/** Workload of a guest that names none: what its adapters can do. */
const defaultWorkload = (config: MachineConfig, guest: GuestConfig): string => {
  const modes = (guest.mdev?.adapters ?? []).map((apid) => config.machine.adapters.get(apid)?.mode);
  return modes.every((mode) => mode === undefined || mode === 'loopback') ? 'loopback' : 'mixed';
};

/** What a guest's program is started with: its arguments, and the workload of the configuration. */
export const programArgs = (
  config: MachineConfig,
  guest: GuestConfig,
): Readonly<Record<string, unknown>> => ({
  workload: guest.workload ?? defaultWorkload(config, guest),
  ...guest.args,
});
