// SPDX-License-Identifier: Apache-2.0
// The reference machine of virtual mdevs: cards that guests share, what the administrator maps, and time.
// Source: docs/reference/vfio-ap.md V-02, V-04, V-11, V-13, V-14; decision VD-52.

import type { GuestConfig, MachineConfig, Outcome } from '../../vectors/under-test.ts';
import { Events } from '../events.ts';
import type { VirtualDefect } from './defects.ts';
import { type Card, Engine, RealQueue } from './engine.ts';
import { type Axis, type AxisMap, type Choice, GuestView } from './guest-view.ts';

export interface CardConfig {
  readonly apid: number;
  readonly mode: 'loopback' | 'accelerator';
  readonly type: number;
  readonly functions: number;
  readonly depth: number;
  readonly ml: number;
  /** 0: at once, whatever the engines. */
  readonly serviceNs: number;
  readonly engines: number;
}

/** Virtual number and the real ones behind it. */
export type Mapping = readonly [virtual: number, real: readonly number[]];

export interface VirtualPreset {
  readonly cards: readonly CardConfig[];
  readonly domains: readonly number[];
  /** Adapters that belong to the host. */
  readonly hosts: readonly number[];
  /** Adapters of the passthrough mdev, with all domains. */
  readonly passthrough: readonly number[];
  readonly guests: readonly {
    readonly name: string;
    readonly facilities: readonly number[];
    readonly choice: Choice;
    readonly adapters: readonly Mapping[];
    readonly domains: readonly Mapping[];
  }[];
  readonly timing: { readonly rapqNs: number; readonly zapqNs: number; readonly aqicNs: number };
}

export type HostOperation =
  | {
      readonly op: 'assign';
      readonly guest: number;
      readonly axis: Axis;
      readonly mapping: Mapping;
    }
  | {
      readonly op: 'unassign';
      readonly guest: number;
      readonly axis: Axis;
      readonly mapping: Mapping;
    }
  | { readonly op: 'choice'; readonly guest: number; readonly choice: Choice }
  | {
      readonly op: 'deconfigure' | 'configure' | 'checkstop' | 'recover';
      readonly apid: number;
    };

/** What the machine shows of itself that is not a rule of virtual mdevs: QCI flags and maxima, the number of domains in TAPQ. */
export interface Partition {
  readonly qciFlags: MachineConfig['qciFlags'];
  readonly na: number;
  readonly nd: number;
  readonly tapqNd: number;
}

export const VIRTUAL_STORAGE_BYTES = 0x11000;
const NOBODY = { apm: [], aqm: [], adm: [] };

const cardOf = (config: CardConfig, nd: number): Card => ({
  config: { ...config, mode: 'loopback', nd },
  engines: config.serviceNs === 0 ? Number.POSITIVE_INFINITY : config.engines,
  accelerator: config.mode === 'accelerator',
  engineFree: Array.from({ length: config.engines }, () => 0),
  deconfigured: false,
  checkstopped: false,
});

const axisMap = (mappings: readonly Mapping[]): AxisMap =>
  new Map(mappings.map(([virtual, real]) => [virtual, new Set(real)]));

export class VirtualModel {
  readonly views: readonly GuestView[];
  private readonly events = new Events();
  private readonly engine: Engine;
  private readonly preset: VirtualPreset;
  private readonly reals = new Map<number, RealQueue>();
  private readonly defects: ReadonlySet<VirtualDefect>;

  constructor(preset: VirtualPreset, partition: Partition, defects: readonly VirtualDefect[] = []) {
    this.preset = preset;
    this.defects = new Set(defects);
    const defect = (name: VirtualDefect): boolean => this.defects.has(name);
    for (const config of preset.cards) {
      const card = cardOf(config, partition.tapqNd);
      for (const apqi of preset.domains)
        this.reals.set(config.apid * 256 + apqi, new RealQueue(config.apid * 256 + apqi, card));
    }
    const limit = Math.max(...[...this.reals.values()].map((real) => real.limit));
    const machine: Omit<MachineConfig, 'usageDomains' | 'controlDomains'> = {
      apInstalled: true,
      apxa: true,
      qciFlags: partition.qciFlags,
      na: partition.na,
      nd: partition.nd,
      adapters: [],
      timing: { ...preset.timing, assocNs: 0 },
      partsAllowed: true,
    };
    this.views = preset.guests.map(({ name, facilities, choice }) => {
      const guest: GuestConfig = {
        name,
        apie: true,
        facilities,
        crycb: { format: 2, apcb0: NOBODY, apcb1: NOBODY },
        storageBytes: VIRTUAL_STORAGE_BYTES,
        vcpus: 1,
      };
      const { events } = this;
      const real = (apqn: number): RealQueue | undefined => this.reals.get(apqn);
      const view = new GuestView({ machine, guest, events, real, defect });
      view.largestLimit = Math.max(view.largestLimit, limit);
      view.choice = choice;
      return view;
    });
    this.engine = new Engine(this.events, this.views, defect);
    preset.guests.forEach(({ adapters, domains }, n) => {
      this.views[n].remap({ adapter: axisMap(adapters), domain: axisMap(domains) });
    });
  }

