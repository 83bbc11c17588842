// SPDX-License-Identifier: Apache-2.0
// Serves the mailboxes of one guest: reads what a vCPU's hook stored, has the machine execute the instruction, answers.
// Source: docs/reference/qemu-attach.md section 5.

import { NULLIFYING, type TranslationContext } from './dat.ts';
import type { InterruptionDelivery } from './interruptions.ts';
import {
  ACTION_IO,
  ACTION_REFLECT,
  ACTION_RESUME,
  LOWCORE,
  MAILBOX,
  MAILBOX_BYTES,
  PSW_BASIC,
  PSW_EXTENDED,
  PSW_SPACE,
} from './layout.ts';
import type { LowcoreHook } from './lowcore.ts';
import type { GuestRam } from './ram.ts';
import type { ApService } from './service.ts';
import type { QemuStorage } from './storage.ts';

/** What the loop counted since it was made. */
export interface MailboxCounts {
  /** AP instructions executed. */
  instructions: number;
  /** Of these, ended with a program interruption. */
  programInterruptions: number;
  /** Operation exceptions that were none of ours. */
  reflected: number;
  /** Requests a vCPU had given up before the answer was there. */
  withdrawn: number;
}

/** First halfword of the three AP instructions: NQAP, DQAP, PQAP. Source: ap-architecture 1.1. */
const AP_OPCODES: ReadonlySet<number> = new Set([0xb2ad, 0xb2ae, 0xb2af]);

const SECONDARY_SPACE = 0x8000;
const ANSWER_BYTES = MAILBOX.MB_CR - MAILBOX.MB_ACTION;
const GR_IN_ANSWER = MAILBOX.MB_GR - MAILBOX.MB_ACTION;
const PSW_IN_ANSWER = MAILBOX.MB_PSW - MAILBOX.MB_ACTION;

/** The mailboxes of one guest's CPUs. */
export class MailboxLoop {
  readonly counts: MailboxCounts = {
    instructions: 0,
    programInterruptions: 0,
    reflected: 0,
    withdrawn: 0,
  };
  readonly #ram: GuestRam;
  readonly #hook: LowcoreHook;
  readonly #storage: QemuStorage;
  readonly #service: ApService;
  readonly #interruptions: InterruptionDelivery;
  readonly #boxes: Buffer;
  readonly #answer = Buffer.alloc(ANSWER_BYTES);
  readonly #instruction = Buffer.alloc(4);
  readonly #cpus: number;

