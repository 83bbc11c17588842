// SPDX-License-Identifier: Apache-2.0
// The reference model of the AP instructions: slow and obvious, written from the reference alone.
// Source: docs/reference/ap-architecture.md, all sections; agreed points P1 and up in README.md.

import type { Fault, GuestConfig, MachineConfig, Masks, Outcome } from '../vectors/under-test.ts';
import { Access } from './access.ts';
import { aqic, notify } from './aqic.ts';
import { LEAST_LIMIT, type NamedCheck, orderedChecks } from './checks.ts';
import { dqap } from './dqap.ts';
import { Events } from './events.ts';
import { Faults } from './faults.ts';
import { Instruction } from './instruction.ts';
import type { DefectName } from './mutations.ts';
import { nqap } from './nqap.ts';
import { aapq, bapq, qact, qci, reset, tapq } from './pqap.ts';
import {
  type Message,
  type ModelAdapter,
  type ModelGuest,
  ModelQueue,
  type ModelVcpu,
} from './state.ts';
import { statusWord } from './status.ts';

export type ModelMachineConfig = MachineConfig;
export type ModelGuestConfig = GuestConfig;

const FUNCTIONS: Record<string, (i: Instruction) => Outcome> = {
  tapq,
  rapq: reset,
  zapq: reset,
  aqic,
  qci,
  qact,
  bapq,
  aapq,
  nqap,
  dqap,
};

/** Storage addresses of operands never wrap in this model (P8). */
const MAX_STORAGE = 0xffffff;

const NEXT_ADDRESS_MASK = { 24: 0xffffffn, 31: 0x7fffffffn, 64: (1n << 64n) - 1n } as const;

export class Model {
  readonly machine: MachineConfig;
  readonly guests: ModelGuest[];
  readonly adapters = new Map<number, ModelAdapter>();
  readonly queues = new Map<number, ModelQueue>();
  /** Longest message a queue that is not available could take (AD-08). */
  largestLimit = LEAST_LIMIT;
  readonly access: Access;
  readonly events: Events;
  readonly faults = new Faults();
  /** ISCs of host adapter interruptions that are pending (no GISA). */
  readonly pendingHostIscs = new Set<number>();
  private readonly checks: readonly NamedCheck[];
  private readonly defects: ReadonlySet<DefectName>;

  /**
   * Guest 0 is the host partition itself. `defects` are planted errors, for the proof that tests would see them; several models with
   * the same `events` share their time.
   */
  constructor(
    machine: MachineConfig,
    guests: readonly GuestConfig[],
    defects: readonly DefectName[] = [],
    events = new Events(),
  ) {
    this.machine = machine;
    this.events = events;
    this.defects = new Set(defects);
    this.guests = guests.map(newGuest);
    for (const config of machine.adapters) {
      const adapter = { config, deconfigured: false, checkstopped: false };
      this.adapters.set(config.apid, adapter);
      for (const apqi of machine.usageDomains) {
        const apqn = config.apid * 256 + apqi;
        const queue = new ModelQueue(apqn, adapter);
        this.queues.set(apqn, queue);
        this.largestLimit = Math.max(this.largestLimit, queue.limit);
      }
    }
    this.access = new Access(this);
    this.checks = orderedChecks((name) => this.defect(name));
  }

  /** The one place where planted defects are consulted. */
  defect(name: DefectName): boolean {
    return this.defects.has(name);
  }

  vcpu(guest: number, n: number): ModelVcpu {
    return this.guests[guest].vcpus[n];
  }

  storage(guest: number): Uint8Array {
    return this.guests[guest].storage;
  }

  /** Executes one instruction; what is due at once happens before the next one (P2). */
  execute(guest: number, vcpu: number, word: number): Outcome {
    const i = new Instruction(this, this.guests[guest], this.vcpu(guest, vcpu), word);
    const outcome = this.perform(i);
    const { psw } = i.vcpu;
    const ilc = outcome.kind === 'program' ? outcome.ilc : 2;
    const kept = outcome.kind === 'program' && this.defect('old-psw-at-instruction');
    if (!kept)
      psw.address = (psw.address + BigInt(ilc * 2)) & NEXT_ADDRESS_MASK[psw.addressingMode];
    if (outcome.kind === 'completed') psw.cc = outcome.cc;
    else if (this.defect('cc-cleared-by-exceptions')) psw.cc = 0;
    this.events.advance(0);
    return outcome;
  }

  private perform(i: Instruction): Outcome {
    for (const { check } of this.checks) {
      const ended = check(i);
      if (ended !== undefined) return ended;
    }
    return FUNCTIONS[i.name!](i);
  }

  /** Moves virtual time by `ns`. */
  advance(ns: number): void {
    this.events.advance(ns);
  }

