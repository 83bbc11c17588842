// SPDX-License-Identifier: Apache-2.0
// Tells a stock kernel under QEMU of configuration changes. The machine check of a channel report is made by way of the hook. As long as
// something is left to be taken, QEMU's debug stub stops the guest at STCRW and CHSC, which QEMU itself would answer otherwise.
// Source: docs/reference/config-change.md sections 2 and 3; docs/reference/qemu-attach.md sections 7 and 8; docs/linux.md.

import { setTimeout as nap } from 'node:timers/promises';
import { CHSC_COMMAND, CHSC_COMMAND_SEI } from '../../native-like/arch/channel-reports.ts';
import { INSTRUCTION_BYTES, OPCODE_STCRW } from '../../native-like/arch/instructions.ts';
import type { ChannelReportService } from './ap-service.ts';
import { operatingCpus } from './cpu-registers.ts';
import { askForDescription, breakpoint, DebugStub, letGoAfter } from './debug-stub.ts';
import { ACTION_RESUME, MAILBOX } from './hook-layout.ts';
import type { InterruptionDelivery } from './interruptions.ts';
import { findInText, isReportInstruction } from './kernel-text.ts';
import type { LowcoreHook } from './lowcore.ts';
import { storeMachineCheck, takesChannelReport } from './machine-check.ts';
import type { GuestPause } from './pause.ts';
import type { Monitor } from './qmp.ts';
import type { GuestRam } from './ram.ts';
import { operand, type StoppedCpu } from './stopped-cpu.ts';
import { serveStops } from './stops.ts';

/** What this needs of the guest. */
export interface ReportedGuest {
  readonly ram: GuestRam;
  readonly hook: LowcoreHook;
  readonly qmp: Monitor;
  readonly pause: GuestPause;
  readonly interruptions: InterruptionDelivery;
  readonly reports: ChannelReportService;
  /** Path of the Unix socket of QEMU's debug stub. */
  readonly debug: string;
  readonly log: (line: string) => void;
}

/** Milliseconds between two attempts: a kernel enables channel reports once, while it boots. */
const AGAIN_MS = 100;
/** Milliseconds that a restart may take until the CPU is in the hook. */
const HOOK_WITHIN_MS = 2_000;
const STATE_STEP_MS = 1;
/** Milliseconds after which a kernel that takes nothing will not do so any more. */
const FETCH_WITHIN_MS = 10_000;

/** Channel reports of one guest. */
export class ChannelReports {
  readonly #guest: ReportedGuest;
  #busy = false;
  #notBeforeMs = 0;
  /** Addresses at which the guest is stopped, once they are known. */
  #places: readonly bigint[] | undefined;

  constructor(guest: ReportedGuest) {
    this.#guest = guest;
  }

  /** Whether something is on its way to the guest, or being fetched by it. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Forgets what is known of the kernel, since another one is started, whose text may be elsewhere. */
  reset(): void {
    this.#places = undefined;
  }

  /** Begins to report what is due. Called for a guest that is attached. */
  turn(nowMs: number): void {
    if (this.#busy || nowMs < this.#notBeforeMs || !this.#guest.reports.due) return;
    this.#busy = true;
    this.#bring()
      .catch((error: Error) => this.#guest.log(`a channel report is not brought: ${error.message}`))
      .finally(() => {
        this.#busy = false;
        this.#notBeforeMs = performance.now() + AGAIN_MS;
      });
  }

  async #bring(): Promise<void> {
    const { interruptions } = this.#guest;
    interruptions.hold();
    let stub: DebugStub | undefined;
    try {
      while (interruptions.underWay) await nap(STATE_STEP_MS);
      const cpu = await this.#intoHook();
      if (cpu === undefined) return;
      stub = await this.#check(cpu);
    } finally {
      interruptions.claimed = -1;
      interruptions.release();
    }
    if (stub === undefined) return;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      stub?.interrupt();
    }, FETCH_WITHIN_MS);
    try {
      await this.#serve(stub, () => late);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Makes a CPU that takes channel reports enter the hook by a restart.
   *
   * @returns its address; undefined if there is none at the moment
   */
  async #intoHook(): Promise<number | undefined> {
    const { pause, qmp, interruptions } = this.#guest;
    return await pause.hold(async (running) => {
      const cpus = running ? await operatingCpus(qmp) : [];
      const taker = cpus.find(({ mask, cr14 }) => takesChannelReport(mask, cr14));
      if (taker === undefined) return undefined;
      const { cpu } = taker;
      if (!interruptions.arm(cpu)) return undefined;
      interruptions.claimed = cpu;
      await interruptions.restart(cpu);
      return cpu;
    });
  }

