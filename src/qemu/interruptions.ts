// SPDX-License-Identifier: Apache-2.0
// Brings pending adapter interruptions into the guest: with the answer to an AP instruction if that CPU is enabled, otherwise by a
// restart interruption into the hook, which QEMU's "nmi" causes. Source: docs/reference/qemu-attach.md section 7.

import { PSW_IO } from '../../native-like/arch/psw.ts';
import type { ApService } from './ap-service.ts';
import { ANY_ISC, enabledCpus } from './cpu-registers.ts';
import { isPrefix, type TranslationContext } from './dat.ts';
import { ACTION_IO, ACTION_RESUME, LOWCORE, MAILBOX } from './hook-layout.ts';
import type { LowcoreHook } from './lowcore.ts';
import type { GuestPause } from './pause.ts';
import type { Monitor } from './qmp.ts';
import type { GuestRam } from './ram.ts';
import type { QemuStorage } from './storage.ts';

/** What was counted since the start. */
export interface InterruptionCounts {
  /** Interruptions delivered with the answer to an instruction. */
  inline: number;
  /** Interruptions delivered by a restart. */
  restart: number;
  /** Restarts that found the CPU disabled, or in the hook. */
  retries: number;
}

/** Milliseconds between attempts: few at first, since a disabled CPU is soon enabled again, and ever more while all CPUs stay disabled. */
const RETRY_MS = { first: 0.15, last: 20 } as const;

/** Milliseconds after the start of an attempt in which the loop looks often. A guest that is paused takes longer. */
const HASTE_MS = 20;

type Attempt = 'none' | 'asking' | 'armed';

/** Interruption delivery of one guest. */
export class InterruptionDelivery {
  readonly counts: InterruptionCounts = { inline: 0, restart: 0, retries: 0 };
  readonly #ram: GuestRam;
  readonly #hook: LowcoreHook;
  readonly #service: ApService;
  readonly #storage: QemuStorage;
  readonly #qmp: Monitor;
  readonly #pause: GuestPause;
  readonly #parameters = Buffer.alloc(12);
  readonly #oldPsw = Buffer.alloc(16);
  readonly #nested: number[] = [];
  #attempt: Attempt = 'none';
  #armed = -1;
  #notBeforeMs = 0;
  /** Number of callers who want no attempt to be started. */
  #holders = 0;
  #pauseMs: number = RETRY_MS.first;
  #nowMs = 0;
  #startedMs = 0;

  constructor(parts: {
    ram: GuestRam;
    hook: LowcoreHook;
    storage: QemuStorage;
    service: ApService;
    qmp: Monitor;
    pause: GuestPause;
  }) {
    this.#ram = parts.ram;
    this.#hook = parts.hook;
    this.#service = parts.service;
    this.#storage = parts.storage;
    this.#qmp = parts.qmp;
    this.#pause = parts.pause;
  }

  /** Whether something is on its way, so that the loop should look often. */
  get busy(): boolean {
    return this.#attempt !== 'none' && this.#nowMs < this.#startedMs + HASTE_MS;
  }

  /** Address of a CPU whose next restart is not for this; -1: none. */
  claimed = -1;

  /** Whether an attempt has been started and has not ended. */
  get underWay(): boolean {
    return this.#attempt !== 'none';
  }

  /** Prevents that an attempt is started, until everybody who has called this has called `release`. */
  hold(): void {
    this.#holders++;
  }

  release(): void {
    this.#holders--;
  }

  /** Whether nothing goes on until a message of the monitor is received. */
  get asking(): boolean {
    return this.#attempt === 'asking';
  }

  /**
   * Delivers an interruption to a CPU that has just finished an instruction.
   *
   * @param psw the PSW after the instruction: it becomes the I/O old PSW
   * @returns true when there was one and the CPU is enabled for it
   */
  inline(context: TranslationContext, psw: Uint32Array): boolean {
    const delivered = this.#deliver(psw, context.cr[13], context.prefix);
    if (delivered) this.counts.inline++;
    return delivered;
  }

