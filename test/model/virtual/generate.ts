// SPDX-License-Identifier: Apache-2.0
// Random machines with virtual mdevs, and streams for them: the instructions of the other generator, named by virtual numbers, between
// what administrators and operators do.
// Source: docs/reference/vfio-ap.md section 8.3.

import type { Operation } from '../../vectors/operations.ts';
import type { MachinePreset, Outcome } from '../../vectors/under-test.ts';
import { Generator } from '../generate.ts';
import { DQAP, NQAP } from '../instruction.ts';
import { Random } from '../random.ts';
import {
  type CardConfig,
  type HostOperation,
  type Mapping,
  VIRTUAL_STORAGE_BYTES,
  type VirtualPreset,
} from './machine.ts';

/** The facility words of the other generator that agree with a mode: accelerators have A. */
const FUNCTIONS = { loopback: [0xf2800000, 0x92800000, 0x72800000], accelerator: [0xea800000] };
const REAL = [2, 3, 7, 0x10, 0x40, 0xfe];
const DOMAINS = [4, 8, 0x47];
const VIRTUAL = { adapter: [0, 4, 0xff], domain: [0, 4, 0xab] };
const HOST_CARD = 0x20;
const PASSTHROUGH_CARD = 0x21;
const CHOICES = ['least', 'least', 'sticky', 'first'] as const;
/** Operations of hosts, and beginnings of a rush, among a hundred. */
const HOST_PERCENT = 3;
const RUSH_PERCENT = 2;
const MESSAGE_AT = 0x3000n;

export type VirtualOperation =
  | Extract<Operation, { op: 'instruction' | 'write' | 'advance' }>
  | HostOperation;

function card(random: Random, apid: number, mode: CardConfig['mode']): CardConfig {
  return {
    apid,
    mode,
    type: random.pick([12, 13, 14]),
    functions: random.pick(FUNCTIONS[mode]),
    depth: random.pick([1, 2, 3, 8, 16]),
    ml: random.pick([0, 3, 3, 1, 15]),
    serviceNs: random.pick([0, 50_000, 50_000, 130_000, 1_000_000]),
    engines: random.pick([1, 1, 2, 8]),
  };
}

function mapping(random: Random, virtual: readonly number[], real: readonly number[]): Mapping {
  const some = random.some(real, 50);
  return [random.pick(virtual), some.length === 0 ? [random.pick(real)] : some];
}

/** Each virtual number at most once. */
function mappings(random: Random, virtual: readonly number[], real: readonly number[]): Mapping[] {
  return virtual.flatMap((one) => (random.chance(50) ? [mapping(random, [one], real)] : []));
}

export function randomVirtualPreset(random: Random): VirtualPreset {
  const cards = random
    .some(REAL, 60)
    .map((apid) => card(random, apid, random.chance(88) ? 'loopback' : 'accelerator'));
  if (cards.length === 0) cards.push(card(random, 3, 'loopback'));
  const apids = cards.map(({ apid }) => apid);
  const domains = [4, ...random.some(DOMAINS.slice(1), 50)];
  const owned = [HOST_CARD, PASSTHROUGH_CARD].map((apid) => card(random, apid, 'loopback'));
  const names = ['A', 'B', 'C'].slice(0, 1 + random.below(3));
  return {
    cards: [...cards, ...owned],
    domains,
    hosts: [HOST_CARD],
    passthrough: [PASSTHROUGH_CARD],
    guests: names.map((name) => ({
      name,
      facilities: [12, ...[15, 65].filter(() => random.chance(85)), 76],
      choice: random.pick(CHOICES),
      adapters: mappings(random, VIRTUAL.adapter, apids),
      domains: mappings(random, VIRTUAL.domain, domains),
    })),
    timing: {
      rapqNs: random.pick([0, 1_000_000]),
      zapqNs: random.pick([0, 1_000_000]),
      aqicNs: random.pick([0, 100_000]),
    },
  };
}

/** What the other generator has to know: virtual numbers as those of a machine, guests by number from 1. */
function shownPreset(preset: VirtualPreset): MachinePreset {
  const masks = { apm: [], aqm: [], adm: [] };
  const guest = {
    apie: true,
    facilities: [12, 15, 65, 76],
    crycb: { format: 2 as const, apcb0: masks, apcb1: masks },
    storageBytes: VIRTUAL_STORAGE_BYTES,
    vcpus: 1,
  };
  return {
    machine: {
      apInstalled: true,
      apxa: true,
      qciFlags: { S: true, C: true, R: true, B: true },
      na: 255,
      nd: 255,
      usageDomains: VIRTUAL.domain,
      controlDomains: [],
      adapters: VIRTUAL.adapter.map((apid) => ({
        apid,
        type: 14,
        mode: 'loopback',
        functions: 0,
        depth: 8,
        ml: 3,
        nd: 84,
        serviceNs: 0,
      })),
      timing: { ...preset.timing, assocNs: 0 },
      partsAllowed: true,
    },
    guests: ['host', ...preset.guests.map(({ name }) => name)].map((name) => ({ ...guest, name })),
  };
}

