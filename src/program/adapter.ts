// SPDX-License-Identifier: Apache-2.0
// The real machine as programs see it: src/host behind the interface of src/program/program-machine.ts.
// Source: docs/design.md section 6.

import type { FaultConfig, MachineConfig } from '../config/types.ts';
import { Machine, type MachineOptions } from '../host/machine/machine.ts';
import type { LparVerb } from './lpar-verbs.ts';
import { MachineSteps } from './machine-steps.ts';
import { Operator } from './operator.ts';
import { MachineProgramCpu } from './program-cpu.ts';
import type { OperationOutcome, ProgramCpu, ProgramMachine } from './program-machine.ts';
import { SysfsCommands } from './sysfs-commands.ts';

/** A machine driven by programs. Its guests' own programs do not run; vCPUs do what the lines say. */
export class MachineForPrograms implements ProgramMachine {
  readonly machine: Machine;
  readonly #cpus = new Map<string, ProgramCpu>();
  readonly operator: Operator;
  readonly commands: SysfsCommands;
  /** Machine time at which the program began: starting the host side took some. */
  readonly #startNs: number;
  #steps: MachineSteps | undefined;

  constructor(machine: Machine) {
    machine.assertOpen();
    this.machine = machine;
    this.operator = new Operator(machine);
    this.commands = new SysfsCommands(machine);
    this.#startNs = machine.nowNs();
  }

  cpu(guest: string | undefined, vcpu: number): ProgramCpu | undefined {
    const id = `${guest ?? ''}.${vcpu}`;
    const known = this.#cpus.get(id);
    if (known !== undefined) return known;
    const found = this.#find(guest, vcpu);
    if (found === undefined) return undefined;
    const made = new MachineProgramCpu(found.cpu, this.machine.image, found.number);
    this.#cpus.set(id, made);
    return made;
  }

  #find(name: string | undefined, vcpu: number) {
    if (name === undefined)
      return vcpu === 0 ? { cpu: this.machine.hostCpu, number: 0 } : undefined;
    const guest = this.machine.guests.find((candidate) => candidate.name === name);
    return guest === undefined || vcpu >= guest.vcpus
      ? undefined
      : { cpu: guest.cpu(vcpu).cpu, number: guest.number };
  }

  uuid(guest: string): string | undefined {
    return this.machine.guests.find((candidate) => candidate.name === guest)?.uuid;
  }

  guestNames(): readonly string[] {
    return this.machine.guests.map((guest) => guest.name);
  }

  nowNs(): number {
    return this.machine.nowNs() - this.#startNs;
  }

  advance(ns: number): void {
    this.machine.advance(ns);
  }

  run(): void {
    this.machine.run();
  }

  sysfs(command: string): OperationOutcome {
    return this.commands.run(command);
  }

  lpar(verb: LparVerb, values: readonly number[]): OperationOutcome {
    return this.operator.act(verb, values);
  }

  get allowGuestDamage(): boolean {
    return this.machine.config.machine.allowGuestDamage;
  }

  /** Times in a program count from its first line, those in the machine from when its guests began. */
  fault(fault: FaultConfig): void {
    const { trigger } = fault;
    if (trigger.kind !== 'at') this.machine.fault(fault);
    else {
      const later = this.#startNs - this.machine.startNs;
      const atNs = trigger.atNs.map((ns) => ns + later);
      const shifted: FaultConfig = { ...fault, trigger: { kind: 'at', atNs } };
      this.machine.fault(shifted);
    }
  }

  steps = (): MachineSteps => {
    this.#steps ??= new MachineSteps(this.machine, this.operator, this.commands);
    return this.#steps;
  };

  clearFaults(): void {
    this.machine.clearFaults();
  }

  close(): void {
    this.machine.close();
  }
}

/** A fresh machine in stepped mode for one program. */
export async function openProgramMachine(
  config: MachineConfig,
  options: Pick<MachineOptions, 'seed' | 'onTrace' | 'onEvent' | 'onWarning'> = {},
): Promise<MachineForPrograms> {
  return new MachineForPrograms(await Machine.create(config, options));
}
