// SPDX-License-Identifier: Apache-2.0
// Finds a guest program by its name: a built-in program, or a module that a user wrote.
// Source: docs/design.md sections 3 and 5.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { adaptersOf } from '../../config/guest-view.ts';
import type { GuestConfig, MachineConfig } from '../../config/types.ts';
import { ApemuError } from '../../errors.ts';
import { loadUsedDriver } from '../../guest/c-driver/load.ts';
import {
  type Cpu,
  type GuestProgram,
  WAIT_DONE,
  WAIT_INTERRUPTION,
  type Wait,
} from '../../guest/cpu.ts';
import { builtInProgram, PROGRAMS } from '../../guest/programs.ts';
import { notPlain } from './plain.ts';

const isProgram = (value: unknown): value is GuestProgram => {
  const candidate = value as Partial<GuestProgram> | null | undefined;
  return typeof candidate?.init === 'function' && typeof candidate.step === 'function';
};

/** What is wrong with a module, with its place. */
const reasonOf = async (name: string, cause: unknown): Promise<string> => {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION')
    return 'this Node does not know the extension (expected .mjs or .js; .ts from Node 22.18 on)';
  if (!(cause instanceof SyntaxError)) return withPlace(String(message), cause);
  const place = await syntaxPlace(name);
  return place === undefined ? message : `${message} (${name}${place})`;
};

/** Where a text is no JavaScript: Node keeps that to itself. Undefined when another module is meant. */
const syntaxPlace = async (name: string): Promise<string | undefined> => {
  const { parseAst } = await import('rollup/parseAst');
  const text = await readFile(name, 'utf8');
  try {
    parseAst(text);
    return undefined;
  } catch (error) {
    const before = text.slice(0, (error as { pos?: number }).pos ?? 0).split('\n');
    return `:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
  }
};

const PLACES = /(file:\/\/[^\s()]+?)(:\d+(?::\d+)?)(?=[\s)]|$)/g;
/** What is ours of a stack. */
const OWN = dirname(dirname(dirname(import.meta.url)));

/** A message with the first place of a stack that is not ours. */
const withPlace = (message: string, cause: unknown): string => {
  const stack = cause instanceof Error ? (cause.stack ?? '') : '';
  const place = [...stack.matchAll(PLACES)].find(([, url = '']) => !url.startsWith(OWN));
  return place === undefined ? message : `${message} (${fileURLToPath(place[1])}${place[2]})`;
};

/** Whether the name in a configuration means a module, that is, no built-in program. */
export const isModule = (name: string): boolean => builtInProgram(name) === undefined;

/** The program that a configuration names: a built-in one, or the default export of the module at this path. */
export const guestProgram = async (name: string): Promise<GuestProgram> => {
  const builtIn = builtInProgram(name);
  if (builtIn !== undefined) return builtIn;
  if (name.endsWith('.wasm')) return await wasmProgram(name);
  const names = PROGRAMS.map((row) => row.program.name).join(', ');
  try {
    const loaded = (await import(/* @vite-ignore */ pathToFileURL(name).href)) as {
      default?: unknown;
    };
    if (isProgram(loaded.default)) return loaded.default;
  } catch (cause) {
    const why = name.endsWith('.ap')
      ? `${name} is an AP program, and no guest program: apemu exec runs it`
      : existsSync(name)
        ? `the guest module ${name} cannot be loaded: ${await reasonOf(name, cause)}`
        : `no guest program ${name} (built in: ${names}; or the path of a module)`;
    throw new ApemuError('APEMU_ERR_GUEST_PROGRAM', why, { cause });
  }
  throw new ApemuError(
    'APEMU_ERR_GUEST_PROGRAM',
    `${name} does not export a guest program (expected default export with init and step)`,
  );
};

/** Loads a driver in C. */
const wasmProgram = async (name: string): Promise<GuestProgram> => {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(name);
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? 'unknown';
    throw new ApemuError('APEMU_ERR_GUEST_PROGRAM', `cannot read the driver ${name}: ${errno}`, {
      errno,
      cause,
    });
  }
  return loadUsedDriver(bytes, basename(name));
};

/**
 * Makes an error of the guest from what its program threw, so that other guests can go on.
 *
 * @returns ApemuError `APEMU_ERR_GUEST_FAILED`
 */
const programFailure = (program: string, error: unknown): ApemuError => {
  const message = error instanceof Error ? withPlace(error.message, error) : shown(error);
  return new ApemuError(
    'APEMU_ERR_GUEST_FAILED',
    `the guest program ${program} failed: ${message}`,
    {
      cause: error,
    },
  );
};

/** A value as messages show it: on one short line, objects with their contents. */
const shown = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : inspect(value, { depth: 1, breakLength: Infinity }).slice(0, 80);

const isWait = (value: unknown): value is Wait =>
  typeof value === 'number' && (value >= 0 || value === WAIT_INTERRUPTION || value === WAIT_DONE);

/**
 * Executes one step of a program and returns what the program then waits for.
 *
 * @throws ApemuError `APEMU_ERR_GUEST_FAILED` if the step throws, or returns nothing to wait for
 */
export const stepProgram = (
  name: string,
  program: GuestProgram,
  cpu: Cpu,
  state: unknown,
): Wait => {
  let wait: unknown;
  try {
    wait = program.step(cpu, state);
  } catch (error) {
    throw programFailure(name, error);
  }
  if (isWait(wait)) return wait;
  throw programFailure(
    name,
    `its step answered ${shown(wait)} (expected WAIT_NOTHING = 0, WAIT_INTERRUPTION = -1, WAIT_DONE = -2 or a time in nanoseconds)`,
  );
};

/**
 * The error for a program whose state cannot be stored; it names the part of the state.
 *
 * @returns ApemuError `APEMU_ERR_SNAPSHOT_PROGRAM`
 */
export const notPlainState = (program: string, state: unknown, cause?: unknown): ApemuError =>
  new ApemuError(
    'APEMU_ERR_SNAPSHOT_PROGRAM',
    `guest program ${program} cannot be saved: its ${notPlain(state) ?? 'state'} is no plain data (expected numbers, strings, arrays, plain objects, typed arrays)`,
    { cause },
  );

/**
 * The state a program begins with.
 *
 * @throws ApemuError `APEMU_ERR_GUEST_FAILED` if its `init` throws
 */
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

/** Workload of a guest that names none: one that its adapters can do. */
const defaultWorkload = (config: MachineConfig, guest: GuestConfig): string => {
  const modes = adaptersOf(config, guest).map(({ mode }) => mode);
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