export class VirtualGenerator {
  readonly preset: VirtualPreset;
  private readonly random: Random;
  private readonly instructions: Generator;
  private asked: Operation | undefined;
  /** What follows without anything in between. */
  private rush: VirtualOperation[] = [];
  private readonly broken = new Set<number>();

  constructor(seed: number) {
    this.random = new Random(seed);
    this.preset = randomVirtualPreset(this.random);
    this.instructions = new Generator(seed, shownPreset(this.preset));
  }

  next(): VirtualOperation {
    this.asked = undefined;
    const planned = this.rush.shift();
    if (planned !== undefined) return planned;
    if (this.random.chance(HOST_PERCENT)) return this.host();
    if (this.random.chance(RUSH_PERCENT)) this.rush = this.nextRush();
    const operation = this.instructions.next();
    switch (operation.op) {
      case 'instruction':
        this.asked = operation;
        return { ...operation, guest: this.guestOf(operation.guest), vcpu: 0 };
      case 'write':
        return { ...operation, guest: this.guestOf(operation.guest) };
      case 'advance':
        return operation;
      default:
        return { op: 'advance', ns: 50_000 };
    }
  }

  /** Guests send faster than the cards work, then time passes in small steps: who is next, and where, shows. */
  private nextRush(): VirtualOperation[] {
    const { random, preset } = this;
    const message = (opcode: number, bits: bigint): VirtualOperation => {
      const guest = random.below(preset.guests.length);
      const { adapters, domains } = preset.guests[guest];
      const apid = adapters.length === 0 ? 0 : random.pick(adapters)[0];
      const apqi = domains.length === 0 ? 0 : random.pick(domains)[0];
      return {
        op: 'instruction',
        guest,
        vcpu: 0,
        word: opcode * 0x10000 + 0x46,
        problem: false,
        addressingMode: 64,
        gr: [
          [0, bits + BigInt(apid * 256 + apqi)],
          [2, 0n],
          [5, BigInt(random.below(100))],
          [6, MESSAGE_AT],
          [7, 8n],
        ],
      };
    };
    const times = (count: number, make: () => VirtualOperation): VirtualOperation[] =>
      Array.from({ length: count }, make);
    return [
      ...times(4 + random.below(12), () => message(NQAP, 0x40000000n)),
      ...(random.chance(20) ? [this.breakOrRepair()] : []),
      ...times(20, () =>
        random.chance(40)
          ? { op: 'advance', ns: random.pick([50_000, 130_000, 500_000]) }
          : message(DQAP, 0x80000000n),
      ),
    ];
  }

  /** Tells how the last instruction ended. */
  ended(outcome: Outcome | undefined): void {
    if (this.asked !== undefined) this.instructions.ended(this.asked, outcome);
  }

  /** The other generator's guest 0 is the host, which has no virtual queues. */
  private guestOf(guest: number): number {
    return guest === 0 ? 0 : guest - 1;
  }

  private host(): HostOperation {
    const { random, preset } = this;
    const guest = random.below(preset.guests.length);
    const axis = random.pick(['adapter', 'domain'] as const);
    const real =
      axis === 'domain' ? [...preset.domains] : preset.cards.map(({ apid }) => apid).slice(0, -2);
    if (axis === 'adapter' && random.chance(10)) real.push(...preset.hosts, ...preset.passthrough);
    const kind = random.below(100);
    if (kind < 20) {
      return { op: 'assign', guest, axis, mapping: mapping(random, VIRTUAL[axis], real) };
    }
    if (kind < 40) {
      const [virtual, some] = mapping(random, VIRTUAL[axis], real);
      const mapped: Mapping = [virtual, random.chance(30) ? [] : some];
      return { op: 'unassign', guest, axis, mapping: mapped };
    }
    if (kind < 50) return { op: 'choice', guest, choice: random.pick(CHOICES) };
    return this.breakOrRepair();
  }

  private breakOrRepair(): HostOperation {
    const { random, preset } = this;
    const [repaired] = this.broken;
    if (repaired !== undefined && random.chance(60)) {
      const op = random.pick(['configure', 'recover'] as const);
      // One of the two is the right one; a card with both needs both.
      if (random.chance(50)) this.broken.delete(repaired);
      return { op, apid: repaired };
    }
    const { apid } = random.pick(preset.cards.slice(0, -2));
    this.broken.add(apid);
    return { op: random.pick(['deconfigure', 'checkstop'] as const), apid };
  }
}
