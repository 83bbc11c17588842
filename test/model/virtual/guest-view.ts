// SPDX-License-Identifier: Apache-2.0
// What one guest with a virtual mdev sees: the instructions of the reference model on queues of its own, whose adapter is the engine.
// Source: docs/reference/vfio-ap.md V-03, V-08 to V-11, V-15; sections 5.1, 5.3; decision VD-50.

import type { GuestConfig, MachineConfig, Outcome } from '../../vectors/under-test.ts';
import { changeNotification } from '../aqic.ts';
import { bitOf, fieldOf } from '../bits.ts';
import type { Events } from '../events.ts';
import { Instruction, PGM } from '../instruction.ts';
import { Model } from '../model.ts';
import { type Message, type ModelAdapter, ModelQueue } from '../state.ts';
import { accept, refuse, statusWord } from '../status.ts';
import type { VirtualDefect } from './defects.ts';
import { type RealQueue, VIRTUAL_LIMIT } from './engine.ts';

export type Choice = 'least' | 'sticky' | 'first';
export type Axis = 'adapter' | 'domain';
/** Real numbers behind each virtual one. */
export type AxisMap = Map<number, Set<number>>;

type Shown = { -readonly [Key in keyof ModelAdapter]: ModelAdapter[Key] };

/** A virtual queue: a queue of the guest's own, with what the engine knows of it. */
export class VirtualQueue extends ModelQueue {
  readonly shown: Shown;
  /** Messages it takes: follows the depth that is shown, downwards only while it is empty. */
  places = 0;
  /** Requests that real queues have accepted. */
  readonly underWay = new Set<Message>();
  /** Turn of the last message sent. */
  stamp = 0;
  /** Real APQN of the last message sent. */
  last = -1;

  constructor(apqn: number, shown: Shown) {
    super(apqn, shown);
    this.shown = shown;
  }

  override get full(): boolean {
    return this.used >= this.places;
  }

  /** A message of which parts have come counts as something in it. */
  settleDepth(): void {
    const { depth } = this.shown.config;
    const empty = this.used === 0 && this.open === undefined;
    if (empty || depth > this.places) this.places = depth;
  }
}

/** Of a real queue the engine needs to know whether it is bound to vfio_ap; undefined: it is not there for virtual mdevs. */
export type FindReal = (apqn: number) => RealQueue | undefined;

export interface ViewOptions {
  /** Without domains: those of the map. */
  readonly machine: Omit<MachineConfig, 'usageDomains' | 'controlDomains'>;
  readonly guest: GuestConfig;
  readonly events: Events;
  readonly real: FindReal;
  readonly defect: (name: VirtualDefect) => boolean;
}

const NOTHING = { deconfigured: false, checkstopped: false };

export class GuestView extends Model {
  choice: Choice = 'least';
  map: Record<Axis, AxisMap> = { adapter: new Map(), domain: new Map() };
  private readonly all = new Map<number, VirtualQueue>();
  /** Virtual domains: what the machine of this guest has, and no others. */
  private readonly mappedDomains: number[];
  private readonly real: FindReal;
  private readonly planted: (name: VirtualDefect) => boolean;

  constructor({ machine, guest, events, real, defect }: ViewOptions) {
    const mapped: number[] = [];
    const whole = { ...machine, usageDomains: mapped, controlDomains: mapped };
    super(whole, [guest, guest], [], events);
    this.mappedDomains = mapped;
    // The notification byte of AQIC is in the guest's own storage, its sub-class is the guest's own.
    Object.assign(this.guests[0], { storage: this.guests[1].storage });
    this.real = real;
    this.planted = defect;
  }

  /** The queue record of a virtual APQN that the guest may use. */
  virtual(apqn: number): VirtualQueue {
    const queue = this.all.get(apqn);
    if (queue === undefined) throw new Error(`there is no virtual queue ${apqn.toString(16)}`);
    return queue;
  }

  /** V-04, V-14: a new map; queues that are not mapped any more are gone with what they held. */
  remap(map: Record<Axis, AxisMap>): void {
    this.map = map;
    const apqns = [...map.adapter.keys()].flatMap((apid) =>
      [...map.domain.keys()].map((apqi) => apid * 256 + apqi),
    );
    for (const [apqn, queue] of this.all) {
      if (apqns.includes(apqn)) continue;
      this.clearQueue(queue);
      queue.requests = [];
      this.all.delete(apqn);
    }
    for (const apqn of apqns) if (!this.all.has(apqn)) this.all.set(apqn, this.idle(apqn));
    const shown = this.planted('real-qci')
      ? [...map.adapter.values()].flatMap((set) => [...set])
      : [...map.adapter.keys()];
    const domains = [...map.domain.keys()];
    this.mappedDomains.splice(0, this.mappedDomains.length, ...domains);
    const adm = this.planted('control-domains') ? domains : [];
    this.adapters.clear();
    for (const apid of shown) this.adapters.set(apid, { config: unknownCard(apid), ...NOTHING });
    this.setMasks(1, 1, { apm: shown, aqm: domains, adm });
    this.look();
  }

  private idle(apqn: number): VirtualQueue {
    return new VirtualQueue(apqn, { config: unknownCard(apqn >> 8), ...NOTHING });
  }

