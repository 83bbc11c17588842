// SPDX-License-Identifier: Apache-2.0
// What commands of the shell work on: the machine, files, variables, jobs, and time.
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

/** What a shell uses of the process around it. */
export interface ShellOptions {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** The files outside /sys and /dev; default: files in memory that are lost when the shell ends. */
  readonly disk?: Disk;
  /** Directory to which names are relative; default `/`. */
  readonly directory?: string;
  /** Columns of the terminal; undefined if output does not go to a terminal. */
  readonly columns?: number;
  /** Whether the user wants the running command to end. */
  readonly interrupted?: () => boolean;
  /** Lets signals arrive. Called before each command, and between the pieces of a long one. */
  readonly breathe?: () => Promise<void> | undefined;
  /** Does work that may never end. Meanwhile signals end the process. */
  readonly blocking?: (work: () => void) => void;
  /** Writes the attribute tree into a directory of the disk. Returns the number of entries. */
  readonly exportTree?: (machine: Machine, directory: string) => number;
  readonly seed?: number;
  /** The last AP instructions, for the command `trace`; undefined if they are not kept. */
  readonly trace?: RecentTrace;
  /** The cluster, if there are several machines and the shell's is one of them. */
  readonly cluster?: Cluster;
  /** Whether a person is typing: then Ctrl-C and mistakes end a command, and not the shell. */
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

/** Nanoseconds of virtual time between two looks for Ctrl-C. */
const INTERRUPTIBLE_NS = 200_000;

/** Message for commands of the host, if the host is a guest of QEMU. */
export const OWN_SHELL = 'the Linux of this partition has a shell of its own';
/** The /sys of a partition that does not have apemu's host. */
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
    /** This option is accepted and has no effect: functions do not inherit the ERR trap. */
    errtrace: false,
  };
  /** What mdevctl and chzdev store on disk. */
  readonly persistent: PersistentState = { definitions: new Map() };
  parameters: readonly string[];
  status = 0;
  /** Set when the shell is to end, with its exit status. */
  exitStatus: number | undefined;
  /** Number of loops around the running command. */
  loops = 0;
  /** Number of loops that are still to be left (`break`), and whether the outermost of them goes on (`continue`). */
  leaving = 0;
  continuing = false;
  /** Whether `return` was executed, so that the running function or sourced file ends. */
  returning = false;
  /** Whether a trap runs. It sets off no other. */
  inTrap = false;
  /** Exit statuses of the commands in the last pipeline. */
  pipeStatus: number[] = [];
  /** Names of the functions that run; an empty name stands for `eval` and sourced files. */
  callers: string[] = [];
  /** Modules of the kernel that `modprobe` and `lsmod` show as loaded. */
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

  /** The machine with apemu's host; undefined for a partition whose Linux is a guest of QEMU. */
  get host(): Machine | undefined {
    return this.#machine instanceof Machine ? this.#machine : undefined;
  }

  /** The same, for commands that exist with a host only. */
  get machine(): Machine {
    if (this.host === undefined) throw new RangeError(OWN_SHELL);
    return this.host;
  }

  get operator(): Operator {
    return this.#operator;
  }

  /** Replaces this machine, which ends, by another one. */
  replaceMachine(machine: Machine): void {
    this.#machine.close();
    this.#machine = machine;
    this.#operator = new Operator(machine);
    this.jobs.length = 0;
    this.#nameGuests();
  }

  /** Makes commands act on another machine of the cluster. All machines have the same time. */
  useMachine(machine: Machine): void {
    this.catchUp();
    this.#machine = machine;
    this.#operator = new Operator(machine);
  }

  /** Brings the other machines of a cluster to the time of this one. */
  catchUp(): void {
    this.options.cluster?.advance(0, true);
  }

  /** Ends what the shell works on. */
  close(): void {
    const { cluster } = this.options;
    if (cluster === undefined) this.#machine.close();
    else cluster.close();
  }

  /** Sets variables: `$NAME` is the UUID of a guest's mdev. */
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

  /** Remembers what a subshell must not change. The function that is returned puts it back. */
  enterSubshell(): () => void {
    const { parameters, exitStatus, loops, returning, files, flags } = this;
    const restoreVariables = this.variables.snapshot();
    const functions = new Map(this.functions);
    const traps = new Map(this.traps);
    const options = { ...flags };
    const { directory } = files;
    // The subshell does not inherit this trap.
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

  /**
   * Lets virtual time pass in one go. If a guest's program is a module, it may be in a step that never ends, so signals must be able to
   * end that.
   */
  advance(ns: number): void {
    const { stepper } = this.partition;
    const endless = stepper.programs.some(({ name }) => isModule(name));
    const run = (endless && this.options.blocking) || ((work: () => void) => work());
    run(() => stepper.advance(ns));
  }

  /** Lets virtual time pass, with the guests' programs running. Ends early at Ctrl-C. */
  async pass(ns: number): Promise<void> {
    const endNs = this.partition.nowNs() + ns;
    while (this.partition.nowNs() < endNs && !this.interrupted) {
      const { partition: machine } = this;
      // Guests at work need seconds of real time for milliseconds of theirs. If nothing is due, a step may be as long as that lasts.
      const quietNs = machine.stepper.upcomingNs() - machine.nowNs();
      const step = Math.max(INTERRUPTIBLE_NS, quietNs);
      this.advance(Math.min(step, endNs - machine.nowNs()));
      await this.options.breathe?.();
    }
  }

  /**
   * Drives an operation to its end. Time passes for guests too. If the operation waits for somebody else, it becomes a job, `text`
   * describes it, and the result is undefined.
   */
  async drive(operation: Operation<CommandResult>, text: string): Promise<CommandResult | Job> {
    return this.#ended(await this.goOn(operation), operation, text);
  }

  /** As `drive`, but nothing else can happen meanwhile, for work that must be done when the call returns. */
  driveAtOnce(operation: Operation<CommandResult>, text: string): CommandResult | Job {
    return this.#ended(
      drive(operation, (ns) => this.advance(ns)),
      operation,
      text,
    );
  }

  /** Lets an operation go on as far as it can. Ctrl-C leaves it as it is. */
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

  /** Asks all jobs whether what they wait for has come. Returns those that have ended, with their results. */
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

/** The message of one of apemu's errors, for the user. Other errors are thrown again. */
export function messageOf(error: unknown): string {
  if (
    error instanceof ApemuError ||
    error instanceof RangeError ||
    error instanceof ShellLimitError
  )
    return error.message;
  throw error;
}
