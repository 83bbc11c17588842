// SPDX-License-Identifier: Apache-2.0
// A scenario: what the operator does while guests run, at given times, when texts appear on consoles, or at AP instructions. One line for
// each step:
//   at 2s: lpar deconfigure 6
//   on "rsa-test: process=1": fault 05.0004 rc=03 on=dqap count=1
//   trace "NQAP 05.0004": lpar checkstop 5

import type { Cluster } from '../cluster/cluster.ts';
import { parseDurationNs } from '../config/units.ts';
import { ApemuError } from '../errors.ts';
import type { PartitionMachine } from '../host/machine/partition-machine.ts';
import { recordText } from '../trace/record.ts';
import type { TakeTrace } from '../trace/ring.ts';
import { wallTimer } from '../vcpu-pool/wall-timer.ts';

/** What a step waits for: milliseconds since the guests began to run, a text on a console, or a text in the line of an AP instruction. */
type Moment =
  | { readonly kind: 'at'; readonly ms: number }
  | { readonly kind: 'on' | 'trace'; readonly text: string };

/** One line of a scenario. */
export interface ScenarioStep {
  readonly line: number;
  readonly moment: Moment;
  /** A command of the administrator's shell. */
  readonly command: string;
}

const STEP = /^(?:at ([^:\s]+)|(on|trace) "([^"]+)"): (.+)$/;
/** Number of characters that are kept of a console's last piece of text, since texts are looked for piece by piece. */
export const CONSOLE_TAIL = 4096;

/**
 * Reads a scenario.
 *
 * @throws ApemuError APEMU_ERR_SCENARIO with file and line
 */
export function parseScenario(text: string, file: string): ScenarioStep[] {
  const steps: ScenarioStep[] = [];
  text.split('\n').forEach((words, index) => {
    const trimmed = words.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const line = index + 1;
    const [, time, kind, pattern, command] = STEP.exec(trimmed) ?? [];
    const ns = time === undefined ? undefined : parseDurationNs(time);
    if (command === undefined || (time !== undefined && ns === undefined))
      throw new ApemuError(
        'APEMU_ERR_SCENARIO',
        'expected: at TIME: COMMAND, on "TEXT": COMMAND, or trace "TEXT": COMMAND',
        { place: { file, line } },
      );
    const moment: Moment =
      ns === undefined
        ? { kind: kind as 'on' | 'trace', text: pattern }
        : { kind: 'at', ms: ns / 1e6 };
    steps.push({ line, moment, command });
  });
  return steps;
}

/** The machines, if there are several, one of which is administered. */
export interface Several {
  readonly cluster?: Cluster;
}

/** Executes a command of the administrator and returns its status. */
export type Administer = (
  machine: PartitionMachine,
  command: string,
  several: Several,
) => Promise<number>;

/** A running scenario. Each step is done once. */
export class Scenario {
  readonly #waiting: Set<ScenarioStep>;
  readonly #administer: Administer;
  readonly #log: (line: string) => void;
  readonly #tails = new Map<string, string>();
  readonly #unset: (() => void)[] = [];
  #machine: PartitionMachine | undefined;
  #several: Several = {};
  #last: Promise<void> = Promise.resolve();
  /** Steps whose command failed. */
  failed = 0;

  constructor(steps: readonly ScenarioStep[], administer: Administer, log: (line: string) => void) {
    this.#waiting = new Set(steps);
    this.#administer = administer;
    this.#log = log;
  }

  /** Texts that it looks for on consoles. */
  get texts(): readonly string[] {
    return [...this.#waiting].flatMap(({ moment }) => (moment.kind === 'on' ? [moment.text] : []));
  }

  /** Starts the times of the scenario. Called when the guests begin to run. */
  begin(machine: PartitionMachine, several: Several = {}): void {
    this.#machine = machine;
    this.#several = several;
    for (const step of this.#waiting) {
      if (step.moment.kind !== 'at') continue;
      this.#unset.push(wallTimer(step.moment.ms, () => this.#do(step)));
    }
  }

  /** Called when a console has shown something. */
  console(guest: string, piece: string): void {
    const text = `${this.#tails.get(guest) ?? ''}${piece}`;
    this.#tails.set(guest, text.slice(-CONSOLE_TAIL));
    this.#look('on', text);
  }

  /** Called when AP instructions have been executed. */
  readonly trace: TakeTrace = (records) => {
    for (const record of records) this.#look('trace', recordText(record));
  };

  /**
   * Drops the steps that have not happened.
   *
   * @returns their lines
   */
  end(): readonly number[] {
    for (const unset of this.#unset) unset();
    this.#machine = undefined;
    return [...this.#waiting].map(({ line }) => line);
  }

  #look(kind: 'on' | 'trace', text: string): void {
    for (const step of this.#waiting)
      if (step.moment.kind === kind && text.includes(step.moment.text)) this.#do(step);
  }

  /** Steps are done one after the other, since a command may take a while. */
  #do(step: ScenarioStep): void {
    if (!this.#waiting.delete(step)) return;
    this.#last = this.#last.then(async () => {
      if (this.#machine === undefined) return;
      this.#log(`scenario line ${step.line}: ${step.command}`);
      const status = await this.#administer(this.#machine, step.command, this.#several);
      if (status === 0) return;
      this.failed++;
      this.#log(`scenario line ${step.line}: status ${status}`);
    });
  }
}
