// SPDX-License-Identifier: Apache-2.0
// The generator: a random machine and an endless stream of operations from one seed.
// Source: ap-architecture.md sections 1 to 3; rules of bias in values.ts.

import type { Operation } from '../vectors/operations.ts';
import type { Fault, MachinePreset, Outcome } from '../vectors/under-test.ts';
import { DQAP, NQAP, PQAP } from './instruction.ts';
import { APIDS, APQIS, randomMasks, randomPreset, STORAGE_BYTES } from './presets.ts';
import { Random } from './random.ts';
import { randomScene } from './scenes.ts';
import {
  aqicControl,
  ccaRequest,
  dqapGr0,
  nibAddress,
  nqapGr0,
  pqapGr0,
  randomAddress,
  randomLength,
  withJunk,
} from './values.ts';

type InstructionOperation = Extract<Operation, { op: 'instruction' }>;
type Registers = [number, bigint][];

/** Weights of the kinds of instructions. */
const INSTRUCTIONS: readonly (readonly [number, string])[] = [
  [24, 'nqap'],
  [22, 'dqap'],
  [14, 'tapq'],
  [7, 'reset'],
  [9, 'aqic'],
  [4, 'qci'],
  [3, 'qact'],
  [8, 'bind'],
  [2, 'undefined'],
];

/** Weights of all operations that are not instructions. */
const OTHERS: readonly (readonly [number, string])[] = [
  [40, 'advance'],
  [14, 'write'],
  [6, 'masks'],
  [6, 'configuration'],
  [6, 'busy'],
  [10, 'fault'],
];

const INJECTABLE = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x10, 0x11, 0x13, 0x15, 0x16,
  0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x42, 0x7f, 0xff,
];
const FAULT_AT = [
  'tapq',
  'rapq',
  'zapq',
  'aqic',
  'qact',
  'bapq',
  'aapq',
  'nqap',
  'dqap',
  'any',
] as const;

export class Generator {
  readonly preset: MachinePreset;
  private readonly random: Random;
  /** The queue that most instructions of a stream name, so that something builds up. */
  private focus: number;
  private last: { operation: InstructionOperation; outcome: Outcome } | undefined;
  /** Operations of a short scene that follow without others in between. */
  private scene: Operation[] = [];
  /** What repairs the adapters that are in standby or checkstop. */
  private readonly broken = new Set<string>();

  /** `preset`: instead of a random machine. */
  constructor(seed: number, preset?: MachinePreset) {
    this.random = new Random(seed);
    this.preset = preset ?? randomPreset(this.random);
    this.focus = this.existing();
  }

  next(): Operation {
    const planned = this.scene.shift();
    if (planned !== undefined) return planned;
    if (this.random.chance(2)) {
      const { apqn, operations } = randomScene(this.random, this.preset);
      this.scene = operations;
      this.focus = apqn ?? this.focus;
    }
    if (this.random.chance(1)) this.focus = this.existing();
    if (this.broken.size > 0 && this.random.chance(15)) return this.repair();
    if (this.random.chance(80)) return this.instruction();
    return this.other();
  }

  /** Tells the generator how an instruction ended, so that it can go on with parts. */
  ended(operation: Operation, outcome: Outcome | undefined): void {
    if (operation.op === 'instruction' && outcome !== undefined) this.last = { operation, outcome };
  }

