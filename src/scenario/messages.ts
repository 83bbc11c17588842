// SPDX-License-Identifier: Apache-2.0
// What becomes of the reply to one message: a scenario decides it right after NQAP, before the adapter looks at the queue.
// Source: docs/design.md section 10; native-like/exec/queue.ts (what the flags do when the reply is due).
import { STATUS_IRQ } from '../../native-like/arch/status-word.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  K_NOTIFY_GUEST,
  K_REQUESTS,
  L_DELAY,
  L_DUE,
  L_FLAGS,
  L_PLACES,
  L_PSMID_LOW,
  L_REPLY,
  L_SEQUENCE,
  Q_ALL_FREE,
  Q_FREE,
  Q_SLOTS_BYTE,
  Q_STATUS,
  Q_STRIDE_BYTE,
  SLOT_DROP,
  SLOT_DUPLICATE,
  SLOT_REORDER,
  SLOT_REPLY,
  SLOT_SILENT,
} from '../../native-like/machine/layout.ts';
import { injectionWords } from '../cex/inject-words.ts';
import { replyField, setReplyField } from '../cex/reply-fields.ts';
import type { Machine } from '../host/machine/machine.ts';
import type { InterruptEvent, MessageEvent } from '../program/events.ts';

/** When a coalesced interruption comes if no other reply's comes before it. */
const COALESCED_NS = 1_000_000;

interface LateInterruption {
  readonly queue: number;
  readonly header: number;
  readonly delayNs: number;
  /** When it comes; -1 while the adapter has not said when the reply is due. */
  atNs: number;
}

interface FieldChange {
  readonly field: string;
  readonly value: number;
}

/** Slot header (word index) of the message a queue accepted last, or 0. */
const lastHeader = (image: MachineImage, q: number): number => {
  const sequence = image.word(image.cold(q) + K_REQUESTS);
  let used = image.word(q + Q_ALL_FREE) & ~image.word(q + Q_FREE);
  while (used !== 0) {
    const slot = Math.clz32(used);
    used &= ~((0x80000000 | 0) >>> slot);
    const header = (image.word(q + Q_SLOTS_BYTE) + slot * image.word(q + Q_STRIDE_BYTE)) >>> 2;
    if (image.word(header + L_SEQUENCE) === sequence) return header;
  }
  return 0;
};

/** The messages of one machine that a scenario has touched. */
export class TouchedMessages {
  readonly #machine: Machine;
  readonly #changes = new Map<number, FieldChange[]>();
  #late: LateInterruption[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Forgets them: the machine is back at an earlier moment. */
  reset(): void {
    this.#changes.clear();
    this.#late = [];
    this.#machine.context.service.onReply = undefined;
  }

  /** The queue at word index `q` has just accepted a message. */
  touch(q: number, event: MessageEvent | InterruptEvent): void {
    const { image } = this.#machine;
    const header = lastHeader(image, q);
    if (header === 0) return;
    const mark = (flag: number): void => {
      image.i32[header + L_FLAGS] = image.word(header + L_FLAGS) | flag;
    };
    switch (event.kind) {
      case 'delay':
        image.f64[(header + L_DELAY) >> 1] = event.delayNs;
        return;
      case 'drop':
        mark(SLOT_DROP);
        return;
      case 'duplicate':
        mark(SLOT_DUPLICATE);
        return;
      case 'reorder':
        image.i32[header + L_PLACES] = event.places;
        mark(SLOT_REORDER);
        return;
      case 'reply':
        image.i32.set(
          injectionWords(event.reply, this.#machine.config.machine.allowGuestDamage),
          header + L_REPLY,
        );
        mark(SLOT_REPLY);
        return;
      case 'field':
        this.#change(header, event);
        return;
      case 'interrupt':
        mark(SLOT_SILENT);
        this.#interrupt(q, header, event);
    }
  }

  #interrupt(queue: number, header: number, { how, delayNs }: InterruptEvent): void {
    if (how === 'early') this.#notify(queue);
    if (how === 'late') this.#late.push({ queue, header, delayNs: delayNs ?? 0, atNs: -1 });
    if (how === 'coalesced') this.#late.push({ queue, header, delayNs: COALESCED_NS, atNs: -1 });
  }

  #notify(q: number): void {
    const { image, kernel } = this.#machine;
    if ((image.word(q + Q_STATUS) & STATUS_IRQ) !== 0) kernel.notify(q);
  }

  #change(header: number, { field, value }: FieldChange): void {
    const { image, context } = this.#machine;
    if (field === 'psmid') {
      image.i32[header + L_PSMID_LOW] = value | 0;
      return;
    }
    const changes = this.#changes.get(header);
    if (changes === undefined) this.#changes.set(header, [{ field, value }]);
    else changes.push({ field, value });
    context.service.onReply ??= (...reply) => this.#spoil(...reply);
  }

  #spoil(header: number, at: number, length: number, limit: number): number {
    const changes = this.#changes.get(header);
    if (changes === undefined) return length;
    this.#changes.delete(header);
    const { u8 } = this.#machine.image;
    let spoiled = length;
    for (const { field, value } of changes) {
      if (field === 'length') spoiled = Math.max(1, Math.min(value, limit));
      else {
        const row = replyField(field);
        if (row !== undefined) setReplyField(row, u8.subarray(at, at + limit), spoiled, value);
      }
    }
    return spoiled;
  }

  /** When the next late interruption comes; Infinity for none. */
  nextNs(): number {
    let next = Number.POSITIVE_INFINITY;
    if (this.#late.length === 0) return next;
    this.settle();
    for (const { atNs } of this.#late) next = Math.min(next, atNs);
    return next;
  }

  /** Finds out when the replies are due whose interruptions come late, before their slots are used again. */
  settle(): void {
    for (const late of this.#late)
      if (late.atNs < 0)
        late.atNs = this.#machine.image.f64[(late.header + L_DUE) >> 1] + late.delayNs;
  }

  /** Makes the interruptions whose time has come. */
  happen(nowNs: number): void {
    if (this.#late.length === 0) return;
    const due = this.#late.filter(({ atNs }) => atNs <= nowNs);
    if (due.length === 0) return;
    this.#late = this.#late.filter(({ atNs }) => atNs > nowNs);
    for (const { queue } of due) this.#notify(queue);
  }

  /** An interruption for a guest (number in the image) that no reply has caused: of one of its queues. */
  spurious(guest: number): void {
    const { image } = this.#machine;
    for (let n = 1; n < image.queues; n++) {
      const q = image.queueRecord(n);
      if (interrupts(image, q, guest)) {
        this.#notify(q);
        return;
      }
    }
  }
}

const interrupts = (image: MachineImage, q: number, guest: number): boolean =>
  image.word(image.cold(q) + K_NOTIFY_GUEST) === image.guest(guest) &&
  (image.word(q + Q_STATUS) & STATUS_IRQ) !== 0;
