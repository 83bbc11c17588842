// SPDX-License-Identifier: Apache-2.0
// Runs guests for a result: a command in each, texts on their consoles, a time limit, or the exit status that a test kernel prints. Also
// decides the exit code.

import { StringDecoder } from 'node:string_decoder';
import { formatDuration } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import { NS_PER_MS } from '../units.ts';
import { wallTimer } from '../vcpu-pool/wall-timer.ts';
import { type QemuCommand, runQemu } from './command.ts';
import { GuestConsole, typedLine } from './console.ts';
import { CONSOLE_TAIL } from './scenario.ts';
import type { ServedGuest } from './serve.ts';

/** Exit code if nothing was decided in time, the same as that of wokwi-cli. */
const EXIT_TIMEOUT = 42;

/** What a run waits for. */
export interface RunPlan {
  /** Command to run in a guest's shell, by guest. */
  readonly commands: ReadonlyMap<string, string>;
  /** The text on the console that shows that the shell reads commands. */
  readonly ready: RegExp;
  /** Success as soon as a console shows this. */
  readonly expect?: string;
  /** Failure as soon as a console shows this. */
  readonly fail?: string;
  readonly timeoutMs?: number;
  /** A test kernel prints its exit status last: `EXIT: STATUS=N`, as kvm-unit-tests do. */
  readonly exitStatus?: 'kvm-unit-tests';
}

/** kvm-unit-tests print twice their exit code plus one. Source: kvm-unit-tests, lib/s390x/io.c (exit). */
const TEST_STATUS = /^EXIT: STATUS=(\d+)/m;

const FAILED = 1;

/**
 * Runs guests until the plan is decided or all have ended.
 *
 * @param shown is given what the user is to see: the output of commands; without commands, all of the consoles
 * @returns the exit code: that of the commands (the first that is not 0), of the test kernel, or of what decided
 * @throws ApemuError as `runQemu`; APEMU_ERR_USAGE_RUN for a command that no console can take
 */
export async function runPlanned(
  command: QemuCommand,
  plan: RunPlan,
  shown: (guest: string, text: string) => void,
): Promise<number> {
  const texts = [plan.expect, plan.fail, ...(command.scenario?.texts ?? [])];
  const watched = texts.filter((text) => text !== undefined);
  for (const [, text] of plan.commands) checkLength(text, watched);
  const verdict = new Verdict(command.log ?? (() => {}));
  const signals = [verdict.signal, ...(command.signal === undefined ? [] : [command.signal])];
  const tails = new Map<string, string>();
  let status: number | undefined;
  const onConsole = (guest: string, piece: string) => {
    if (plan.commands.size === 0) shown(guest, piece);
    const text = `${tails.get(guest) ?? ''}${piece}`;
    tails.set(guest, text.slice(-CONSOLE_TAIL));
    status ??= testStatus(plan, text);
    if (plan.fail !== undefined && text.includes(plan.fail))
      verdict.decide(FAILED, `${guest}: the console shows "${plan.fail}"`);
    else if (plan.expect !== undefined && text.includes(plan.expect)) verdict.decide(0);
  };
  const onServed = (served: ReadonlyMap<string, ServedGuest>) => {
    if (plan.commands.size > 0) runCommands(served, plan, watched, shown, verdict);
  };
  const { timeoutMs } = plan;
  const unset =
    timeoutMs === undefined ? undefined : wallTimer(timeoutMs, () => verdict.late(timeoutMs));
  try {
    await runQemu({ ...command, signal: AbortSignal.any(signals), onConsole, onServed });
  } catch (error) {
    if (verdict.code === undefined) throw error;
  } finally {
    unset?.();
  }
  // What the user has ended himself is not told as a guest that ended early.
  if (command.signal?.aborted === true) return verdict.code ?? FAILED;
  return verdict.code ?? endedFirst(plan, status, verdict);
}

/** The exit code if every guest has ended before anything was decided. */
function endedFirst(plan: RunPlan, status: number | undefined, verdict: Verdict): number {
  if (plan.exitStatus !== undefined) {
    if (status === undefined) verdict.decide(FAILED, 'no EXIT: STATUS= on the console');
    return status ?? FAILED;
  }
  const missing =
    plan.commands.size > 0
      ? 'the guest has ended before its command had'
      : plan.expect === undefined
        ? undefined
        : `the guest has ended without "${plan.expect}"`;
  if (missing !== undefined) verdict.decide(FAILED, missing);
  return verdict.code ?? 0;
}

