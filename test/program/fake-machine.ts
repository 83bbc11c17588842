// SPDX-License-Identifier: Apache-2.0
// A scripted machine: registers and storage are real, what an instruction does is a function the test gives.

import type { FaultConfig } from '../../src/config/types.ts';
import type {
  OperationOutcome,
  ProgramCpu,
  ProgramMachine,
  ProgramPsw,
} from '../../src/program/program-machine.ts';

/** What an instruction does: changes registers and says cc, or a program interruption code. */
export type Behaviour = (cpu: FakeCpu, word: number) => { cc?: number; pgm?: number };

export class FakeCpu implements ProgramCpu {
  readonly gr = new Int32Array(32);
  readonly storage = new Uint8Array(65536);
  behaviour: Behaviour;
  executed: number[] = [];
  interruptions: number[] = [];
  #cc = 0;
  #pgm = 0;
  psw: ProgramPsw = {
    p: false,
    am: 64,
    io: true,
    mck: false,
    key: 0,
    dat: false,
    cc: 0,
    iaHigh: 0,
    iaLow: 0,
    loadsNewPsw: false,
    cr6: 0xff000000 | 0,
  };

  constructor(behaviour: Behaviour) {
    this.behaviour = behaviour;
  }
  grLow(n: number): number {
    return this.gr[2 * n + 1];
  }
  grHigh(n: number): number {
    return this.gr[2 * n];
  }
  setGr(n: number, high: number, low: number): void {
    this.gr[2 * n] = high;
    this.gr[2 * n + 1] = low;
  }
  execute(word: number): number {
    this.executed.push(word >>> 0);
    const { cc = 0, pgm = 0 } = this.behaviour(this, word);
    if (pgm === 0) this.#cc = cc;
    this.#pgm = pgm;
    return pgm === 0 ? 0 : 1;
  }
  conditionCode(): number {
    return this.#cc;
  }
  programInterruption(): number {
    return this.#pgm;
  }
  takeInterruption(): number {
    return this.interruptions.shift() ?? 0;
  }
  takeMachineCheck(): boolean {
    return false;
  }
  readPsw(): ProgramPsw {
    return { ...this.psw };
  }
  changePsw(fields: Partial<ProgramPsw>): void {
    Object.assign(this.psw, fields);
  }
}

export class FakeMachine implements ProgramMachine {
  readonly cpus = new Map<string, FakeCpu>();
  readonly log: string[] = [];
  readonly faults: FaultConfig[] = [];
  answers = new Map<string, OperationOutcome>();
  #now = 0;

  constructor(
    behaviour: Behaviour = () => ({}),
    guests: Readonly<Record<string, number>> = { Guest1: 2, Guest2: 1 },
  ) {
    this.cpus.set('host.0', new FakeCpu(behaviour));
    for (const [name, vcpus] of Object.entries(guests)) {
      for (let n = 0; n < vcpus; n++) this.cpus.set(`${name}.${n}`, new FakeCpu(behaviour));
    }
  }
  cpu(guest: string | undefined, vcpu: number): FakeCpu | undefined {
    return this.cpus.get(`${guest ?? 'host'}.${vcpu}`);
  }
  guestNames(): string[] {
    const names = [...this.cpus.keys()].map((name) => name.split('.')[0]);
    return [...new Set(names)].filter((name) => name !== 'host');
  }
  uuid(guest: string): string | undefined {
    const number = this.guestNames().indexOf(guest) + 1;
    return number === 0 ? undefined : `00000000-0000-4000-8000-00000000000${number}`;
  }
  nowNs(): number {
    return this.#now;
  }
  advance(ns: number): void {
    this.#now += ns;
  }
  run(): void {
    this.log.push('run');
    this.#now += 1_000_000;
  }
  sysfs(command: string): OperationOutcome {
    this.log.push(`sysfs ${command}`);
    return this.answers.get(command) ?? { kind: 'ok', text: '' };
  }
  lpar(verb: string, values: readonly number[]): OperationOutcome {
    this.log.push(`lpar ${[verb, ...values].join(' ')}`);
    return this.answers.get(verb) ?? { kind: 'ok', text: '' };
  }
  fault(fault: FaultConfig): void {
    this.faults.push(fault);
  }
  clearFaults(): void {
    this.faults.length = 0;
  }
}
