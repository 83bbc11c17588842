// SPDX-License-Identifier: Apache-2.0
// A partition with all that executes its program's AP instructions, in stepped time: image, context, adapters, operator, faults, trace.
// On its own it is the machine of a kernel that is the host (`apemu qemu --lpar`). Machine adds KVM guests and a host of ours.
// Source: docs/design.md sections 1, 3 and 4.
import type { ExternalStorage } from '../../../native-like/exec/registry.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import { C_GENERATION, C_TIME_START } from '../../../native-like/machine/layout.ts';
import { printFault } from '../../config/fault-text.ts';
import { type FaultObject, faultFromObject } from '../../config/load.ts';
import type { FaultConfig, MachineConfig } from '../../config/types.ts';
import { formatApqn } from '../../config/units.ts';
import { ApemuError } from '../../errors.ts';
import { clearPending } from '../../kvm/interruptions.ts';
import type { AdapterService, ServiceModels } from '../../lpar/adapter-service.ts';
import type { Timer } from '../../lpar/clock.ts';
import type { DeclaredFault } from '../../lpar/declared-fault.ts';
import { Faults } from '../../lpar/faults.ts';
import type { Kernel } from '../../lpar/kernel.ts';
import { Partition } from '../../lpar/partition.ts';
import { type PutBack, rememberMap, together } from '../../lpar/remember.ts';
import type { TakeEvent } from '../../trace/machine-event.ts';
import { type TakeTrace, TraceRings } from '../../trace/ring.ts';
import type { Card } from '../context/card-models.ts';
import { ExecutionContext } from '../context/execution-context.ts';
import { type LoadedImage, releaseLoadedImage, takeLoadedImage } from '../context/loaded-image.ts';
import { callerOf } from './caller.ts';
import {
  cardOf,
  faultsOf,
  guestNames,
  partitionProfile,
  partitionShape,
  writeMachine,
} from './compose.ts';
import { MachineEvents } from './machine-events.ts';
import { didNotCome, outstanding } from './outstanding.ts';
import { Stepper } from './stepper.ts';
import { type Time, timeNs } from './times.ts';

export interface PartitionOptions {
  /** Replaces the configuration's seed. */
  readonly seed?: number;
  /** Runs a change while a guest's vCPUs (undefined: all) are out of interpretive execution. Default: stepped ones always are. */
  readonly exclusive?: (guest: number | undefined, change: () => void) => void;
  /** Wraps the card models: a load generator uses this to remember replies. */
  readonly models?: (models: ServiceModels) => ServiceModels;
  /** Is given a record of each AP instruction. `trace.flush()` hands over the records that are still in the image. */
  readonly onTrace?: TakeTrace;
  /** Is given what happens beside the instructions: actions of the operator, faults, changes of masks. */
  readonly onEvent?: TakeEvent;
  /** Is told each of `machine.warnings` as it comes. */
  readonly onWarning?: (text: string) => void;
  /** Storage that is not in the image, of programs that run under QEMU. */
  readonly storage?: ExternalStorage;
}

/** Number of adapter interruption sub-classes. */
const ISCS = 8;

export class PartitionMachine {
  readonly config: MachineConfig;
  readonly image: MachineImage;
  readonly kernel: Kernel;
  /** Executes the AP instructions of this thread. */
  readonly context: ExecutionContext;
  readonly partition: Partition;
  readonly faults: Faults;
  readonly stepper: Stepper;
  /** The rings with the records of AP instructions; only with `onTrace`. */
  readonly trace: TraceRings | undefined;
  /** Reports to `onEvent`; only with it. */
  protected readonly events: MachineEvents | undefined;
  readonly loaded: LoadedImage;
  readonly cards = new Map<number, Card>();
  /** Warnings about faults, of the configuration and declared later, that are probably not what was meant. */
  readonly warnings: string[] = [];
  readonly #onWarning: ((text: string) => void) | undefined;
  /** Number of changes of the partition, its faults or its guests' masks. */
  #changes = 0;
  /** For each APQN, the timer that ends the queue's busy time. */
  readonly #busy = new Map<number, Timer>();
  protected readonly exclusive: (guest: number | undefined, change: () => void) => void;