  /** S0-32: all real adapters of its adapter times all real domains of its domain, of one type, ascending. */
  private mapped(queue: VirtualQueue): RealQueue[] {
    const apids = [...(this.map.adapter.get(queue.apqn >> 8) ?? [])].sort((a, b) => a - b);
    const apqis = [...(this.map.domain.get(queue.apqi) ?? [])].sort((a, b) => a - b);
    const all = apids.flatMap((apid) =>
      apqis.flatMap((apqi) => this.real(apid * 256 + apqi) ?? []),
    );
    return all.filter(({ card }) => card.accelerator === all[0].card.accelerator);
  }

  /** V-05: bound, configured, not checkstopped, of the right type. */
  candidates(queue: VirtualQueue): RealQueue[] {
    return this.mapped(queue).filter((real) => real.usable);
  }

  /** What the guest sees of its queues now that cards or maps are others (V-08, V-11). */
  look(): void {
    this.queues.clear();
    for (const queue of this.all.values()) {
      const mapped = this.mapped(queue);
      const usable = this.candidates(queue);
      const gone = usable.length === 0;
      if (gone && !this.planted('gone-keeps-messages')) this.clearQueue(queue);
      queue.shown.deconfigured = gone && mapped.some(({ card }) => card.deconfigured);
      queue.shown.checkstopped = gone && mapped.length > 0;
      const unknown =
        mapped.length === 0 || (queue.shown.deconfigured && this.planted('gone-is-01'));
      if (mapped.length > 0) {
        queue.shown.config = this.common(queue.apqn, gone ? mapped : usable);
        queue.settleDepth();
      }
      if (!unknown) this.queues.set(queue.apqn, queue);
    }
  }

  /** V-08. */
  private common(apqn: number, reals: readonly RealQueue[]) {
    const configs = reals.map(({ card }) => card.config);
    const types = configs.map(({ type }) => type);
    const depths = configs.map(({ depth }) => depth);
    const join = (a: number, b: number): number =>
      this.planted('functions-joined') ? a | b : a & b;
    const limits = this.planted('limit-of-first')
      ? [reals[0].limit]
      : reals.map(({ limit }) => limit);
    const limit = Math.min(VIRTUAL_LIMIT, ...limits);
    return {
      ...unknownCard(apqn >> 8),
      nd: configs[0].nd,
      type: this.planted('highest-type') ? Math.max(...types) : Math.min(...types),
      functions: configs.map(({ functions }) => functions).reduce(join) >>> 0,
      depth: this.planted('depth-of-one')
        ? depths[0]
        : Math.min(
            16,
            depths.reduce((a, b) => a + b),
          ),
      ml: limit / 4096,
    };
  }

  /** Executes an instruction of the guest; PQAP(AQIC) goes through KVM's handler to the engine. */
  run(vcpu: number, word: number): Outcome {
    for (const queue of this.queues.values()) this.virtual(queue.apqn).settleDepth();
    const outcome = this.execute(1, vcpu, word);
    if (outcome.kind !== 'intercept') return outcome;
    const i = new Instruction(this, this.guests[1], this.vcpu(1, vcpu), word);
    const ended = this.aqic(i);
    if (ended.kind === 'completed') i.vcpu.psw.cc = ended.cc;
    this.events.advance(0);
    return ended;
  }

  /** Sections 5.1 and 5.3 with the engine in the place of the machine (V-10): state, 06, 05, 07. */
  private aqic(i: Instruction): Outcome {
    const { facilities } = i.guest;
    const reserved = fieldOf(i.gr0, 41, 47) !== 0;
    if (reserved || (bitOf(i.gr0, 40) && !facilities.has(15))) return i.program(PGM.specification);
    if (!facilities.has(65)) return i.program(PGM.specification);
    const { queue } = i;
    if (queue === undefined) return refuse(i, 0x01);
    if (queue.adapter.deconfigured) return refuse(i, 0x03);
    if (queue.adapter.checkstopped) return refuse(i, 0x04);
    if (queue.resetting) return refuse(i, 0x02);
    const enable = bitOf(i.gr1, 16);
    const nib = i.gr2;
    if (enable && (nib === 0n || !i.inStorage(nib, 1))) return refuse(i, 0x06);
    if (queue.aqicPending) return refuse(i, 0x05);
    if (enable === (queue.notification !== undefined)) return refuse(i, 0x07);
    queue.aqicPending = true;
    const isc = fieldOf(i.gr1, 61, 63);
    const to = enable ? { nib: Number(nib), isc, gisc: 0, gisa: 0 } : undefined;
    this.events.after(this.machine.timing.aqicNs, 'aqic', queue, () =>
      changeNotification(this, queue, this.planted('aqic-by-real-queue') ? undefined : to),
    );
    return accept(i);
  }

  /** The message waits for the engine. */
  override accepted(queue: ModelQueue, message: Message): void {
    queue.requests.push(message);
  }

  /** Status word as TAPQ would give it, for comparison. */
  statusOf(apqn: number): number {
    const queue = this.queues.get(apqn);
    return queue === undefined ? 0x00010000 : statusWord(this, queue, 0);
  }
}

const unknownCard = (apid: number) => ({
  apid,
  type: 0,
  mode: 'loopback' as const,
  functions: 0,
  depth: 1,
  ml: 0,
  nd: 0,
  serviceNs: 0,
});