function testStatus({ exitStatus }: RunPlan, text: string): number | undefined {
  const match = exitStatus === undefined ? null : TEST_STATUS.exec(text);
  return match === null ? undefined : Math.min(Number(match[1]) >>> 1, 255);
}

/** @param watched texts that are looked for on the consoles */
async function runCommands(
  served: ReadonlyMap<string, ServedGuest>,
  plan: RunPlan,
  watched: readonly string[],
  shown: (guest: string, text: string) => void,
  verdict: Verdict,
): Promise<void> {
  const statuses = await Promise.all(
    [...plan.commands].map(async ([name, text]) => {
      const { output, input } = served.get(name)?.qemu ?? {};
      if (!output || !input) return FAILED;
      const console = new GuestConsole(output, input);
      try {
        await console.waitFor(plan.ready);
        const decoder = new StringDecoder('utf8');
        const show = (piece: string) => shown(name, decoder.write(Buffer.from(piece, 'latin1')));
        return await console.perform(text, show, watched);
      } catch {
        // The guest has ended. Its own end tells why.
        return undefined;
      }
    }),
  );
  if (statuses.includes(undefined)) return;
  const code = statuses.find((status) => status !== 0) ?? 0;
  if (code === 0 && plan.expect !== undefined)
    verdict.decide(FAILED, `no console shows "${plan.expect}"`);
  else verdict.decide(code as number);
}

/** The exit code, as soon as something has decided; then the guests are ended. */
class Verdict {
  code: number | undefined;
  readonly #stop = new AbortController();
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  late(ms: number): void {
    this.decide(EXIT_TIMEOUT, `nothing decided within ${formatDuration(ms * NS_PER_MS)}`);
  }

  decide(code: number, why?: string): void {
    if (this.code !== undefined) return;
    this.code = code;
    if (why !== undefined) this.#log(why);
    this.#stop.abort();
  }
}

/**
 * Which command runs where.
 *
 * @param given as on the command line: `CMD` for every guest, `NAME=CMD` for one
 * @param guests those that are booted
 * @param configured all that the configuration has
 * @throws ApemuError APEMU_ERR_USAGE_RUN for a guest named twice, without a command, or that is not booted
 */
export function commandsOf(
  given: readonly string[],
  guests: readonly string[],
  configured: readonly string[] = guests,
): Map<string, string> {
  const commands = new Map<string, string>();
  for (const text of given) {
    const name = guests.find((guest) => text.startsWith(`${guest}=`));
    if (name === undefined) refuseOtherGuest(text, guests, configured);
    const command = name === undefined ? text : text.slice(name.length + 1);
    if (command.trim() === '') throw unusable(text, 'there is no command');
    for (const guest of name === undefined ? guests : [name]) {
      if (commands.has(guest)) throw unusable(text, `${guest} has a command already`);
      commands.set(guest, command);
    }
  }
  return commands;
}

/** What a guest's name and an assignment of the shell have in common; the rest is an assignment's alone. */
const NAMED = /^([A-Za-z][\w-]*)=(\S*$)?/;

/**
 * A name that is misspelt would be an assignment of the shell, which succeeds and does nothing. One at the beginning of a command is
 * taken as such for a single guest only, and where something follows it.
 */
function refuseOtherGuest(
  text: string,
  guests: readonly string[],
  configured: readonly string[],
): void {
  const [, name, alone] = NAMED.exec(text) ?? [];
  if (name === undefined) return;
  if (configured.includes(name)) throw unusable(text, `${name} is not booted (--guest)`);
  if (guests.length === 1 && alone === undefined) return;
  const hint = `the guests are ${guests.join(', ')}; an assignment of the shell takes a blank before it`;
  throw unusable(text, `there is no guest ${name} (${hint})`);
}

/** Most characters that a terminal takes in a line. Source: Linux, N_TTY_BUF_SIZE. */
const TYPED_MAX = 4095;

/** @throws ApemuError APEMU_ERR_USAGE_RUN for a command no console takes */
function checkLength(command: string, watched: readonly string[]): void {
  const bytes = Buffer.byteLength(typedLine(command, watched));
  if (bytes > TYPED_MAX)
    throw unusable(
      command,
      `it is too long for a console (${bytes} bytes as it is typed, at most ${TYPED_MAX}): put it into a file of the guest`,
    );
}

const unusable = (text: string, why: string): ApemuError =>
  new ApemuError('APEMU_ERR_USAGE_RUN', `--run ${text.slice(0, 60)}: ${why}`);
