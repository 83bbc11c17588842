// SPDX-License-Identifier: Apache-2.0
// The part of a machine that only its host side, its operator and faults change. Checkpoints share one copy of it as long as nothing of
// it has changed in between, and it is put back only when something has.
// Source: docs/design.md section 2.
import { C_VIRTUAL_COUNT } from '../../../native-like/machine/layout.ts';
import type { PutBack } from '../../lpar/remember.ts';
import type { PartitionMachine } from '../machine/partition-machine.ts';
import { clearRecordsFrom, rangesOfParts, SavedRanges } from './image-ranges.ts';

/** The copy made last, for each machine. */
const latest = new WeakMap<PartitionMachine, SavedParts>();

export class SavedParts {
  readonly #machine: PartitionMachine;
  readonly #queues: number;
  readonly #virtuals: number;
  readonly #ranges: SavedRanges;
  readonly #putBack: PutBack;
  /** Value of `machine.changes` when the machine last was as in this copy. */
  #changes: number;

  private constructor(machine: PartitionMachine) {
    this.#machine = machine;
    this.#queues = machine.image.queues;
    this.#virtuals = machine.image.word(C_VIRTUAL_COUNT);
    this.#ranges = new SavedRanges(machine.image, rangesOfParts(machine.image));
    this.#putBack = machine.rememberParts();
    this.#changes = machine.changes;
  }

  /** A copy of the machine's parts as they are. An existing copy is used if nothing has changed. */
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

  /** Puts the parts back. Returns false if nothing had changed. */
  putBack(): boolean {
    if (this.#machine.changes === this.#changes) return false;
    clearRecordsFrom(this.#machine.image, this.#queues, this.#virtuals);
    this.#ranges.putBack();
    this.#putBack();
    return true;
  }

  /** Notes that the machine is as in this copy again. */
  isBack(): void {
    this.#changes = this.#machine.changes;
    latest.set(this.#machine, this);
  }
}