  private weighted(table: readonly (readonly [number, string])[]): string {
    let left = this.random.below(table.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, name] of table) {
      if (left < weight) return name;
      left -= weight;
    }
    return table[0][1];
  }

  private existing(): number {
    const { adapters, usageDomains } = this.preset.machine;
    return this.random.pick(adapters).apid * 256 + this.random.pick(usageDomains);
  }

  private apqn(): number {
    if (this.random.chance(70)) return this.focus;
    if (this.random.chance(60)) return this.existing();
    return this.random.pick(APIDS.wide) * 256 + this.random.pick(APQIS.wide);
  }

  private instruction(): Operation {
    const { random, last } = this;
    const again = last?.outcome.kind === 'completed' && [1, 2].includes(last.outcome.cc);
    if (last !== undefined && again && random.chance(75)) return this.goOn(last.operation);
    const guest = random.chance(35) ? 0 : random.below(this.preset.guests.length);
    const mode = random.chance(90) ? 64 : random.pick([24, 31] as const);
    const kind = this.weighted(INSTRUCTIONS);
    const [word, gr] = this.operands(kind, mode);
    return {
      op: 'instruction',
      guest,
      vcpu: random.below(this.preset.guests[guest].vcpus),
      word,
      problem: random.chance(2),
      addressingMode: mode,
      gr,
    };
  }

  /** The next execution after CC 1 or 2: registers as left, or buffer and GR2 anew as Linux does it. */
  private goOn(operation: InstructionOperation): Operation {
    const isDqap = operation.word >>> 16 === DQAP;
    const fresh = isDqap ? this.random.chance(60) : this.random.chance(30);
    if (!fresh) return { ...operation, gr: [] };
    const r2 = operation.word & 15;
    const length = isDqap
      ? BigInt(this.random.pick([1, 8, 64, 300, 4096]))
      : randomLength(this.random);
    const gr: Registers = [
      [r2, randomAddress(this.random, length)],
      [r2 + 1, length],
    ];
    if (isDqap) gr.push([2, 0n]);
    else if (this.random.chance(60)) gr.push([0, nqapGr0(this.random, this.focus)]);
    return { ...operation, gr: r2 < 4 ? [] : gr };
  }

  private operands(kind: string, mode: 24 | 31 | 64): [number, Registers] {
    const { random } = this;
    const apqn = this.apqn();
    const gr: Registers = random.chance(50)
      ? [
          [1, random.register()],
          [2, random.register()],
        ]
      : [];
    const pqap = (fc: number): [number, Registers] => [
      this.pqapWord(),
      [[0, pqapGr0(random, fc, apqn)], ...gr],
    ];
    switch (kind) {
      case 'nqap':
        return this.message(NQAP, nqapGr0(random, apqn), mode);
      case 'dqap':
        return this.message(DQAP, dqapGr0(random, apqn), mode);
      case 'tapq':
        return pqap(0);
      case 'reset':
        return pqap(random.pick([1, 2]));
      case 'aqic':
        gr.push([1, aqicControl(random)], [2, withJunk(random, nibAddress(random), mode)]);
        return pqap(3);
      case 'qci': {
        const address = randomAddress(random, 128n) & (random.chance(90) ? ~7n : ~0n);
        gr.push([2, withJunk(random, BigInt.asUintN(64, address), mode)]);
        return pqap(4);
      }
      case 'qact':
        gr.push([
          1,
          (random.register() & (7n << 58n)) | BigInt(random.pick([0, 10, 14, 15]) * 0x1000000),
        ]);
        return pqap(5);
      case 'bind':
        gr.push([2, BigInt(random.pick([0, 1, 7, 0xffff, 0x10001]))]);
        return pqap(random.pick([7, 8, 8]));
      default:
        if (random.chance(5)) return [random.pick([0x0000_0000, 0xb2b0_0000, 0xe300_0000]), gr];
        return pqap(random.pick([6, 9, 42, 255]));
    }
  }

  private pqapWord(): number {
    const fields = this.random.chance(10) ? this.random.below(0x10000) : 0;
    return PQAP * 0x10000 + fields;
  }

  private message(opcode: number, gr0: bigint, mode: 24 | 31 | 64): [number, Registers] {
    const { random } = this;
    let [r1, r2] = random.chance(90) ? [4, 6] : [2 * random.below(8), 2 * random.below(8)];
    if (random.chance(2)) r1 |= 1;
    if (random.chance(2)) r2 |= 1;
    const length = randomLength(random);
    const gr: Registers = [
      [1, random.register()],
      [2, random.chance(70) ? 0n : random.register()],
    ];
    const psmid = BigInt(random.pick([0, 1, 2, 2, 2, 0xffffffff]));
    gr.push([r1, withJunk(random, psmid, random.pick([64, 31]))]);
    gr.push([(r1 + 1) & 15, BigInt(random.pick([1, 1, 1, 3]))]);
    gr.push([r2, withJunk(random, randomAddress(random, length) & ((1n << 64n) - 1n), mode)]);
    gr.push([(r2 + 1) & 15, withJunk(random, length, mode)]);
    gr.push([0, gr0]);
    return [opcode * 0x10000 + r1 * 16 + r2, gr];
  }

  private other(): Operation {
    const { random, preset } = this;
    switch (this.weighted(OTHERS)) {
      case 'write':
        return this.write();
      case 'masks':
        if (preset.guests.length < 2 || random.chance(50)) return this.write();
        return {
          op: 'masks',
          guest: 1 + random.below(preset.guests.length - 1),
          apcb: random.pick([0, 1]),
          masks: randomMasks(random),
        };
      case 'configuration':
        return this.breakAdapter();
      case 'busy':
        return { op: 'busy', apqn: this.focus, ns: random.pick([100_000, 2_000_000]) };
      case 'fault':
        return { op: 'fault', fault: this.fault() };
      default:
        return { op: 'advance', ns: random.pick([1_000, 50_000, 100_000, 1_000_000, 5_000_000]) };
    }
  }

  private write(): Operation {
    const { random, preset } = this;
    const guest = random.below(preset.guests.length);
    if (random.chance(40)) {
      const bytes = ccaRequest(random.pick([...APQIS.wide, 1, 0xffff]));
      return { op: 'write', guest, address: 0x2000 + 8 * random.below(0x600), bytes };
    }
    const length = random.pick([8, 64, 1024]);
    const bytes = Uint8Array.from({ length }, () => random.below(256));
    const address = 0x2000 + random.below(STORAGE_BYTES - 0x2000 - length);
    return { op: 'write', guest, address, bytes };
  }

  private breakAdapter(): Operation {
    const apid = this.random.chance(80) ? this.focus >> 8 : this.random.pick(APIDS.wide);
    const op = this.random.pick(['deconfigure', 'checkstop'] as const);
    this.broken.add(`${op === 'deconfigure' ? 'configure' : 'recover'} ${apid}`);
    return { op, apid };
  }

  private repair(): Operation {
    const [key] = this.broken;
    this.broken.delete(key);
    const [op, apid] = key.split(' ');
    return { op: op as 'configure' | 'recover', apid: Number(apid) };
  }

  private fault(): Fault {
    const { random } = this;
    const where = random.pick([
      { apqn: this.focus },
      { guest: random.below(this.preset.guests.length) },
      {},
    ]);
    const what = random.chance(15) ? ({ cc: 2 } as const) : { rc: random.pick(INJECTABLE) };
    return { ...where, ...what, on: random.pick(FAULT_AT), count: 1 + random.below(2) };
  }
}