  protected constructor(loaded: LoadedImage, config: MachineConfig, options: PartitionOptions) {
    this.config = config;
    this.#onWarning = options.onWarning;
    this.loaded = loaded;
    this.image = loaded.image;
    this.kernel = loaded.kernel;
    const seed = options.seed ?? config.machine.seed;
    const runExclusive = options.exclusive ?? ((_guest, change) => change());
    this.exclusive = (guest, change) => {
      this.assertOpen();
      this.#changes++;
      this.image.i32[C_GENERATION] = this.image.word(C_GENERATION) + 1;
      runExclusive(guest, change);
    };
    writeMachine(this.image, config);
    for (const adapter of config.machine.adapters.values())
      this.cards.set(adapter.apid, cardOf(adapter, seed));
    if (options.onTrace !== undefined)
      this.trace = new TraceRings(this.image, guestNames(config), options.onTrace);
    this.context = new ExecutionContext(loaded, {
      cards: this.cards,
      seed,
      models: options.models,
      external: options.storage,
      traced: this.trace !== undefined,
      sleep: (ns) => this.stepper.advance(ns, false),
      after: () => this.afterInstruction(),
    });
    this.stepper = new Stepper(this.image, this.service, () => this.afterServing());
    const everyone = (change: () => void): void => this.exclusive(undefined, change);
    const profile = partitionProfile(config, seed);
    this.partition = new Partition(this.image, this.kernel, profile, everyone);
    this.faults = new Faults(this.partition, seed, everyone, config.machine.allowGuestDamage);
    if (options.onEvent !== undefined) this.events = new MachineEvents(this, options.onEvent);
  }

  /** Creates a partition whose only program is outside the image. Guests in the configuration are ignored; its faults are declared. */
  static async createPartition(
    config: MachineConfig,
    options: PartitionOptions = {},
  ): Promise<PartitionMachine> {
    const loaded = await takeLoadedImage(partitionShape(config, options));
    try {
      const machine = new PartitionMachine(loaded, config, options);
      for (const fault of config.faults) {
        if (fault.guest === undefined) machine.fault(fault);
        else
          machine.warn(
            `fault ${printFault(fault)}: guest ${fault.guest} is not here, only the partition's own program`,
          );
      }
      return machine;
    } catch (error) {
      releaseLoadedImage(loaded);
      throw error;
    }
  }

  /** Throws ApemuError `APEMU_ERR_MACHINE_CLOSED` after `close`. */
  assertOpen(): void {
    // Parts that are made before the context call this too.
    (this.context as ExecutionContext | undefined)?.assertOpen();
  }

  /** Serves the adapters. */
  get service(): AdapterService {
    return this.context.service;
  }

  /** Hands over the records that are in the trace. */
  flushTrace(): void {
    this.events?.strikes(this.faults);
    this.trace?.flush();
  }

  /** Runs after each instruction, when the adapters have taken what is new. */
  protected afterInstruction(): void {
    this.events?.strikes(this.faults);
    if (this.trace?.isFilling(0) === true) this.trace.flush();
  }

  /** Runs when the adapters have been served because time has passed. */
  protected afterServing(): void {}

  nowNs(): number {
    return this.stepper.nowNs();
  }

  /**
   * Lets virtual time pass. Guest programs do not run.
   *
   * @throws ApemuError `APEMU_ERR_MACHINE_TIME` for a value that is not a time
   */
  advance(time: Time): void {
    this.context.assertOpen();
    this.stepper.advance(timeNs(time, 'advance'), false, true);
  }

  /**
   * Lets time pass until `condition` holds, which is asked whenever something has happened.
   *
   * @param limit longest time to wait; default one second of virtual time
   * @throws ApemuError `APEMU_ERR_MACHINE_UNTIL`, with what was outstanding, when the time is over
   */
  advanceUntil(condition: () => boolean, limit: Time = 1_000_000_000): void {
    const limitNs = timeNs(limit, 'advanceUntil');
    const end = this.nowNs() + limitNs;
    while (!condition()) {
      const now = this.nowNs();
      if (now >= end) throw didNotCome(limitNs, outstanding(this.image, this.stepper));
      this.advance(Math.min(Math.max(0, this.stepper.upcomingNs() - now), end - now));
    }
  }

