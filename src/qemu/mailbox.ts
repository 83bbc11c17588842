// SPDX-License-Identifier: Apache-2.0
// Serves the mailboxes of one guest: reads what the hook of a vCPU has stored, has the machine execute the instruction, and answers.
// Source: docs/reference/qemu-attach.md section 5.

import { PGM_PROTECTION } from '../../native-like/arch/program-interruptions.ts';
import type { ApService } from './ap-service.ts';
import { isPrefix, NULLIFYING, type TranslationContext } from './dat.ts';
import {
  ACTION_IO,
  ACTION_REFLECT,
  ACTION_RESUME,
  LOWCORE,
  MAILBOX,
  MAILBOX_BYTES,
} from './hook-layout.ts';
import { InstructionReader, NOT_OURS } from './instruction.ts';
import type { InterruptionDelivery } from './interruptions.ts';
import type { LowcoreHook } from './lowcore.ts';
import type { GuestRam } from './ram.ts';
import type { QemuStorage } from './storage.ts';

/** What the loop has counted since it was made. */
export interface MailboxCounts {
  /** AP instructions executed. */
  instructions: number;
  /** Those of them that ended with a program interruption. */
  programInterruptions: number;
  /** Operation exceptions of instructions that are not AP instructions. */
  reflected: number;
  /** Requests that no hook can have stored, so that the guest must have written into its mailbox itself. */
  malformed: number;
  /** Requests that a vCPU had given up before the answer was there. */
  withdrawn: number;
}

const ANSWER_BYTES = MAILBOX.MB_CR - MAILBOX.MB_ACTION;
const GR_IN_ANSWER = MAILBOX.MB_GR - MAILBOX.MB_ACTION;
const PSW_IN_ANSWER = MAILBOX.MB_PSW - MAILBOX.MB_ACTION;

/** The mailboxes of one guest's CPUs. */
export class MailboxLoop {
  readonly counts: MailboxCounts = {
    instructions: 0,
    programInterruptions: 0,
    reflected: 0,
    malformed: 0,
    withdrawn: 0,
  };
  /** CPU whose AP instruction was the last to be executed for the kernel that runs; undefined: it has executed none. */
  lastCpu: number | undefined;
  readonly #ram: GuestRam;
  readonly #hook: LowcoreHook;
  readonly #storage: QemuStorage;
  readonly #service: ApService;
  readonly #interruptions: InterruptionDelivery;
  readonly #boxes: Buffer;
  readonly #answer = Buffer.alloc(ANSWER_BYTES);
  readonly #instructions: InstructionReader;
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
    this.#instructions = new InstructionReader(parts.storage);
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

  /**
   * Looks at every mailbox once, and serves the requests there.
   *
   * @returns how many requests were served
   */
  poll(): number {
    this.#ram.read(this.#hook.mailbox(0), this.#boxes);
    let served = 0;
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      const box = cpu * MAILBOX_BYTES;
      const request = this.#word(box + MAILBOX.MB_REQUEST);
      const answer = this.#word(box + MAILBOX.MB_ANSWER);
      if (request !== answer && request !== this.#word(box + MAILBOX.MB_WITHDRAWN)) {
        // The mailbox is read again: since the request word is stored last, fields that were read before it may be older.
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
    const prefix = this.#word(box + MAILBOX.MB_PREFIX);
    const sound = isPrefix(this.#ram, prefix);
    context.prefix = sound ? prefix : 0;
    const ilc = (this.#word(box + MAILBOX.MB_ILC_AND_CODE) >>> 16) & 7;
    const { gr } = this.#service.cpu(cpu);
    for (let i = 0; i < 32; i++) gr[i] = this.#word(box + MAILBOX.MB_GR + 4 * i);
    const word = sound ? this.#instructions.read(cpu, ilc, gr) : NOT_OURS;
    if (!sound) this.counts.malformed++;
    const action = word === NOT_OURS ? this.#notOurs() : this.#execute(cpu, word, ilc);
    if (this.#gaveUp(cpu, request)) return;
    const mailbox = this.#hook.mailbox(cpu);
    this.#answer.writeUInt32BE(action, 0);
    this.#ram.write(mailbox + MAILBOX.MB_ACTION, this.#answer);
    this.#ram.writeWord(mailbox + MAILBOX.MB_ANSWER, request);
  }

  /** Whether the request was withdrawn meanwhile: the vCPU took the operation exception, and an answer would go to its next request. */
  #gaveUp(cpu: number, request: number): boolean {
    if (this.#ram.readWord(this.#hook.mailbox(cpu) + MAILBOX.MB_WITHDRAWN) !== request)
      return false;
    this.counts.withdrawn++;
    return true;
  }

  #notOurs(): number {
    this.counts.reflected++;
    return ACTION_REFLECT;
  }

  #execute(cpu: number, word: number, ilc: number): number {
    const context = this.#storage.contexts[cpu];
    const { gr, psw } = this.#service.cpu(cpu);
    psw.set(context.psw);
    const executed = this.#service.execute(cpu, word);
    if (executed === 'not-ap') return this.#notOurs();
    this.counts.instructions++;
    this.lastCpu = cpu;
    if (executed === 'program') {
      this.counts.programInterruptions++;
      this.#programInterruption(context, this.#service.programCode(cpu), ilc);
      return ACTION_REFLECT;
    }
    this.#hook.bare?.restore(context.prefix);
    for (let i = 0; i < 32; i++) this.#answer.writeUInt32BE(gr[i], GR_IN_ANSWER + 4 * i);
    for (let i = 0; i < 4; i++) this.#answer.writeUInt32BE(psw[i], PSW_IN_ANSWER + 4 * i);
    return this.#interruptions.inline(context, psw) ? ACTION_IO : ACTION_RESUME;
  }

  /** Changes the operation exception in the lowcore into the interruption with which the instruction really ended. */
  #programInterruption(context: TranslationContext, code: number, ilc: number): void {
    const lowcore = context.prefix;
    this.#ram.writeHalfword(lowcore + LOWCORE.LC_PGM_CODE, code);
    if (code === PGM_PROTECTION || NULLIFYING.has(code)) {
      const { teid } = this.#storage;
      this.#ram.writeWord(lowcore + LOWCORE.LC_TEID, teid[0]);
      this.#ram.writeWord(lowcore + LOWCORE.LC_TEID + 4, teid[1]);
    }
    if (!NULLIFYING.has(code)) return;
    const borrow = context.psw[3] < ilc ? 1 : 0;
    this.#ram.writeWord(lowcore + LOWCORE.LC_PGM_OLD + 8, context.psw[2] - borrow);
    this.#ram.writeWord(lowcore + LOWCORE.LC_PGM_OLD + 12, context.psw[3] - ilc);
  }
}
