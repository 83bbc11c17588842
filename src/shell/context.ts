// SPDX-License-Identifier: Apache-2.0
// What commands of the shell see: the machine, files, variables, jobs, and how time passes.
// Source: docs/design.md sections 4 and 7.

import { type Driven, drive, sleepsOf } from '../ap-bus/driving.ts';
import type { Operation } from '../ap-bus/operation.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { ApemuError } from '../errors.ts';
import { isModule } from '../host/machine/guest-program.ts';
import { Machine } from '../host/machine/machine.ts';
import type { PartitionMachine } from '../host/machine/partition-machine.ts';
import { Operator } from '../program/operator.ts';
import type { PersistentState } from '../sysfs/ap-check.ts';
import type { CommandResult } from '../sysfs/command.ts';
import { directory } from '../sysfs/node.ts';
import { Sysfs } from '../sysfs/sysfs.ts';
import type { RecentTrace } from '../trace/recent.ts';
import { type Disk, ShellFiles } from './files.ts';
import type { Command } from './language/ast.ts';
import { MAX_CALLS, ShellLimitError } from './language/limits.ts';
import { refill, Variables } from './language/variables.ts';
import { MemoryDisk } from './memory-disk.ts';
import { ShellRandom } from './random.ts';

/** What a shell has of the process around it. */
export interface ShellOptions {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** What is outside of /sys and /dev; default: files in memory that end with the shell. */
  readonly disk?: Disk;
  /** Directory names are relative to; default `/`. */
  readonly directory?: string;
  /** Columns of a terminal; undefined: output is no terminal. */
  readonly columns?: number;
  /** Whether the user wants the running command to end. */
  readonly interrupted?: () => boolean;
  /** Lets signals in; called before each command and between pieces of a long one. */
  readonly breathe?: () => Promise<void> | undefined;
  /** Does work that may never end: signals end the process meanwhile. */
  readonly blocking?: (work: () => void) => void;
  /** Writes the attribute tree into a directory of the disk; the number of entries. */
  readonly exportTree?: (machine: Machine, directory: string) => number;
  readonly seed?: number;
  /** The last AP instructions, for the command `trace`; undefined: nobody keeps them. */
  readonly trace?: RecentTrace;
  /** Several machines; the shell's is one of them. */
  readonly cluster?: Cluster;
  /** A person types: Ctrl-C and mistakes end a command, not the shell. */
  readonly interactive?: boolean;
  /** `$0`, `$1`, … */
  readonly parameters?: readonly string[];
}

/** An operation that waits for somebody else. */
export interface Job {
  readonly number: number;
  readonly text: string;
  readonly operation: Operation<CommandResult>;
}

/** Virtual time between two looks at Ctrl-C. */
const INTERRUPTIBLE_NS = 200_000;

/** What is said of commands of the host where the host is a guest of QEMU. */
export const OWN_SHELL = 'the Linux of this partition has a shell of its own';
/** /sys of a partition without a host of ours. */
const NO_SYSFS = new Sysfs(directory({}));

export class ShellContext {
  readonly options: ShellOptions;
  readonly files: ShellFiles;
  readonly variables = new Variables();
  readonly functions = new Map<string, Command>();
  /** Texts of `trap`, by the name of the event. */
  readonly traps = new Map<string, string>();
  readonly jobs: Job[] = [];
  readonly flags = {
    errexit: false,
    xtrace: false,
    nounset: false,
    pipefail: false,
    noglob: false,
    nullglob: false,
    /** Accepted and without effect: functions do not inherit the ERR trap. */
    errtrace: false,
  };
  /** What mdevctl and chzdev keep on disk. */
  readonly persistent: PersistentState = { definitions: new Map() };
  parameters: readonly string[];
  status = 0;
  /** Set when the shell is to end. */
  exitStatus: number | undefined;
  /** Loops around the running command. */
  loops = 0;
  /** Loops still to leave (`break`), and whether the outermost of them goes on (`continue`). */
  leaving = 0;
  continuing = false;
  /** `return`: the running function or sourced file ends. */
  returning = false;
  /** A trap runs: it sets off no other. */
  inTrap = false;
  /** Statuses of the last pipeline. */
  pipeStatus: number[] = [];
  /** Names of the functions that run, and '' for `eval` and sourced files. */
  callers: string[] = [];
  /** Modules of the kernel as `modprobe` and `lsmod` see them. */
  readonly modules = new Set(['ap', 'zcrypt', 'zcrypt_cex4', 'vfio_ap', 'mdev', 'vfio']);
  #machine: PartitionMachine;
  #operator: Operator;
  readonly random: ShellRandom;
  #jobNumber = 0;

  constructor(machine: PartitionMachine, options: ShellOptions) {
    this.options = options;
    this.#machine = machine;
    this.#operator = new Operator(machine);
    this.parameters = options.parameters ?? ['apemu'];
    this.files = new ShellFiles(
      () => this.host?.sysfs ?? NO_SYSFS,
      options.disk ?? new MemoryDisk(),
      options.directory ?? '/',
    );
    this.random = new ShellRandom(options.seed ?? machine.config.machine.seed);
    this.#nameGuests();
  }

  /** The partition's part of the machine: clock, operator, faults, trace. */
  get partition(): PartitionMachine {
    return this.#machine;
  }

  /** The machine with a host of ours; undefined for a partition whose Linux is a guest of QEMU. */
  get host(): Machine | undefined {
    return this.#machine instanceof Machine ? this.#machine : undefined;
  }