  /** @param cpus CPU addresses QEMU may have, hot plug included */
  constructor(
    parts: { ram: GuestRam; hook: LowcoreHook; storage: QemuStorage; service: ApService },
    interruptions: InterruptionDelivery,
    cpus: number,
  ) {
    this.#ram = parts.ram;
    this.#hook = parts.hook;
    this.#storage = parts.storage;
    this.#service = parts.service;
    this.#interruptions = interruptions;
    this.#cpus = cpus;
    this.#boxes = Buffer.alloc(cpus * MAILBOX_BYTES);
    for (let cpu = 0; cpu < cpus; cpu++) {
      this.#storage.contexts[cpu] = {
        psw: new Uint32Array(4),
        cr: new Uint32Array(32),
        prefix: 0,
      };
    }
  }

  /** Looks at every mailbox once and serves what waits there. @returns how many requests were served */
  poll(): number {
    this.#ram.read(this.#hook.mailbox(0), this.#boxes);
    let served = 0;
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      const box = cpu * MAILBOX_BYTES;
      const request = this.#word(box + MAILBOX.MB_REQUEST);
      const answer = this.#word(box + MAILBOX.MB_ANSWER);
      if (request !== answer && request !== this.#word(box + MAILBOX.MB_WITHDRAWN)) {
        // Read again: the request word is stored last, the fields seen before it may be older than it.
        this.#ram.read(this.#hook.mailbox(cpu), this.#boxes, box, MAILBOX_BYTES);
        this.#serve(cpu, box, request);
        served++;
      }
      served += this.#interruptions.lookAt(cpu, this.#boxes, box);
    }
    return served;
  }

  #word(at: number): number {
    return this.#boxes.readUInt32BE(at);
  }

  #serve(cpu: number, box: number, request: number): void {
    const context = this.#storage.contexts[cpu];
    for (let i = 0; i < 4; i++) context.psw[i] = this.#word(box + MAILBOX.MB_PSW + 4 * i);
    for (let i = 0; i < 32; i++) context.cr[i] = this.#word(box + MAILBOX.MB_CR + 4 * i);
    context.prefix = this.#word(box + MAILBOX.MB_PREFIX);
    const ilc = (this.#word(box + MAILBOX.MB_ILC_AND_CODE) >>> 16) & 7;
    const word = this.#fetchInstruction(cpu, context, ilc);
    const action = word === -1 ? this.#notOurs() : this.#execute(cpu, box, word, ilc);
    if (this.#gaveUp(cpu, request)) return;
    const mailbox = this.#hook.mailbox(cpu);
    this.#answer.writeUInt32BE(action, 0);
    this.#ram.write(mailbox + MAILBOX.MB_ACTION, this.#answer);
    this.#ram.writeWord(mailbox + MAILBOX.MB_ANSWER, request);
  }

  /** The request has been withdrawn meanwhile: the vCPU took the operation exception and an answer would meet its next one. */
  #gaveUp(cpu: number, request: number): boolean {
    if (this.#ram.readWord(this.#hook.mailbox(cpu) + MAILBOX.MB_WITHDRAWN) !== request)
      return false;
    this.counts.withdrawn++;
    return true;
  }

  /** @returns the instruction, or -1 when it is not an AP instruction or cannot be read */
  #fetchInstruction(cpu: number, context: TranslationContext, ilc: number): number {
    if (ilc !== 4) return -1;
    const psw0 = context.psw[0];
    // In secondary-space mode instructions come from the primary space.
    if ((psw0 & PSW_SPACE) === SECONDARY_SPACE) context.psw[0] = psw0 & ~PSW_SPACE;
    const low = (context.psw[3] - ilc) >>> 0;
    const borrow = context.psw[3] < ilc ? 1 : 0;
    const wide = (psw0 & PSW_EXTENDED) !== 0;
    const high = wide ? (context.psw[2] - borrow) >>> 0 : 0;
    const mode = wide || (context.psw[1] & PSW_BASIC) !== 0 ? 0x7fffffff : 0x00ffffff;
    const pgm = this.#storage.fetch(cpu, high, wide ? low : low & mode, 4, this.#instruction);
    context.psw[0] = psw0;
    if (pgm !== 0 || !AP_OPCODES.has(this.#instruction.readUInt16BE(0))) return -1;
    return this.#instruction.readUInt32BE(0);
  }

  #notOurs(): number {
    this.counts.reflected++;
    return ACTION_REFLECT;
  }

  #execute(cpu: number, box: number, word: number, ilc: number): number {
    const context = this.#storage.contexts[cpu];
    const { gr, psw } = this.#service.cpu(cpu);
    for (let i = 0; i < 32; i++) gr[i] = this.#word(box + MAILBOX.MB_GR + 4 * i);
    psw.set(context.psw);
    const executed = this.#service.execute(cpu, word);
    if (executed === 'not-ap') return this.#notOurs();
    this.counts.instructions++;
    if (executed === 'program') {
      this.counts.programInterruptions++;
      this.#programInterruption(context, this.#service.programCode(cpu), ilc);
      return ACTION_REFLECT;
    }
    for (let i = 0; i < 32; i++) this.#answer.writeUInt32BE(gr[i], GR_IN_ANSWER + 4 * i);
    for (let i = 0; i < 4; i++) this.#answer.writeUInt32BE(psw[i], PSW_IN_ANSWER + 4 * i);
    return this.#interruptions.inline(context, psw) ? ACTION_IO : ACTION_RESUME;
  }

  /** Turns the operation exception in the lowcore into the one the instruction really ended with. */
  #programInterruption(context: TranslationContext, code: number, ilc: number): void {
    const lowcore = context.prefix;
    this.#ram.writeHalfword(lowcore + LOWCORE.LC_PGM_CODE, code);
    const { teid } = this.#storage;
    this.#ram.writeWord(lowcore + LOWCORE.LC_TEID, teid[0]);
    this.#ram.writeWord(lowcore + LOWCORE.LC_TEID + 4, teid[1]);
    if (!NULLIFYING.has(code)) return;
    const borrow = context.psw[3] < ilc ? 1 : 0;
    this.#ram.writeWord(lowcore + LOWCORE.LC_PGM_OLD + 8, context.psw[2] - borrow);
    this.#ram.writeWord(lowcore + LOWCORE.LC_PGM_OLD + 12, context.psw[3] - ilc);
  }
}
