// SPDX-License-Identifier: Apache-2.0
// Keeps account of messages: each accepted one leaves its queue exactly once, as a reply to its sender, by a reset, or by a fault, and
// with the bytes it should have.
// Source: docs/reference/ap-architecture.md sections 1.5, 1.8, 1.9, 2.4; decisions AD-29, AD-30, AD-36.
import { MODE_LOOPBACK } from '../../native-like/arch/adapter-types.ts';
import { OPCODE_DQAP, OPCODE_NQAP } from '../../native-like/arch/instructions.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  L_FLAGS,
  L_LENGTH,
  L_PSMID_HIGH,
  L_PSMID_LOW,
  Q_ALL_FREE,
  Q_FREE,
  Q_REPLY_HEAD,
  Q_REPLY_RING,
  RING_BYTES,
  SLOT_DROP,
  SLOT_HEADER_BYTES,
  V_GR,
} from '../../native-like/machine/layout.ts';
import { formatApqn } from '../config/units.ts';
import type { Action, Ending } from './action.ts';
import { mayReachQueue } from './reach.ts';
import { type Violation, violated } from './rules.ts';
import type { Snapshot } from './snapshot.ts';
import { slotByte } from './state-rules.ts';

/** A message in a queue. */
interface Entry {
  readonly guest: number;
  readonly psmidHigh: number;
  readonly psmidLow: number;
  /** Hash of the payload if the reply is the request, else 0. */
  readonly hash: number;
  /** Its guest has lost the queue since, although a reset that was refused left the message in it: the host may discard it. */
  abandoned: boolean;
}

/** Number of messages that went each way. */
export interface Balance {
  accepted: number;
  answered: number;
  flushed: number;
  lost: number;
}

const SLOTS = 32;

/** FNV-1a over the payload of a slot. */
const hashOf = (bytes: Uint8Array): number => {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
};

export class Ledger {
  readonly balance: Balance = { accepted: 0, answered: 0, flushed: 0, lost: 0 };
  readonly #image: MachineImage;
  readonly #before: Snapshot;
  readonly #exclusive: boolean;
  readonly #entries = new Map<number, Entry>();

  /** `exclusive`: no two guests ever have the same queue. */
  constructor(image: MachineImage, before: Snapshot, exclusive: boolean) {
    this.#exclusive = exclusive;
    this.#image = image;
    this.#before = before;
  }

  /** Number of messages that are in queues now. */
  get open(): number {
    return this.#entries.size;
  }