  /** Executes one instruction of a guest, by number from 0, and lets the engine do its work. */
  execute(guest: number, word: number): Outcome {
    const outcome = this.views[guest].run(0, word);
    const reset = this.defects.has('reset-keeps-nothing-of-others') && outcome.kind === 'completed';
    const fc = Number((this.views[guest].vcpu(1, 0).gr[0] >> 24n) & 0xffn);
    if (reset && word >>> 16 === 0xb2af && (fc === 1 || fc === 2))
      for (const view of this.views) for (const queue of view.queues.values()) queue.requests = [];
    this.engine.move();
    return outcome;
  }

  /** Moves time; at each moment at which something is due the engine moves everything that it can. */
  advance(ns: number): void {
    const end = this.events.now + ns;
    for (let due = this.events.nextDue; due <= end; due = this.events.nextDue) {
      this.events.advance(due - this.events.now);
      this.engine.move();
    }
    this.events.advance(end - this.events.now);
  }

  /** What the administrator or operator does; the errno or `ok`. `tookNs`: time the operation needed after its effect. */
  host(operation: HostOperation, tookNs: number): string {
    const outcome = this.apply(operation);
    this.engine.move();
    this.advance(tookNs);
    for (const real of this.reals.values())
      if (!this.views.some((view) => this.isBehind(view, real))) this.engine.forget(real);
    return outcome;
  }

  private apply(operation: HostOperation): string {
    switch (operation.op) {
      case 'assign':
      case 'unassign':
        return this.changeMap(operation);
      case 'choice':
        this.views[operation.guest].choice = operation.choice;
        return 'ok';
      default:
        this.changeCard(operation.op, operation.apid);
        return 'ok';
    }
  }

  /** V-04. */
  private changeMap({
    op,
    guest,
    axis,
    mapping: [virtual, real],
  }: Extract<HostOperation, { op: 'assign' | 'unassign' }>): string {
    const view = this.views[guest];
    const before = new Map(view.map[axis]);
    const there = this.defects.has('replaces-map') ? [] : (before.get(virtual) ?? []);
    const gone = new Set(real);
    const numbers =
      op === 'assign'
        ? [...there, ...real]
        : [...there].filter((n) => real.length > 0 && !gone.has(n));
    if (numbers.length === 0) before.delete(virtual);
    else before.set(virtual, new Set(numbers));
    const map = { ...view.map, [axis]: before };
    const outcome = op === 'assign' ? this.refusal(view, map) : 'ok';
    if (outcome === 'ok' && !this.defects.has('old-map')) view.remap(map);
    return outcome;
  }

  private refusal(view: GuestView, map: GuestView['map']): string {
    const numbers = (axis: Axis): number[] => [...map[axis].values()].flatMap((set) => [...set]);
    const adapters = numbers('domain').length > 0 ? numbers('adapter') : [];
    if (adapters.some((apid) => this.preset.hosts.includes(apid))) return 'EADDRNOTAVAIL';
    if (adapters.some((apid) => this.preset.passthrough.includes(apid))) return 'EADDRINUSE';
    const shared = this.views.some(
      (other) => other !== view && adapters.some((apid) => this.adaptersOf(other).has(apid)),
    );
    return shared && this.defects.has('shared-refused') ? 'EADDRINUSE' : 'ok';
  }

  private adaptersOf(view: GuestView): Set<number> {
    return new Set([...view.map.adapter.values()].flatMap((set) => [...set]));
  }

  private isBehind(view: GuestView, { apqn, apqi }: RealQueue): boolean {
    const has = (map: AxisMap, n: number): boolean => [...map.values()].some((set) => set.has(n));
    return has(view.map.adapter, apqn >> 8) && has(view.map.domain, apqi);
  }

  private changeCard(op: 'deconfigure' | 'configure' | 'checkstop' | 'recover', apid: number) {
    const reals = [...this.reals.values()].filter(({ apqn }) => apqn >> 8 === apid);
    const { card } = reals[0];
    if (op === 'deconfigure' || op === 'configure') card.deconfigured = op === 'deconfigure';
    else card.checkstopped = op === 'checkstop';
    for (const view of this.views) view.look();
    if (op === 'deconfigure' || op === 'checkstop') this.engine.lose(reals);
  }

  /** The file `map` of a guest's mdev (V-13). */
  mapText(guest: number): string {
    const { map } = this.views[guest];
    const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');
    const name = (apid: number, apqi: number): string => `${hex(apid, 2)}.${hex(apqi, 4)}`;
    const sorted = (numbers: Iterable<number>): number[] => [...numbers].sort((a, b) => a - b);
    return sorted(map.adapter.keys())
      .flatMap((apid) =>
        sorted(map.domain.keys()).map((apqi) => {
          const real = sorted(map.adapter.get(apid)!).flatMap((a) =>
            sorted(map.domain.get(apqi)!).map((d) => name(a, d)),
          );
          return `${name(apid, apqi)}: ${real.join(' ')}\n`;
        }),
      )
      .join('');
  }

  /** Messages on each real queue: what V-05 has decided. */
  load(): string {
    return [...this.reals.values()].map(({ sent }) => sent.length).join(' ');
  }
}
