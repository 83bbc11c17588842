// SPDX-License-Identifier: Apache-2.0
// Watches single steps of a machine from its image: what a step may change, and what it must leave.
// Source: docs/reference/ap-architecture.md sections 6.3 and 6.8; docs/reference/vfio-ap.md section 5.2 (AQIC asks the mdev, VD-07).
import { FC_AQIC, GR0_APQN, GR0_FC_SHIFT } from '../../native-like/arch/function-codes.ts';
import { OPCODE_PQAP } from '../../native-like/arch/instructions.ts';
import { GISA1_BYTES } from '../../native-like/arch/sie.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_HOST_SWITCHES,
  C_QUEUE,
  G_HOOK,
  G_STORAGE_BYTE,
  HOST_STRICT_STATUS,
  K_APQN,
  K_MDEV,
  QUEUE_WORDS,
  V_GR,
} from '../../native-like/machine/layout.ts';
import { formatApqn } from '../config/units.ts';
import { type Action, type Ending, TIME } from './action.ts';
import { Ledger } from './ledger.ts';
import { mayReachQueue } from './reach.ts';
import { checkRegisters, type Operands } from './register-rules.ts';
import { hex, type Violation, violated } from './rules.ts';
import { Snapshot } from './snapshot.ts';

/** The value of a set notification byte (AD-22). */
const NOTIFIED = 0x01;
const DONE: Ending = { program: 0, cc: 0 };

export class Watch {
  readonly ledger: Ledger;
  readonly #image: MachineImage;
  readonly #before: Snapshot;
  #operands: Operands = { gr0: 0, gr2Low: 0, withoutHook: false };
  #action = TIME;
  /** The first rule that was broken within the step. */
  #within: Violation | undefined;
  /** Whether the queue the instruction names may be touched by it. */
  #allowed = false;

  /** `exclusive`: no two guests ever have the same queue, as vfio_ap sees to it. */
  constructor(image: MachineImage, exclusive = true) {
    this.#image = image;
    this.#before = new Snapshot(image);
    this.ledger = new Ledger(image, this.#before, exclusive);
  }

  /** To be called before each step. */
  begin(action: Action): void {
    this.#before.take();
    this.#action = action;
    this.#within = undefined;
    if (action.kind !== 'instruction') return;
    const image = this.#image;
    const strict = (image.word(C_HOST_SWITCHES) & HOST_STRICT_STATUS) !== 0;
    const hook = image.word(image.guest(action.guest) + G_HOOK);
    this.#operands = {
      gr0: image.word(action.vcpu + V_GR + 1),
      gr2Low: image.word(action.vcpu + V_GR + 5),
      withoutHook: hook === 0 && !strict,
    };
    this.#allowed = this.#mayTouch(action, hook);
  }

  /** To be called after each reset by the host's own programs, which may happen in the middle of a step. */
  hostReset(apqn: number): void {
    const n = (this.#image.queue(apqn) - this.#image.word(C_QUEUE)) / QUEUE_WORDS;
    this.#within ??= this.ledger.bookHostReset(n, this.#action);
  }

  /** To be called after each step. Returns the first rule that does not hold. */
  end(action: Action, ending: Ending = DONE): Violation | undefined {
    const found = this.#found(action, ending);
    this.ledger.noteReach();
    return found;
  }

  #found(action: Action, ending: Ending): Violation | undefined {
    return (
      this.#within ??
      this.#queues(action, ending) ??
      this.#storages(action) ??
      (action.kind === 'instruction'
        ? checkRegisters(this.#image, action, this.#operands, ending)
        : undefined)
    );
  }

  #mayTouch(action: Action, hook: number): boolean {
    const apqn = this.#operands.gr0 & GR0_APQN;
    if (mayReachQueue(this.#image, action.guest, apqn)) return true;
    const aqic =
      action.word >>> 16 === OPCODE_PQAP && this.#operands.gr0 >>> GR0_FC_SHIFT === FC_AQIC;
    const linked = this.#image.word(this.#image.cold(this.#image.queue(apqn)) + K_MDEV);
    return aqic && hook !== 0 && linked === hook;
  }

  #queues(action: Action, ending: Ending): Violation | undefined {
    const image = this.#image;
    const instruction = action.kind === 'instruction';
    const addressed = image.queue(this.#operands.gr0 & GR0_APQN);
    const namedNumber = instruction ? (addressed - image.word(C_QUEUE)) / QUEUE_WORDS : -1;
    for (let n = 1; n < image.queues; n++) {
      if (!this.#before.changed(n)) continue;
      const named = n === namedNumber;
      const still = instruction || action.kind === 'guest';
      if (still && !this.#before.timeMoved && !(named && this.#allowed))
        return this.#intrusion(n, action, named);
      const found = this.ledger.book(n, action, ending, named);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #intrusion(n: number, action: Action, named: boolean): Violation {
    const apqn = this.#image.word(this.#image.cold(this.#image.queueRecord(n)) + K_APQN);
    const how = named ? 'which it does not have' : 'which the instruction does not name';
    return violated('isolation', `guest ${action.guest} changed ${formatApqn(apqn)}, ${how}`);
  }

  /** Checks whose storage has changed, and whether it was allowed to. */
  #storages(action: Action): Violation | undefined {
    const own = action.kind === 'instruction' || action.kind === 'guest' ? action.guest : -1;
    for (let guest = 0; guest < this.#image.guests; guest++) {
      const hosts = guest === 0 && (action.kind !== 'instruction' || this.#before.timeMoved);
      const owns = guest === own || hosts;
      if (owns) {
        this.#before.update(guest);
        continue;
      }
      const at = this.#before.changedByte(guest);
      if (at < 0) continue;
      const found = this.#foreignBytes(guest, at);
      if (found !== undefined) return found;
      this.#before.update(guest);
    }
    return undefined;
  }

  /** Bytes from `first` on may be notification bytes that were set, or GISAs. */
  #foreignBytes(guest: number, first: number): Violation | undefined {
    const image = this.#image;
    const base = image.word(image.guest(guest) + G_STORAGE_BYTE);
    const nibs = this.#before.notificationBytes();
    const gisas = [...this.#before.gisas()];
    for (let at = first; at >= 0; at = this.#before.changedByte(guest, at + 1)) {
      const byte = base + at;
      if (nibs.has(byte) && image.u8[byte] === NOTIFIED) continue;
      if (gisas.some((gisa) => gisa > 0 && byte >= gisa && byte < gisa + GISA1_BYTES)) continue;
      return violated('storage', `storage of guest ${guest} changed at 0x${hex(at, 1)}`);
    }
    return undefined;
  }
}