  /**
   * Books what a reset by the host took from queue `n`, right after it: what is true of the guest's masks now need not be true when
   * the line ends, since a queue can be taken away and given back within it.
   */
  bookHostReset(n: number, action: Action): Violation | undefined {
    const q = this.#image.queueRecord(n);
    for (let slot = 0; slot < SLOTS; slot++) {
      const entry = this.#entries.get(n * SLOTS + slot);
      if (entry === undefined) continue;
      this.#noteReach(q, entry);
      if ((this.#image.word(q + Q_FREE) & (0x80000000 >>> slot)) === 0) continue;
      this.#entries.delete(n * SLOTS + slot);
      const asked = action.kind === 'host' || entry.guest === 0;
      const found = this.#gone(q, slot, asked || entry.abandoned, entry);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** To be called after each step: notes which messages belong to guests that have lost the queue. */
  noteReach(): void {
    for (const [place, entry] of this.#entries)
      this.#noteReach(this.#image.queueRecord((place / SLOTS) | 0), entry);
  }

  #noteReach(q: number, entry: Entry): void {
    entry.abandoned ||=
      entry.guest !== 0 && !mayReachQueue(this.#image, entry.guest, this.#image.apqnOf(q));
  }

  /** Accounts for what a step did to queue `n`, whose record has changed. `named` tells that the instruction named this queue. */
  book(n: number, action: Action, ending: Ending, named: boolean): Violation | undefined {
    const q = this.#image.queueRecord(n);
    const freeNow = this.#image.word(q + Q_FREE);
    const freeBefore = this.#before.queue(n, Q_FREE);
    const allFree = this.#image.word(q + Q_ALL_FREE);
    const taken = freeBefore & ~freeNow & allFree;
    const left = freeNow & ~freeBefore;
    for (let slot = 0; slot < SLOTS; slot++) {
      const bit = 0x80000000 >>> slot;
      const found =
        (left & bit) !== 0
          ? this.#leaves(n, q, slot, action, ending, named)
          : (taken & bit) !== 0
            ? this.#arrives(n, q, slot, action, ending, named)
            : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #name(q: number): string {
    return formatApqn(this.#image.apqnOf(q));
  }

  #payload(q: number, slot: number): Uint8Array {
    const at = slotByte(this.#image, q, slot);
    const start = at + SLOT_HEADER_BYTES;
    return this.#image.u8.subarray(start, start + this.#image.word((at >>> 2) + L_LENGTH));
  }

  #arrives(
    n: number,
    q: number,
    slot: number,
    action: Action,
    ending: Ending,
    named: boolean,
  ): Violation | undefined {
    const accepted = named && action.word >>> 16 === OPCODE_NQAP && ending.program === 0;
    if (!accepted || ending.cc !== 0)
      return violated('message', `${this.#name(q)} got a message without NQAP with CC 0`);
    const header = slotByte(this.#image, q, slot) >>> 2;
    const loopback = this.#image.modeOf(q) === MODE_LOOPBACK;
    this.#entries.set(n * SLOTS + slot, {
      guest: action.guest,
      psmidHigh: this.#image.word(header + L_PSMID_HIGH),
      psmidLow: this.#image.word(header + L_PSMID_LOW),
      hash: loopback ? hashOf(this.#payload(q, slot)) : 0,
      abandoned: false,
    });
    this.balance.accepted++;
    return undefined;
  }

  #leaves(
    n: number,
    q: number,
    slot: number,
    action: Action,
    ending: Ending,
    named: boolean,
  ): Violation | undefined {
    const entry = this.#entries.get(n * SLOTS + slot);
    this.#entries.delete(n * SLOTS + slot);
    // The machine's user saw it come before the books were opened.
    if (entry === undefined) return undefined;
    const instruction = action.kind === 'instruction' && named && ending.program === 0;
    if (instruction && action.word >>> 16 === OPCODE_DQAP)
      return this.#answered(n, q, slot, action, entry);
    if (instruction && ending.cc === 0 && isReset(this.#resetOf(action))) {
      this.balance.flushed++;
      return undefined;
    }
    return this.#gone(q, slot, action.kind === 'host', entry);
  }

  #resetOf(action: Action): number {
    return this.#image.word(action.vcpu + V_GR + 1) >>> 24;
  }

  /** A reply went to registers and storage: the first one, to the sender, with the bytes of the request. */
  #answered(
    n: number,
    q: number,
    slot: number,
    action: Action,
    entry: Entry,
  ): Violation | undefined {
    const head = this.#before.queue(n, Q_REPLY_HEAD) & (RING_BYTES - 1);
    const wrong = (what: string) => violated('reply', `${this.#name(q)}: ${what}`);
    if (this.#before.ringByte(n, Q_REPLY_RING, head) !== slot)
      return wrong('a reply that was not first was delivered');
    if (this.#exclusive && entry.guest !== action.guest)
      return wrong(`guest ${action.guest} got the reply to a request of guest ${entry.guest}`);
    const r1 = action.vcpu + V_GR + ((action.word & 0xf0) >>> 3);
    const header = slotByte(this.#image, q, slot) >>> 2;
    const kept =
      this.#image.word(header + L_PSMID_HIGH) === entry.psmidHigh &&
      this.#image.word(header + L_PSMID_LOW) === entry.psmidLow;
    // Registers of both pairs may overlap GR0 to GR2, which are written last.
    const apart = (action.word & 0xf0) >>> 4 > 2;
    const returned =
      this.#image.word(r1 + 1) === entry.psmidHigh && this.#image.word(r1 + 3) === entry.psmidLow;
    if (!kept || (apart && !returned)) return wrong('the reply has another PSMID than the request');
    if (entry.hash !== 0 && hashOf(this.#payload(q, slot)) !== entry.hash)
      return wrong('the bytes of a message changed in the queue');
    this.balance.answered++;
    return undefined;
  }

  /** A message went without being asked for by an instruction of a guest. `free` tells that whoever took it was allowed to. */
  #gone(q: number, slot: number, free: boolean, entry: Entry): Violation | undefined {
    const header = slotByte(this.#image, q, slot) >>> 2;
    if ((this.#image.word(header + L_FLAGS) & SLOT_DROP) !== 0) {
      this.balance.lost++;
      return undefined;
    }
    if (!free)
      return violated('message', `${this.#name(q)} lost a message of guest ${entry.guest}`);
    this.balance.flushed++;
    return undefined;
  }
}

/** Whether a function code is RAPQ or ZAPQ. */
const isReset = (fc: number): boolean => fc === 1 || fc === 2;