  /** The same for commands that there are with a host only. */
  get machine(): Machine {
    if (this.host === undefined) throw new RangeError(OWN_SHELL);
    return this.host;
  }

  get operator(): Operator {
    return this.#operator;
  }

  /** Puts another machine in the place of this one, which ends. */
  replaceMachine(machine: Machine): void {
    this.#machine.close();
    this.#machine = machine;
    this.#operator = new Operator(machine);
    this.jobs.length = 0;
    this.#nameGuests();
  }

  /** Commands act on another machine of the cluster, whose time is that of the others. */
  useMachine(machine: Machine): void {
    this.catchUp();
    this.#machine = machine;
    this.#operator = new Operator(machine);
  }

  /** The other machines of a cluster come to the time of this one. */
  catchUp(): void {
    this.options.cluster?.advance(0, true);
  }

  /** Ends what the shell works on. */
  close(): void {
    const { cluster } = this.options;
    if (cluster === undefined) this.#machine.close();
    else cluster.close();
  }

  /** `$NAME` is the UUID of a guest's mdev. */
  #nameGuests(): void {
    for (const guest of this.host?.guests ?? []) this.variables.set(guest.name, guest.uuid);
  }

  enterCall(name = ''): void {
    if (this.callers.length >= MAX_CALLS)
      throw new ShellLimitError(
        `${name === '' ? 'eval' : name}: maximum function nesting level exceeded (${MAX_CALLS})`,
      );
    this.callers.push(name);
  }

  leaveCall(): void {
    this.callers.pop();
  }

  /** What a subshell does not change; the answer puts it back. */
  enterSubshell(): () => void {
    const { parameters, exitStatus, loops, returning, files, flags } = this;
    const restoreVariables = this.variables.snapshot();
    const functions = new Map(this.functions);
    const traps = new Map(this.traps);
    const options = { ...flags };
    const { directory } = files;
    // A trap of the shell around it is not that of the subshell.
    this.traps.delete('EXIT');
    return () => {
      restoreVariables();
      refill(this.functions, functions);
      refill(this.traps, traps);
      files.directory = directory;
      Object.assign(flags, options);
      Object.assign(this, { parameters, exitStatus, loops, returning, leaving: 0 });
    };
  }

  get interrupted(): boolean {
    return this.options.interrupted?.() ?? false;
  }

  /** Lets virtual time pass at once. A module among the guests' programs may be in a step that never ends: signals must end that. */
  advance(ns: number): void {
    const { stepper } = this.partition;
    const endless = stepper.programs.some(({ name }) => isModule(name));
    const run = (endless && this.options.blocking) || ((work: () => void) => work());
    run(() => stepper.advance(ns));
  }

  /** Lets virtual time pass; guests' programs run meanwhile. Ends early at Ctrl-C. */
  async pass(ns: number): Promise<void> {
    const endNs = this.partition.nowNs() + ns;
    while (this.partition.nowNs() < endNs && !this.interrupted) {
      const { partition: machine } = this;
      // Busy guests take seconds of ours for milliseconds of theirs; where nothing is due, a step may be as long as that lasts.
      const quietNs = machine.stepper.upcomingNs() - machine.nowNs();
      const step = Math.max(INTERRUPTIBLE_NS, quietNs);
      this.advance(Math.min(step, endNs - machine.nowNs()));
      await this.options.breathe?.();
    }
  }

  /**
   * Drives an operation to its end; time passes for guests too. One that waits for somebody else becomes a job, and `text`
   * says what it is; undefined then.
   */
  async drive(operation: Operation<CommandResult>, text: string): Promise<CommandResult | Job> {
    return this.#ended(await this.goOn(operation), operation, text);
  }

  /** As `drive`, letting nothing else in: for what must have happened when the call returns. */
  driveAtOnce(operation: Operation<CommandResult>, text: string): CommandResult | Job {
    return this.#ended(
      drive(operation, (ns) => this.advance(ns)),
      operation,
      text,
    );
  }

  /** Lets an operation go on as far as it can; Ctrl-C leaves it where it is. */
  async goOn(operation: Operation<CommandResult>): Promise<Driven<CommandResult>> {
    const sleeps = sleepsOf(operation);
    for (let sleep = sleeps.next(); ; sleep = sleeps.next()) {
      if (sleep.done === true) return sleep.value;
      await this.pass(sleep.value);
      if (this.interrupted) return { ended: false };
    }
  }

  #ended(
    driven: Driven<CommandResult>,
    operation: Operation<CommandResult>,
    text: string,
  ): CommandResult | Job {
    if (driven.ended) return driven.value;
    const job = { number: ++this.#jobNumber, text, operation };
    this.jobs.push(job);
    return job;
  }

  /** Asks all jobs whether what they wait for has come; those that have ended, with their results. */
  async collect(): Promise<{ readonly job: Job; readonly result: CommandResult }[]> {
    const ended: { job: Job; result: CommandResult }[] = [];
    for (const job of [...this.jobs]) {
      const driven = await this.goOn(job.operation);
      if (!driven.ended) continue;
      this.jobs.splice(this.jobs.indexOf(job), 1);
      ended.push({ job, result: driven.value });
    }
    return ended;
  }
}

/** A message for the user from an error of ours; others go on. */
export function messageOf(error: unknown): string {
  if (
    error instanceof ApemuError ||
    error instanceof RangeError ||
    error instanceof ShellLimitError
  )
    return error.message;
  throw error;
}
