// SPDX-License-Identifier: Apache-2.0
// What of a machine only its host side, its operator and faults change: shared by checkpoints between which nothing of it has changed, and
// put back only when something has.
// Source: docs/design.md section 2.
import { C_VIRTUAL_COUNT } from '../../../native-like/machine/layout.ts';
import type { PutBack } from '../../lpar/remember.ts';
import type { PartitionMachine } from '../machine/partition-machine.ts';
import { clearRecordsFrom, rangesOfParts, SavedRanges } from './image-ranges.ts';

/** The parts saved last, of each machine. */
const latest = new WeakMap<PartitionMachine, SavedParts>();

export class SavedParts {
  readonly #machine: PartitionMachine;
  readonly #queues: number;
  readonly #virtuals: number;
  readonly #ranges: SavedRanges;
  readonly #putBack: PutBack;
  /** `machine.changes` when the machine had these parts last. */
  #changes: number;

  private constructor(machine: PartitionMachine) {
    this.#machine = machine;
    this.#queues = machine.image.queues;
    this.#virtuals = machine.image.word(C_VIRTUAL_COUNT);
    this.#ranges = new SavedRanges(machine.image, rangesOfParts(machine.image));
    this.#putBack = machine.rememberParts();
    this.#changes = machine.changes;
  }

  /** The parts of a machine as they are. */
  static of(machine: PartitionMachine): SavedParts {
    let parts = latest.get(machine);
    if (parts === undefined || parts.#changes !== machine.changes) {
      parts = new SavedParts(machine);
      latest.set(machine, parts);
    }
    return parts;
  }

  get byteLength(): number {
    return this.#ranges.byteLength;
  }

  /** Returns whether anything had changed. */
  putBack(): boolean {
    if (this.#machine.changes === this.#changes) return false;
    clearRecordsFrom(this.#machine.image, this.#queues, this.#virtuals);
    this.#ranges.putBack();
    this.#putBack();
    return true;
  }

  /** The machine is back: it has these parts. */
  isBack(): void {
    this.#changes = this.#machine.changes;
    latest.set(this.#machine, this);
  }
}
