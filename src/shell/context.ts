// SPDX-License-Identifier: Apache-2.0
// What commands of the shell see: the machine, files, variables, jobs, and how time passes.
// Source: docs/design.md sections 4 and 7.

import { drive } from '../ap-bus/driving.ts';
import type { Operation } from '../ap-bus/operation.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { ApemuError } from '../errors.ts';
import { Machine } from '../host/machine/machine.ts';
import type { PartitionMachine } from '../host/machine/partition-machine.ts';
import { asFraction, nextRandom, seedRandom } from '../lpar/random.ts';
import { Operator } from '../program/operator.ts';
import type { PersistentState } from '../sysfs/ap-check.ts';
import type { CommandResult } from '../sysfs/command.ts';
import { directory } from '../sysfs/node.ts';
import { Sysfs } from '../sysfs/sysfs.ts';
import type { RecentTrace } from '../trace/recent.ts';
import { type Disk, ShellFiles } from './files.ts';
import type { Command } from './language/ast.ts';
import { MAX_CALLS, ShellLimitError } from './language/limits.ts';
import { Variables } from './language/variables.ts';
import { MemoryDisk } from './memory-disk.ts';

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
/** Tells the generator of UUIDs from the other users of the machine's seed. */
const UUID_STREAM = 0x5e11;

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
  #random: number;
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
    this.#random = seedRandom(options.seed ?? machine.config.machine.seed, UUID_STREAM);
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

  /** A number of `$RANDOM`, 0 to 32767, from the seed. */
  newRandom(): number {
    this.#random = nextRandom(this.#random);
    return Math.floor(asFraction(this.#random) * 0x8000);
  }

  /** A random UUID of version 4, from the seed. */
  newUuid(): string {
    const bytes = Array.from({ length: 16 }, () => {
      this.#random = nextRandom(this.#random);
      return Math.floor(asFraction(this.#random) * 256);
    });
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  /** Lets virtual time pass; guests' programs run meanwhile. Ends early at Ctrl-C. */
  async pass(ns: number): Promise<void> {
    const endNs = this.partition.nowNs() + ns;
    while (this.partition.nowNs() < endNs && !this.interrupted) {
      const { partition: machine } = this;
      // Busy guests take seconds of ours for milliseconds of theirs; where nothing is due, a step may be as long as that lasts.
      const quietNs = machine.stepper.upcomingNs() - machine.nowNs();
      const step = Math.max(INTERRUPTIBLE_NS, quietNs);
      machine.stepper.advance(Math.min(step, endNs - machine.nowNs()));
      await this.options.breathe?.();
    }
  }

  /**
   * Drives an operation to its end; time passes for guests too. One that waits for somebody else becomes a job, and `text`
   * says what it is; undefined then.
   */
  drive(operation: Operation<CommandResult>, text: string): CommandResult | Job {
    const driven = drive(operation, (ns) => this.partition.stepper.advance(ns));
    if (driven.ended) return driven.value;
    const job = { number: ++this.#jobNumber, text, operation };
    this.jobs.push(job);
    return job;
  }

  /** Asks all jobs whether what they wait for has come; those that have ended, with their results. */
  collect(): { readonly job: Job; readonly result: CommandResult }[] {
    const ended: { job: Job; result: CommandResult }[] = [];
    for (const job of [...this.jobs]) {
      const driven = drive(job.operation, (ns) => this.partition.stepper.advance(ns));
      if (!driven.ended) continue;
      this.jobs.splice(this.jobs.indexOf(job), 1);
      ended.push({ job, result: driven.value });
    }
    return ended;
  }
}

function refill<K, V>(map: Map<K, V>, from: ReadonlyMap<K, V>): void {
  map.clear();
  for (const [key, value] of from) map.set(key, value);
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
