// SPDX-License-Identifier: Apache-2.0
// Options of `apemu qemu` that make a run for a result: --run, --expect, --fail, --timeout, --exit-status, --ready.

import type { Command } from 'commander';
import { type FileKind, readText } from '../config/text-file.ts';
import { parseDurationNs } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import { SHELL_PROMPT } from '../qemu/console.ts';
import { READY_MARK } from '../qemu/guest-image/guest-files.ts';
import { commandsOf, type RunPlan } from '../qemu/planned-run.ts';
import { type Administer, parseScenario, Scenario } from '../qemu/scenario.ts';
import type { CommandIo } from './io.ts';
import { shellSession } from './shell-session.ts';

/** Values of the options for a plan. */
export interface PlanOptions {
  readonly run?: readonly string[];
  readonly expect?: string;
  readonly fail?: string;
  /** Time limit in milliseconds. */
  readonly timeout?: number;
  readonly exitStatus?: 'kvm-unit-tests';
  readonly ready?: string;
  readonly scenario?: string;
  readonly kernel?: string;
}

export function addPlanOptions(command: Command): Command {
  return command
    .option('--run <command>', "run it in each guest's shell and end; Guest1='…' for one", collect)
    .option('--expect <text>', 'end with code 0 when a console shows it, 1 when none has')
    .option('--fail <text>', 'end with code 1 when a console shows it')
    .option('--timeout <time>', 'end with code 42 when nothing has decided by then', timeoutOption)
    .option(
      '--exit-status <kind>',
      "kvm-unit-tests: the kernel's EXIT: STATUS= decides",
      exitOption,
    )
    .option('--scenario <file>', 'what the operator does meanwhile, at times and texts')
    .option('--ready <text>', 'the console shows it when it reads commands (default: a prompt)');
}

/**
 * @param guests those that are booted
 * @param configured all that the configuration has
 * @returns undefined when nothing is to be decided
 */
export function planOf(
  options: PlanOptions,
  guests: readonly string[],
  configured: readonly string[],
): RunPlan | undefined {
  const { run, expect, fail, timeout, exitStatus } = options;
  if ([run, expect, fail, timeout, exitStatus].every((one) => one === undefined)) return undefined;
  return {
    commands: commandsOf(run ?? [], guests, configured),
    ready: readyMark(options),
    ...(expect === undefined ? {} : { expect }),
    ...(fail === undefined ? {} : { fail }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(exitStatus === undefined ? {} : { exitStatus }),
  };
}

/** The scenario in the option's file. The administrator's shell executes its commands. */
export function scenarioOf(file: string, io: CommandIo): Scenario {
  const steps = parseScenario(readText(file, SCENARIO), file);
  const administer: Administer = async (machine, command, several) => {
    const session = shellSession(machine, several);
    const status = await session.program?.run(`${command}\n`, (_stream, text) => io.err(text));
    return status ?? 1;
  };
  return new Scenario(steps, administer, (line) => io.err(`${line}\n`));
}

const SCENARIO: FileKind = {
  name: 'scenario',
  code: 'APEMU_ERR_SCENARIO',
  maxBytes: 0x100000,
  maxLines: 10_000,
};

/** What a console shows when commands can be typed. */
export function readyMark({ ready, kernel }: PlanOptions): RegExp {
  if (ready !== undefined) return new RegExp(ready.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return kernel === undefined ? new RegExp(READY_MARK) : SHELL_PROMPT;
}

const collect = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  text,
];

function timeoutOption(text: string): number {
  const ns = parseDurationNs(text);
  const ms = ns === undefined ? 0 : Math.ceil(ns / 1e6);
  if (ms < 1)
    throw new ApemuError('APEMU_ERR_USAGE_TIME', `--timeout is ${text} (expected such as 60s)`);
  return ms;
}

function exitOption(text: string): string {
  if (text === 'kvm-unit-tests') return text;
  throw new ApemuError(
    'APEMU_ERR_USAGE_EXIT_STATUS',
    `--exit-status is ${text} (expected kvm-unit-tests)`,
  );
}
