// SPDX-License-Identifier: Apache-2.0
// The real core (machine image, kernel, adapters) as a CPU of guest code: the host partition of the recordings' machine, so
// that AQIC is executed and not intercepted. Resets, AQIC and replies at once, facility words and nd of the recordings.

import type { Cpu } from '../../src/guest/cpu.ts';
import { type Bench, createBench, kernelFactory } from '../exec/kernel-under-test.ts';
import type { MachinePreset, MachineUnderTest } from '../vectors/under-test.ts';

const ND = 0x55;
const DOMAINS = [0x04, 0xab];

const preset = (facilities: readonly number[], serviceNs: number): MachinePreset => ({
  machine: {
    apInstalled: true,
    apxa: true,
    qciFlags: { S: true, C: false, R: false, B: false },
    na: 255,
    nd: 255,
    usageDomains: DOMAINS,
    controlDomains: DOMAINS,
    adapters: [
      { apid: 5, functions: 0xf2000000 },
      { apid: 6, functions: 0xea000000 },
    ].map((card) => ({
      ...card,
      type: 14,
      mode: 'loopback' as const,
      depth: 8,
      ml: 3,
      nd: ND,
      serviceNs,
    })),
    timing: { rapqNs: 0, zapqNs: 0, aqicNs: 0, assocNs: 0 },
    partsAllowed: true,
  },
  guests: [
    {
      name: 'host',
      apie: true,
      facilities,
      crycb: {
        format: 2,
        apcb0: { apm: [], aqm: [], adm: [] },
        apcb1: { apm: [], aqm: [], adm: [] },
      },
      storageBytes: 0x40000,
      vcpus: 1,
    },
  ],
});

let bench: Bench | undefined;

/** CPU 0 of the host partition of a fresh machine. One machine at a time: the next one takes its memory. */
export class CoreMachine implements Cpu {
  readonly machine: MachineUnderTest;
  readonly storage: Uint8Array;
  readonly reportedStorage: Uint8Array;
  private readonly facilities: readonly number[];
  private cc = 0;
  private pgm = 0;
  private now = 0;

  private constructor(under: MachineUnderTest, facilities: readonly number[]) {
    this.machine = under;
    this.facilities = facilities;
    this.storage = under.storage(0);
    this.reportedStorage = this.storage;
  }

  static async create(facilities: readonly number[], serviceNs = 0): Promise<CoreMachine> {
    bench ??= await createBench();
    const machine = kernelFactory(bench).create(preset(facilities, serviceNs));
    return new CoreMachine(machine, facilities);
  }

  /** Moves time on, to `ns` at least by one. */
  advanceTo(ns: number): void {
    const by = Math.max(1, ns - this.now);
    this.machine.advance(by);
    this.now += by;
  }

  wroteStorage(): void {}

  grLow(n: number): number {
    return Number(this.machine.register(0, 0, n) & 0xffffffffn) | 0;
  }
  grHigh(n: number): number {
    return Number(this.machine.register(0, 0, n) >> 32n) | 0;
  }
  setGr(n: number, high: number, low: number): void {
    this.machine.setRegister(0, 0, n, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
  }
  execute(instruction: number): number {
    const outcome = this.machine.execute(0, 0, instruction >>> 0);
    if (outcome.kind === 'completed') {
      this.cc = outcome.cc;
      return 0;
    }
    if (outcome.kind === 'intercept') throw new Error('the host partition is never intercepted');
    this.pgm = outcome.code;
    return 1;
  }
  conditionCode(): number {
    return this.cc;
  }
  programInterruption(): number {
    return this.pgm;
  }
  facility(bit: number): boolean {
    return this.facilities.includes(bit);
  }
  /** No interruption is taken: the driver then reads when a timer or a request makes it. */
  takeInterruption(): number {
    return 0;
  }
  takeMachineCheck(): boolean {
    return false;
  }
  enableMachineChecks(): void {}
  nowNs(): number {
    return this.now;
  }
}
