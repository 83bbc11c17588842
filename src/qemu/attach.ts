// SPDX-License-Identifier: Apache-2.0
// One QEMU guest that the machine serves: waits for its kernel, hooks it, serves it, and starts over when the guest is reset.
// Source: docs/reference/qemu-attach.md section 5.

import type { ApService } from './ap-service.ts';
import { ChannelReports } from './channel-reports.ts';
import { InterruptionDelivery } from './interruptions.ts';
import { type HookRule, LowcoreHook } from './lowcore.ts';
import { MailboxLoop } from './mailbox.ts';
import { GuestPause } from './pause.ts';
import type { Polled } from './poller.ts';
import type { Qmp, QmpEvent } from './qmp.ts';
import type { GuestRam } from './ram.ts';
import { ServiceCalls } from './service-calls.ts';
import { QemuStorage } from './storage.ts';

/** State of an attachment. */
export type AttachState = 'waiting' | 'hooking' | 'attached' | 'ended';

/** Parameters of an attachment. */
export interface AttachOptions {
  readonly qmp: Qmp;
  /** Connection on which QEMU's events come; default `qmp`. */
  readonly events?: Qmp;
  readonly ram: GuestRam;
  readonly service: ApService;
  readonly rule: HookRule;
  /** Number of CPU addresses that QEMU may have, hot plug included. */
  readonly cpus: number;
  /** Milliseconds for which a vCPU waits for an answer before the guest's own handler gets the instruction. */
  readonly patienceMs?: number;
  readonly log?: (line: string) => void;
  /** Socket of QEMU's debug stub, by which the guest is told of configuration changes. Default: it is not told. */
  readonly debug?: string;
  /** The guest may configure adapters, if its service has any, by the debug stub. */
  readonly serviceCalls?: boolean;
  /** Absolute addresses of the lowcores of a guest that was served before, where they are known: looking for them takes long. */
  readonly lowcores?: readonly number[];
}

/** Milliseconds: longer than any pause of ours, and short enough for a person to wait. */
const DEFAULT_PATIENCE_MS = 10_000;

/** Message about a guest that has destroyed the hook. */
const OVERWRITTEN =
  'the guest has written over the last MiB of its storage, where the hook is: its AP instructions cannot be served. Keep it from there (mem= for Linux)';

/** Milliseconds between two looks at the lowcore: while waiting for a kernel, and while serving one. */
const LOOK_MS = { waiting: 2, attached: 250 } as const;

/** Connects a QEMU guest with the machine's guest that answers its AP instructions. */
export class Attachment implements Polled {
  /** Called at each change of state. */
  onState: (state: AttachState) => void = () => {};
  /** Called when QEMU says that it ends. */
  onShutdown: () => void = () => {};
  readonly loop: MailboxLoop;
  readonly interruptions: InterruptionDelivery;
  readonly #qmp: Qmp;
  readonly #pause: GuestPause;
  readonly #service: ApService;
  readonly #hook: LowcoreHook;
  readonly #rule: HookRule;
  readonly #patienceMs: number;
  readonly #log: (line: string) => void;
  readonly #known: readonly number[] | undefined;
  readonly #reports: ChannelReports | undefined;
  readonly #calls: ServiceCalls | undefined;
  #state: AttachState = 'waiting';
  #lowcores: number[] = [];
  #nextLookMs = 0;
  /** Whether a kernel was hooked before. Its PSWs may still be there, so that a lowcore that is hooked may be a stale one. */
  #seenBefore = false;

