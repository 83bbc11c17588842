// SPDX-License-Identifier: Apache-2.0
// A checkpoint of a stepped machine in memory. It has everything: guests and their storage, messages, faults, partition, masks, mdevs,
// the AP bus. It is made for trying many things from one state: going back costs only as much as was written since. To write a machine to
// a file there is `saveMachine`.
// Source: docs/design.md section 2 (the machine is data; a snapshot is a copy of bytes).
import type { MachineImage } from '../../../native-like/machine/image.ts';
import { C_CLOCKS, C_GENERATION, T_TRACE } from '../../../native-like/machine/layout.ts';
import type { PutBack } from '../../lpar/remember.ts';
import type { PartitionMachine } from '../machine/partition-machine.ts';
import { rangesOfRun, SavedRanges } from './image-ranges.ts';
import { SavedParts } from './saved-parts.ts';
import { SavedStorage } from './saved-storage.ts';

export interface CheckpointOptions {
  /** Whether the checkpoint includes the guests' storage. Default true. Without it, what guests wrote into their storage stays. */
  readonly storage?: boolean;
}

const TRACE_COUNT = C_CLOCKS + T_TRACE;

/** A state of a machine that it can be taken back to. */
export class Checkpoint {
  readonly #machine: PartitionMachine;
  readonly #image: MachineImage;
  readonly #run: SavedRanges;
  readonly #parts: SavedParts;
  readonly #storage: SavedStorage | undefined;
  readonly #putBackRun: PutBack;

  constructor(machine: PartitionMachine, { storage = true }: CheckpointOptions) {
    machine.refuseWhileBusy();
    const { image } = machine;
    this.#machine = machine;
    this.#image = image;
    this.#putBackRun = machine.rememberRun();
    this.#run = new SavedRanges(image, rangesOfRun(image, machine.partition.adapters.keys()));
    this.#parts = SavedParts.of(machine);
    this.#storage = storage ? new SavedStorage(machine.context) : undefined;
    machine.context.noteNotifications();
  }

  /** Number of bytes of memory that the checkpoint takes. */
  get byteLength(): number {
    return this.#run.byteLength + this.#parts.byteLength + (this.#storage?.byteLength ?? 0);
  }

  /**
   * Takes the machine back to this state, as often as wanted. Host operations that sleep are forgotten. Handles of guests and vCPUs
   * remain valid; mdevs, queues and files that were made since do not belong to the machine any more.
   */
  restore(): void {
    const machine = this.#machine;
    machine.trace?.flush();
    const traced = this.#image.word(TRACE_COUNT);
    const generation = this.#image.word(C_GENERATION);
    this.#storage?.putBack();
    const changed = this.#parts.putBack();
    this.#run.putBack();
    this.#image.i32[TRACE_COUNT] = traced;
    // The generation never goes back, for the sake of readers that cache what holds in one generation.
    this.#image.i32[C_GENERATION] = generation + (changed ? 1 : 0);
    this.#putBackRun();
    this.#parts.isBack();
    machine.context.noteNotifications();
  }
}

/**
 * Takes a checkpoint. The machine must be in stepped mode.
 *
 * @throws ApemuError `APEMU_ERR_HOST_BUSY` while an operation of the host sleeps
 */
export const takeCheckpoint = (
  machine: PartitionMachine,
  options: CheckpointOptions = {},
): Checkpoint => new Checkpoint(machine, options);