  /** Lets time pass until nothing one-off is outstanding; periodic timers do not count. */
  run(): void {
    this.context.assertOpen();
    this.stepper.settle();
  }

  /** Time at which programs began, in nanoseconds. Times in a configuration count from it. */
  get startNs(): number {
    return this.image.time(C_TIME_START);
  }

  /**
   * Declares a fault, with the keys of the configuration file: `{ apqn: '05.0004', reply: '82/8a', count: 1 }`.
   *
   * @throws ApemuError `APEMU_ERR_CONFIG_…` for a fault that a configuration could not contain
   */
  fault(fault: FaultConfig | FaultObject): DeclaredFault {
    this.context.assertOpen();
    const checked = 'trigger' in fault ? fault : faultFromObject(fault, this.config);
    const text = printFault(checked);
    const { apqn } = checked;
    if (apqn !== undefined && this.image.queue(apqn) === this.image.queueRecord(0))
      this.warn(`fault ${text}: there is no queue ${formatApqn(apqn)} (it strikes when one comes)`);
    const declared = this.faults.declareAll(faultsOf(this.config, checked, this.startNs), text);
    this.events?.declared(declared);
    return declared;
  }

  /** Takes all faults back. */
  clearFaults(): void {
    this.context.assertOpen();
    this.faults.clear();
    this.events?.cleared();
  }

  /** Warns that something is probably not what was meant. */
  protected warn(text: string): void {
    this.warnings.push(text);
    this.#onWarning?.(text);
  }

  /** Makes a queue answer 05 for `ns` nanoseconds; 0 ends that. A later call replaces an earlier one. Throws if there is no such queue. */
  setBusy(apqn: number, ns: number): void {
    this.partition.setBusy(apqn, ns > 0);
    this.#busy.get(apqn)?.cancel();
    this.#busy.delete(apqn);
    if (ns === 0) return;
    const end = (): void => {
      this.#busy.delete(apqn);
      // The queue may have gone meanwhile, and its busy time with it.
      if (this.image.queue(apqn) !== this.image.queueRecord(0)) this.partition.setBusy(apqn, false);
    };
    this.#busy.set(apqn, this.stepper.timers.after(ns, end));
  }

  /** Counts changes outside the image, except those that executed instructions make. The number never goes back. */
  get changes(): number {
    return this.#changes + this.stepper.timers.changes;
  }

  /** Throws ApemuError `APEMU_ERR_HOST_BUSY` while an operation sleeps, because what it waits for cannot be remembered. */
  refuseWhileBusy(): void {
    if (!this.stepper.timers.sleeping) return;
    throw new ApemuError(
      'APEMU_ERR_HOST_BUSY',
      'a host operation is under way: it sleeps (expected after `run()` of the machine)',
    );
  }

  /** Remembers what executed instructions and passing time change outside the image; calling the result puts it back. */
  rememberRun(): PutBack {
    return this.stepper.remember();
  }

  /** Remembers everything else outside the image; calling the result puts it back. */
  rememberParts(): PutBack {
    return together(
      this.partition.remember(),
      this.faults.remember(),
      rememberMap(this.cards),
      rememberMap(this.#busy),
    );
  }

  /** Resets queues and interruptions because the program with this number in the image (0: the partition's own) starts again. */
  restartProgram(number: number): void {
    for (let isc = 0; isc < ISCS; isc++) clearPending(this.image, number, isc);
    for (let n = 1; n < this.image.queues; n++) {
      this.kernel.flush(this.image.queueRecord(n));
      this.kernel.disableInterruptions(this.image.queueRecord(n));
    }
  }

  /** Ends the machine and gives its memory back. All handles of it are invalid afterwards. A second call does nothing. */
  close(): void {
    if (this.context.closed) return;
    this.flushTrace();
    this.context.close(callerOf(new Error().stack));
    releaseLoadedImage(this.loaded);
  }
}