  setMasks(guest: number, apcb: 0 | 1, masks: Masks): void {
    this.guests[guest].apcb[apcb] = maskSets(masks);
  }

  injectFault(fault: Fault): void {
    this.faults.inject(fault);
  }

  /** A busy period; a second one replaces the first. */
  setBusy(apqn: number, ns: number): void {
    const queue = this.queues.get(apqn);
    if (queue === undefined) return;
    this.events.cancel(queue, 'busy');
    queue.busy = ns > 0;
    if (ns === 0) return;
    this.events.after(ns, 'busy', queue, () => {
      queue.busy = false;
    });
  }

  /** Standby: all queues of the adapter are reset and unbound at once (AD-36). */
  deconfigure(apid: number): void {
    const adapter = this.adapters.get(apid);
    if (adapter === undefined) return;
    adapter.deconfigured = true;
    if (!this.defect('deconfigure-keeps-messages')) this.resetAdapter(apid);
  }

  configure(apid: number): void {
    const adapter = this.adapters.get(apid);
    if (adapter !== undefined) adapter.deconfigured = false;
  }

  /** Messages, enablement and bindings are lost as with deconfigure. */
  checkstop(apid: number): void {
    const adapter = this.adapters.get(apid);
    if (adapter === undefined) return;
    adapter.checkstopped = true;
    if (!this.defect('checkstop-keeps-messages')) this.resetAdapter(apid);
  }

  recover(apid: number): void {
    const adapter = this.adapters.get(apid);
    if (adapter !== undefined) adapter.checkstopped = false;
  }

  /** Status word as TAPQ by the host partition would give it. */
  queueStatus(apqn: number): number {
    const queue = this.queues.get(apqn);
    if (queue === undefined) return 0x00010000;
    if (queue.asyncError !== undefined) return statusWord(this, queue, queue.asyncError);
    if (queue.adapter.deconfigured) return 0x00030000;
    if (queue.adapter.checkstopped) return 0x00040000;
    if (queue.resetting) return statusWord(this, queue, 0x02);
    return queue.busy ? 0x00050000 : statusWord(this, queue, 0x00);
  }

  /** Drops messages, enablement and everything under way but a busy period. */
  clearQueue(queue: ModelQueue): void {
    for (const kind of ['reset', 'aqic', 'service', 'associate'] as const) {
      if (kind === 'aqic' && this.defect('reset-keeps-aqic-change')) continue;
      this.events.cancel(queue, kind);
    }
    if (!this.defect('reset-keeps-messages')) {
      queue.requests = [];
      queue.replies = [];
    }
    if (!this.defect('reset-keeps-parts')) queue.open = undefined;
    if (!this.defect('reset-keeps-partial')) queue.partial = undefined;
    queue.aqicPending = false;
    if (!this.defect('reset-keeps-irq')) queue.notification = undefined;
    queue.resetting = false;
  }

  /** A message is on the queue: its reply comes after the service time, at the earliest after this instruction. */
  accepted(queue: ModelQueue, message: Message): void {
    queue.requests.push(message);
    this.events.after(queue.adapter.config.serviceNs, 'service', queue, () =>
      this.reply(queue, message),
    );
  }

  /** The reply to a request becomes available. */
  reply(queue: ModelQueue, message: Message): void {
    const at = queue.requests.indexOf(message);
    if (at < 0) return;
    queue.requests.splice(at, 1);
    if (this.defect('replies-lifo')) queue.replies.unshift(message);
    else queue.replies.push(message);
    const waiting = queue.replies.length > 1;
    if (!(waiting && this.defect('notify-first-reply-only'))) notify(this, queue);
  }

  private resetAdapter(apid: number): void {
    for (const queue of this.queues.values()) {
      if (queue.apqn >> 8 !== apid) continue;
      this.clearQueue(queue);
      queue.asyncError = undefined;
      if (this.defect('deconfigure-keeps-binding')) continue;
      queue.bind = 'unbound';
      queue.secret = undefined;
    }
  }
}

function maskSets(masks: Masks) {
  return { apm: new Set(masks.apm), aqm: new Set(masks.aqm), adm: new Set(masks.adm) };
}

function newGuest(config: GuestConfig, index: number): ModelGuest {
  if (config.storageBytes > MAX_STORAGE) throw new RangeError('storage must be below 16 MiB');
  return {
    index,
    config,
    facilities: new Set(config.facilities),
    apcb: [maskSets(config.crycb.apcb0), maskSets(config.crycb.apcb1)],
    storage: new Uint8Array(config.storageBytes),
    vcpus: Array.from({ length: config.vcpus }, () => ({
      gr: Array.from({ length: 16 }, () => 0n),
      psw: { problem: false, addressingMode: 64 as const, address: 0n, cc: 0 },
    })),
  };
}