  /**
   * Turns the restart into the machine check, if the CPU is still enabled for it.
   *
   * @returns the stub, with the guest running
   */
  async #check(cpu: number): Promise<DebugStub | undefined> {
    const { ram, hook, pause, reports, debug } = this.#guest;
    const mailbox = hook.mailbox(cpu);
    const end = performance.now() + HOOK_WITHIN_MS;
    const waits = () =>
      ram.readWord(mailbox + MAILBOX.MB_RST_REQUEST) !==
      ram.readWord(mailbox + MAILBOX.MB_RST_ANSWER);
    while (!waits() && performance.now() < end) await nap(STATE_STEP_MS);
    if (!waits()) {
      ram.writeWord(mailbox + MAILBOX.MB_ARMED, 0);
      return undefined;
    }
    const request = ram.readWord(mailbox + MAILBOX.MB_RST_REQUEST);
    const psw = ram.readWord(mailbox + MAILBOX.MB_RST_PSW);
    const cr14 = ram.readWord(mailbox + MAILBOX.MB_RST_CR + 14 * 8 + 4);
    const prefix = ram.readWord(mailbox + MAILBOX.MB_RST_PREFIX);
    const answer = () => {
      ram.writeWord(mailbox + MAILBOX.MB_RST_ACTION, ACTION_RESUME);
      ram.writeWord(mailbox + MAILBOX.MB_RST_ANSWER, request);
    };
    if (!takesChannelReport(psw, cr14)) {
      answer();
      return undefined;
    }
    const stub = await DebugStub.connect(debug);
    const stopAtReports = async () => {
      await askForDescription(stub);
      this.#places ??= findInText(ram, hook, mailbox, 'restart', isReportInstruction);
      for (const place of this.#places) await stub.ask(breakpoint('Z', place));
      await storeMachineCheck(stub, ram, { cpu, prefix, mailbox });
      reports.taken();
    };
    return await pause.alone(async () => {
      try {
        await letGoAfter(stub, stopAtReports);
      } finally {
        answer();
      }
      stub.send('c');
      return stub;
    });
  }

  /** Serves the instructions at which the guest is stopped until nothing is left, or it is `late`. */
  async #serve(stub: DebugStub, late: () => boolean): Promise<void> {
    const { pause, reports } = this.#guest;
    const serve = async (cpu: StoppedCpu): Promise<boolean> => {
      const last = await this.#stopped(cpu);
      // What has come meanwhile has a machine check of its own, which cannot be made before this is over.
      return last && (reports.due || !reports.left);
    };
    await serveStops({ stub, pause, serve, over: late });
  }

  /** @returns whether the guest was told that there are no more channel report words */
  async #stopped(cpu: StoppedCpu): Promise<boolean> {
    const { reports } = this.#guest;
    const text = await cpu.read(await cpu.pswAddress(), INSTRUCTION_BYTES);
    if (text.length < INSTRUCTION_BYTES || !isReportInstruction(text)) {
      await cpu.step(INSTRUCTION_BYTES);
      return false;
    }
    if (text.readUInt16BE(0) === OPCODE_STCRW) {
      const word = reports.nextWord();
      // QEMU may have words of its own.
      if (word === 0) return await cpu.step(INSTRUCTION_BYTES);
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(word);
      await cpu.write(await operand(cpu, text), bytes);
      await cpu.complete(INSTRUCTION_BYTES, 0);
      return false;
    }
    const block = await cpu.gr(text[3] >>> 4);
    const request = await cpu.read(block, 4);
    const isEventInformation =
      request.length === 4 && request.readUInt16BE(CHSC_COMMAND) === CHSC_COMMAND_SEI;
    const event = isEventInformation ? reports.nextEvent() : undefined;
    if (event === undefined) await cpu.step(INSTRUCTION_BYTES);
    else {
      await cpu.write(block + BigInt(request.readUInt16BE(0)), Buffer.from(event));
      await cpu.complete(INSTRUCTION_BYTES, 0);
    }
    return false;
  }
}