  /**
   * Serves the part of a CPU's mailbox that is for restarts.
   *
   * @returns 1 if something was waiting there
   */
  lookAt(cpu: number, boxes: Buffer, box: number): number {
    const nested = boxes.readUInt32BE(box + MAILBOX.MB_RST_NESTED);
    if (nested !== (this.#nested[cpu] ?? nested)) {
      this.#hook.bare?.disarmRestart(this.#lowcoreOf(cpu));
      this.#missed();
    }
    this.#nested[cpu] = nested;
    if (cpu === this.claimed) return 0;
    const request = boxes.readUInt32BE(box + MAILBOX.MB_RST_REQUEST);
    if (request === boxes.readUInt32BE(box + MAILBOX.MB_RST_ANSWER)) return 0;
    this.#hook.bare?.disarmRestart(this.#lowcoreOf(cpu));
    const mailbox = this.#hook.mailbox(cpu);
    this.#ram.read(mailbox + MAILBOX.MB_RST_PSW, boxes, box + MAILBOX.MB_RST_PSW, 0x94);
    const psw = new Uint32Array(4);
    for (let i = 0; i < 4; i++) psw[i] = boxes.readUInt32BE(box + MAILBOX.MB_RST_PSW + 4 * i);
    const cr6 = boxes.readUInt32BE(box + MAILBOX.MB_RST_CR + 6 * 8 + 4);
    const prefix = boxes.readUInt32BE(box + MAILBOX.MB_RST_PREFIX);
    const delivered = isPrefix(this.#ram, prefix) && this.#deliver(psw, cr6, prefix);
    this.#ram.writeWord(mailbox + MAILBOX.MB_RST_ACTION, delivered ? ACTION_IO : ACTION_RESUME);
    this.#ram.writeWord(mailbox + MAILBOX.MB_RST_ANSWER, request);
    if (delivered) {
      this.counts.restart++;
      this.#over();
      this.#pauseMs = RETRY_MS.first;
    } else this.#missed();
    return 1;
  }

  /** Starts an attempt if something is pending and none is under way. */
  turn(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#holders > 0 || this.underWay || nowMs < this.#notBeforeMs) return;
    if (this.#service.pendingIsc(ANY_ISC) === -1) return;
    this.#attempt = 'asking';
    this.#startedMs = nowMs;
    this.#interrupt().catch(() => {
      // QEMU is ending or refuses the command. If the monitor has gone, its owner notices that.
      this.#disarm();
      this.#missed();
    });
  }

  /** The guest was reset: an armed mailbox would catch the restart with which the new kernel starts its CPUs. */
  reset(): void {
    this.#disarm();
    this.#over();
    this.#pauseMs = RETRY_MS.first;
  }

  /**
   * Looks at the CPUs while the guest is held still. Of a running CPU, QEMU may report a condition code that is half of one instruction
   * and half of another, and ends itself if these do not go together (cc_calc_addu: assertion failed).
   */
  async #interrupt(): Promise<void> {
    const sent = await this.#pause.hold(async (running) => {
      const cpu = running ? await this.#enabled() : undefined;
      if (cpu === undefined || this.#attempt !== 'asking') return false;
      if (!this.arm(cpu)) return false;
      this.#armed = cpu;
      this.#attempt = 'armed';
      await this.restart(cpu);
      return true;
    });
    if (!sent && this.#attempt === 'asking') this.#missed();
  }

  /**
   * Makes the next restart of a CPU enter the hook.
   *
   * @returns false if it would not, because the guest has set a restart PSW since
   */
  arm(cpu: number): boolean {
    if (!this.#hook.armRestart(this.#lowcoreOf(cpu))) return false;
    this.#ram.writeWord(this.#hook.mailbox(cpu) + MAILBOX.MB_ARMED, 1);
    return true;
  }

  /** Restarts a CPU that is armed. */
  async restart(cpu: number): Promise<void> {
    await this.#qmp.execute('human-monitor-command', { 'command-line': 'nmi', 'cpu-index': cpu });
  }

  /**
   * A CPU that would take what is pending, and whose restart enters the hook. Any such CPU will do, since adapter interruptions are
   * floating.
   */
  async #enabled(): Promise<number | undefined> {
    const cpus = await enabledCpus(this.#qmp);
    const taker = cpus.find(({ cr6 }) => this.#service.pendingIsc((cr6 & ANY_ISC) >>> 0) !== -1);
    return taker?.cpu;
  }

  #lowcoreOf(cpu: number): number {
    return this.#hook.bare?.prefixes.get(cpu) ?? this.#storage.contexts[cpu]?.prefix ?? 0;
  }

  #disarm(): void {
    if (this.#armed >= 0) {
      this.#ram.writeWord(this.#hook.mailbox(this.#armed) + MAILBOX.MB_ARMED, 0);
      this.#hook.bare?.disarmRestart(this.#lowcoreOf(this.#armed));
    }
  }

  /**
   * The attempt has ended. The hook has taken the mark out of the mailbox itself, and who finds one there later finds somebody else's: the
   * storage of a guest that has moved is another QEMU's, too.
   */
  #over(): void {
    this.#attempt = 'none';
    this.#armed = -1;
  }

  /** Called if no CPU could take the interruption, to try again later. */
  #missed(): void {
    this.counts.retries++;
    this.#over();
    this.#notBeforeMs = this.#nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, RETRY_MS.last);
  }

  /**
   * Delivers an interruption if the CPU is enabled, by PSW bit 6 and the ISC's bit of CR6: stores old PSW and parameters into its
   * lowcore.
   */
  #deliver(psw: Uint32Array, cr6: number, prefix: number): boolean {
    if ((psw[0] & PSW_IO) === 0) return false;
    const isc = this.#service.pendingIsc((cr6 & ANY_ISC) >>> 0);
    if (isc === -1) return false;
    this.#parameters.writeUInt32BE(this.#service.takeInterruption(isc) >>> 0, 8);
    for (let i = 0; i < 4; i++) this.#oldPsw.writeUInt32BE(psw[i], 4 * i);
    this.#ram.write(prefix + LOWCORE.LC_IO_OLD, this.#oldPsw);
    this.#ram.write(prefix + LOWCORE.LC_IO_PARAMETERS, this.#parameters);
    return true;
  }
}