  constructor(options: AttachOptions) {
    const { qmp, ram, service, cpus } = options;
    this.#qmp = qmp;
    this.#service = service;
    this.#rule = options.rule;
    this.#patienceMs = options.patienceMs ?? DEFAULT_PATIENCE_MS;
    this.#log = options.log ?? (() => {});
    this.#known = options.lowcores;
    this.#hook = new LowcoreHook(ram, options.rule);
    this.#pause = new GuestPause(qmp);
    const storage = new QemuStorage(ram);
    const parts = { ram, hook: this.#hook, storage, service, qmp, pause: this.#pause };
    this.interruptions = new InterruptionDelivery(parts);
    this.loop = new MailboxLoop(parts, this.interruptions, cpus);
    const { reports, adapters } = service;
    const { debug } = options;
    if (options.rule === 'linux' && debug !== undefined) {
      const stopped = { ...parts, debug, log: this.#log };
      const { interruptions } = this;
      if (options.serviceCalls === true && adapters !== undefined)
        this.#calls = new ServiceCalls(stopped, adapters);
      if (reports !== undefined)
        this.#reports = new ChannelReports({ ...stopped, interruptions, reports });
    }
    service.connect(storage);
    const events = options.events ?? qmp;
    events.onEvent = (event) => this.#event(event);
    events.ended.then(() => this.#become('ended'));
  }

  /** Reason for its end that QEMU has named in its SHUTDOWN event. */
  shutdown: string | undefined;
  /** What went wrong on apemu's side, so that the guest cannot be served any more. */
  problem: string | undefined;

  /** Whether a channel report is on its way to the guest. */
  get reporting(): boolean {
    return this.#reports?.busy ?? false;
  }

  /** Stops the guest for a while, so that its storage can be changed. */
  get pause(): GuestPause {
    return this.#pause;
  }

  /** Whether nothing goes on until a message of the monitor is received. */
  get waitsForMonitor(): boolean {
    return this.#state === 'hooking' || this.interruptions.asking;
  }

  get state(): AttachState {
    return this.#state;
  }

  /** Absolute addresses of the lowcores that are hooked. */
  get lowcores(): readonly number[] {
    return this.#lowcores;
  }

  poll(nowMs: number): boolean {
    if (this.#state === 'ended') return false;
    this.#service.advance(nowMs * 1e6);
    if (nowMs >= this.#nextLookMs) {
      this.look();
      this.#nextLookMs = nowMs + LOOK_MS[this.#state === 'attached' ? 'attached' : 'waiting'];
    }
    if (this.#state !== 'attached') return this.#rule === 'bare' && this.#state === 'waiting';
    const served = this.loop.poll();
    this.interruptions.turn(nowMs);
    this.#reports?.turn(nowMs);
    const { lastCpu } = this.loop;
    if (lastCpu !== undefined) this.#calls?.begin(lastCpu);
    return served > 0 || this.interruptions.busy;
  }

  failed(error: Error): void {
    this.problem = error.message;
    this.#become('ended');
  }

  /** Takes the hook out of a running guest. Its AP instructions end in operation exceptions from now on. */
  async detach(): Promise<void> {
    if (this.#state !== 'attached' || this.#qmp.closed) return;
    await this.#pause.hold(() => {
      this.loop.poll();
      this.#hook.remove();
      // This comes first: whoever looked at a lowcore without our hook would take it for another kernel.
      this.#become('ended');
    });
  }

  /** Leaves the guest as a killed emulator would: hooked, with nobody to answer. Used by tests. */
  abandon(): void {
    this.#qmp.onEvent = () => {};
    this.#qmp.close();
  }

  #become(state: AttachState): void {
    if (this.#state === state || this.#state === 'ended') return;
    this.#state = state;
    // Whoever waits until no attempt is under way must not wait for one that nobody will answer.
    if (state === 'ended') this.interruptions.reset();
    this.onState(state);
  }

  #event(event: QmpEvent): void {
    if (event.event === 'RESET') this.#reset('the guest was reset');
    if (event.event !== 'SHUTDOWN') return;
    this.shutdown = String(event.data['reason']);
    this.onShutdown();
    // A command that QEMU gets while it ends may keep it from ending.
    this.#become('ended');
  }

  #reset(reason: string): void {
    if (this.#state === 'ended') return;
    if (this.#state === 'attached') {
      this.#hook.silence();
      this.#log(`${reason}; waiting for its kernel`);
    }
    this.interruptions.reset();
    this.loop.lastCpu = undefined;
    this.#reports?.reset();
    this.#calls?.reset();
    // QEMU tells a reset more than once; nothing has happened to the queues since the first.
    if (this.#state === 'attached') this.#service.reset();
    this.#lowcores = [];
    this.#become('waiting');
  }

  /** Looks at the lowcore: hooks a kernel whose handlers are set, and notices a kernel that has gone. */
  look(): void {
    const state = this.#hook.state();
    if (this.#state === 'attached') {
      for (const lowcore of this.#hook.bare?.known ?? []) this.#hook.bare?.take(lowcore);
      if (state === 'hooked') {
        if (this.#hook.isOverwritten()) this.failed(new Error(OVERWRITTEN));
        else if (this.#hook.isSilent()) this.#resume();
      } else if (this.#rule === 'linux') this.#reset('another kernel has been started');
    } else if (this.#state === 'waiting') {
      if (state === 'final') this.#install();
      if (state === 'hooked' && !this.#seenBefore) this.#adopt();
    }
  }

  /**
   * Called for a test kernel that stands still, when it has stored into a place that the hook must know of, or has got another lowcore.
   *
   * @param lowcore absolute address of that CPU's lowcore
   * @param address in the lowcore; -1: anything
   */
  stored(lowcore: number, address: number): void {
    const { bare } = this.#hook;
    if (bare === undefined || this.#state === 'ended') return;
    if (this.#state !== 'attached') {
      if (bare.hasHandler(lowcore)) this.#installBare([lowcore]);
    } else if (!bare.known.has(lowcore)) bare.adopt(lowcore);
    else {
      bare.take(lowcore, address);
      bare.see(lowcore);
    }
  }

  /** Called when a CPU of a test kernel has got a prefix. */
  prefixed(cpu: number, lowcore: number): void {
    this.#hook.bare?.prefixes.set(cpu, lowcore);
    this.stored(lowcore, -1);
  }

  /** The prefix of a CPU of a test kernel. */
  prefixOf(cpu: number): number {
    return this.#hook.bare?.prefixes.get(cpu) ?? 0;
  }

  #installBare(lowcores: readonly number[]): void {
    this.#become('hooking');
    this.#hookNow(lowcores);
  }

  /** Serves guests again after a vCPU has waited longer than its patience. */
  #resume(): void {
    this.#hook.clearSilent();
    this.#log('a vCPU gave up waiting: AP instructions went to the guest kernel for a while');
  }

  #adopt(): void {
    this.#seenBefore = true;
    this.#hook.adopt(this.#patienceMs);
    this.#lowcores = [...(this.#known ?? this.#hook.hooked())];
    this.#log('attached to a guest that was served before');
    this.#become('attached');
  }

  #install(): void {
    if (this.#rule === 'bare') this.#installBare([0]);
    else {
      this.#become('hooking');
      this.#hookStopped().catch((error: Error) => {
        this.#log(`cannot attach: ${error.message}`);
        this.#become('waiting');
      });
    }
  }

  /** Hooks the lowcores of Linux while it is stopped. A test kernel stands still already, or cannot wait for the monitor. */
  #hookStopped(): Promise<void> {
    return this.#pause.hold(() => this.#hookNow());
  }

  #hookNow(lowcores: readonly number[] = []): void {
    const still =
      this.#state === 'hooking' && (lowcores.length > 0 || this.#hook.state() === 'final');
    if (still) this.#lowcores = this.#hook.install(this.#patienceMs, lowcores);
    const done = still && this.#lowcores.length > 0;
    if (done) {
      this.#seenBefore = true;
      this.#log(`attached: ${this.#lowcores.length} lowcores hooked`);
    }
    this.#become(done ? 'attached' : 'waiting');
  }
}
