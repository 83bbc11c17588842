// SPDX-License-Identifier: Apache-2.0
// Threads of host lines and migrations on several machines, and the rules of each host looked at after each step.
// Source: docs/design.md section 6; docs/migration.md (two hosts).
import type { Operation } from '../ap-bus/operation.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { HostRules } from '../host/rules/host-rules.ts';
import type { MachineForPrograms } from './adapter.ts';
import { hostLine, passTime } from './machine-steps.ts';
import type {
  MigrateLine,
  OperationOutcome,
  ProgramSteps,
  SteppableLine,
} from './program-machine.ts';
import { HostThreads, type ThreadClock } from './threads.ts';

/** Machines in common time, between which guests migrate. */
interface ClockedMachines extends ThreadClock {
  readonly cluster: Pick<Cluster, 'sync'>;
  readonly machines: ReadonlyMap<string, MachineForPrograms>;
  run(): void;
  migration(line: MigrateLine): Operation<OperationOutcome>;
}

export class ClusterSteps implements ProgramSteps {
  readonly threads: HostThreads;
  readonly #machines: ClockedMachines;
  readonly #rules = new Map<string, HostRules>();

  /** Makes the machines report their steps. */
  constructor(machines: ClockedMachines) {
    this.#machines = machines;
    this.threads = new HostThreads(machines);
    for (const [name, { machine }] of machines.machines) {
      const rules = new HostRules(machine);
      this.#rules.set(name, rules);
      machine.reportSteps((what) => {
        rules.point(what);
        this.threads.point(`${name}: ${what}`);
      });
    }
  }

  begin(thread: string, line: SteppableLine, ended: (outcome: OperationOutcome) => void): void {
    this.threads.add(thread, { start: () => this.#start(line), ended });
  }

  advance(thread: string, inner: (what: string) => void): string {
    const at = this.threads.advance(thread, inner);
    this.#stands(at);
    return at;
  }

  idle(thread: string): boolean {
    return this.threads.idle(thread);
  }

  finish(): readonly string[] {
    const left = this.threads.finish((at) => this.#stands(at));
    if (left.length === 0) for (const rules of this.#rules.values()) rules.atRest();
    this.#machines.cluster.sync();
    return left;
  }

  broken(): string | undefined {
    for (const [name, rules] of this.#rules) {
      rules.look();
      if (rules.broken !== undefined) return `${name}: ${rules.broken}`;
    }
    return undefined;
  }

  /** A thread may act on both machines. */
  #stands(at: string): void {
    for (const rules of this.#rules.values()) rules.point(at);
    this.#machines.cluster.sync();
  }

  #start(line: SteppableLine): Operation<OperationOutcome> {
    if (line.kind === 'clock') return passTime(line, this.#machines);
    if (line.kind === 'migrate') return this.#machines.migration(line);
    const machine = this.#machines.machines.get(line.machine ?? '');
    if (machine === undefined) throw new RangeError(`${line.kind}: of which machine`);
    return hostLine(line, machine.operator, machine.commands);
  }
}
