// SPDX-License-Identifier: Apache-2.0
// A checkpoint of a stepped machine in memory: everything guest instructions can touch, taken and put back in microseconds. For who tries
// many things from one state; `saveMachine` is for files, and for what the host side has changed.
// Source: docs/design.md section 2 (the machine is data; a snapshot is a copy of bytes).
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  ADAPTER_WORDS,
  C_ADAPTER,
  C_CLOCKS,
  C_COLD,
  C_FAULT_COUNT,
  C_FAULTS,
  C_GENERATION,
  C_GISA_BYTE,
  C_GUEST,
  C_PENDING_BYTE,
  C_QUEUE,
  C_STORAGE_BYTE,
  C_STORAGE_END_BYTE,
  C_VCPU,
  CLOCK_STRIDE,
  COLD_WORDS,
  FAULT_WORDS,
  GISA_STRIDE_BYTE,
  GUEST_WORDS,
  K_OPEN_SLOT,
  L_LENGTH,
  Q_ALL_FREE,
  Q_FREE,
  Q_SLOTS_BYTE,
  Q_STRIDE_BYTE,
  QUEUE_WORDS,
  SLOT_HEADER_BYTES,
  T_TRACE,
  VCPU_WORDS,
} from '../../../native-like/machine/layout.ts';
import { ApemuError } from '../../errors.ts';
import type { Machine } from '../machine/machine.ts';

export interface CheckpointOptions {
  /** Whether the guests' storage belongs to it. Default true; without, what guests wrote into their storage stays. */
  readonly storage?: boolean;
}

/** First byte and length of a part of the image. */
type Range = readonly [from: number, bytes: number];

const TRACE_COUNT = C_CLOCKS + T_TRACE;
const FIRST_SLOT = 0x80000000 | 0;

/** A state of a machine that it can be taken back to. */
export class Checkpoint {
  readonly #machine: Machine;
  readonly #ranges: readonly Range[];
  readonly #bytes: Uint8Array;
  readonly #host: string;
  readonly #nowNs: number;
  readonly #programs: readonly (() => void)[];

  constructor(machine: Machine, { storage = true }: CheckpointOptions) {
    const { image } = machine;
    this.#machine = machine;
    this.#ranges = [...rangesOf(machine), ...(storage ? [storageOf(image)] : [])];
    this.#bytes = new Uint8Array(this.#ranges.reduce((sum, [, bytes]) => sum + bytes, 0));
    this.#host = hostState(machine);
    this.#nowNs = machine.nowNs();
    this.#programs = machine.stepper.programs.map((running) => {
      const { nextNs, readyNs, done, cpu } = running;
      const { executed } = cpu;
      const state = structuredClone(running.state);
      return () => {
        Object.assign(running, { nextNs, readyNs, done, state: structuredClone(state) });
        cpu.executed = executed;
      };
    });
    let at = 0;
    for (const [from, bytes] of this.#ranges) {
      this.#bytes.set(image.u8.subarray(from, from + bytes), at);
      at += bytes;
    }
  }

  /** Bytes it takes. */
  get byteLength(): number {
    return this.#bytes.length;
  }

  /**
   * Takes the machine back to this state, as often as wanted.
   *
   * @throws ApemuError `APEMU_ERR_CHECKPOINT_HOST` when the host side has changed meanwhile: masks, adapters, faults, an mdev, a scan of the
   *   AP bus; the machine stays as it is
   */
  restore(): void {
    const machine = this.#machine;
    const { image } = machine;
    if (hostState(machine) !== this.#host) {
      throw new ApemuError(
        'APEMU_ERR_CHECKPOINT_HOST',
        'the host side has changed since the checkpoint was taken (expected guest instructions only; saveMachine keeps the host side too)',
      );
    }
    machine.trace?.flush();
    const traced = image.word(TRACE_COUNT);
    let at = 0;
    for (const [from, bytes] of this.#ranges) {
      image.u8.set(this.#bytes.subarray(at, at + bytes), from);
      at += bytes;
    }
    image.i32[TRACE_COUNT] = traced;
    machine.stepper.timers.moveBack(this.#nowNs);
    for (const restore of this.#programs) restore();
  }
}

/** Takes a checkpoint. The machine must be in stepped mode. */
export const takeCheckpoint = (machine: Machine, options: CheckpointOptions = {}): Checkpoint =>
  new Checkpoint(machine, options);

/** Changes with whatever the host side does: to the image, to its timers, or to who runs. */
const hostState = ({ image, stepper }: Machine): string =>
  `${image.word(C_GENERATION)} ${stepper.timers.changes} ${stepper.programs.length}`;

/** What instructions may have changed, outside the guests' storage. */
const rangesOf = (machine: Machine): Range[] => {
  const { image } = machine;
  const words = (from: number, count: number): Range => [from * 4, count * 4];
  const { queues, guests, vcpus } = image;
  return [
    words(0, C_CLOCKS + CLOCK_STRIDE),
    words(image.word(C_GUEST), guests * GUEST_WORDS),
    words(image.word(C_VCPU), vcpus * VCPU_WORDS),
    [image.word(C_GISA_BYTE), guests * GISA_STRIDE_BYTE],
    words(image.word(C_FAULTS), image.word(C_FAULT_COUNT) * FAULT_WORDS),
    ...[...machine.partition.adapters.keys()].map((apid) =>
      words(image.word(C_ADAPTER) + apid * ADAPTER_WORDS, ADAPTER_WORDS),
    ),
    [image.word(C_PENDING_BYTE), queues],
    words(image.word(C_QUEUE), queues * QUEUE_WORDS),
    words(image.word(C_COLD), queues * COLD_WORDS),
    ...messagesOf(image),
  ];
};

/** Slots with a message, or with parts of one. */
const messagesOf = (image: MachineImage): Range[] => {
  const ranges: Range[] = [];
  for (let n = 1; n < image.queues; n++) {
    const q = image.queueRecord(n);
    const slots = image.word(q + Q_SLOTS_BYTE);
    const open = image.word(image.cold(q) + K_OPEN_SLOT);
    let used = image.word(q + Q_ALL_FREE) & ~image.word(q + Q_FREE);
    if (open !== 0) used |= FIRST_SLOT >>> (open - 1);
    for (; slots !== 0 && used !== 0; used &= ~(FIRST_SLOT >>> Math.clz32(used))) {
      const at = slots + Math.clz32(used) * image.word(q + Q_STRIDE_BYTE);
      ranges.push([at, SLOT_HEADER_BYTES + image.word((at >>> 2) + L_LENGTH)]);
    }
  }
  return ranges;
};

const storageOf = (image: MachineImage): Range => {
  const from = image.word(C_STORAGE_BYTE);
  return [from, image.word(C_STORAGE_END_BYTE) - from];
};
