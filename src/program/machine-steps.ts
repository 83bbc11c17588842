// SPDX-License-Identifier: Apache-2.0
// Threads of host lines on the real machine, and the host's rules looked at after each step.
// Source: docs/design.md section 6; docs/reference/vfio-ap.md sections 6.1 and 6.3.
import type { Operation } from '../ap-bus/operation.ts';
import type { Machine } from '../host/machine/machine.ts';
import { HostRules } from '../host/rules/host-rules.ts';
import type { Operator } from './operator.ts';
import type { OperationOutcome, ProgramSteps, SteppableLine } from './program-machine.ts';
import type { SysfsCommands } from './sysfs-commands.ts';
import { HostThreads } from './threads.ts';

const OK: OperationOutcome = { kind: 'ok', text: '' };

export class MachineSteps implements ProgramSteps {
  readonly threads: HostThreads;
  readonly #machine: Machine;
  readonly #operator: Operator;
  readonly #commands: SysfsCommands;
  readonly #rules: HostRules;

  /** Makes the machine report its steps. */
  constructor(machine: Machine, operator: Operator, commands: SysfsCommands) {
    this.#machine = machine;
    this.#operator = operator;
    this.#commands = commands;
    this.threads = new HostThreads(machine);
    this.#rules = new HostRules(machine);
    machine.reportSteps((what) => {
      this.#rules.point(what);
      this.threads.point(what);
    });
  }

  begin(thread: string, line: SteppableLine, ended: (outcome: OperationOutcome) => void): void {
    this.threads.add(thread, { start: () => this.#start(line), ended });
  }

  advance(thread: string, inner: (what: string) => void): string {
    const at = this.threads.advance(thread, inner);
    this.#rules.point(at);
    return at;
  }

  idle(thread: string): boolean {
    return this.threads.idle(thread);
  }

  finish(): readonly string[] {
    const left = this.threads.finish((at) => this.#rules.point(at));
    if (left.length === 0) this.#rules.atRest();
    return left;
  }

  broken(): string | undefined {
    this.#rules.look();
    return this.#rules.broken;
  }

  #start(line: SteppableLine): Operation<OperationOutcome> {
    if (line.kind === 'clock') return passTime(line, this.#machine);
    if (line.kind === 'migrate') throw new RangeError('there is one machine');
    return hostLine(line, this.#operator, this.#commands);
  }
}

/** A line about the host of one machine, as an operation. */
export function* hostLine(
  line: Extract<SteppableLine, { kind: 'sysfs' | 'lpar' }>,
  operator: Operator,
  commands: SysfsCommands,
): Operation<OperationOutcome> {
  if (line.kind === 'sysfs') return yield* commands.operation(line.command);
  return operator.act(line.verb, line.values);
}

/** A `clock:` line as an operation. */
// biome-ignore lint/correctness/useYield: an operation as the others are
export function* passTime(
  { advance }: Extract<SteppableLine, { kind: 'clock' }>,
  clock: { advance(ns: number): void; run(): void },
): Operation<OperationOutcome> {
  if (advance === 'run') clock.run();
  else clock.advance(advance);
  return OK;
}
