// SPDX-License-Identifier: Apache-2.0
// Several machines as programs see them: lines of a host name their machine, guests are where they are.
// Source: docs/design.md section 6; docs/migration.md (two hosts).

import { finish } from '../ap-bus/driving.ts';
import type { Operation } from '../ap-bus/operation.ts';
import { Cluster, type ClusterOptions } from '../cluster/cluster.ts';
import type { MigrateOptions } from '../cluster/migration.ts';
import type { ClusterConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { MachineForPrograms } from './adapter.ts';
import type { MigrateFields } from './ast.ts';
import { ClusterSteps } from './cluster-steps.ts';
import type {
  MigrateLine,
  OperationOutcome,
  ProgramCpu,
  ProgramMachine,
  ProgramPsw,
} from './program-machine.ts';

/** A cluster driven by programs. Its guests' own programs run only where a caller has started them. */
export class ClusterForPrograms implements ProgramMachine {
  readonly cluster: Cluster;
  readonly machines: ReadonlyMap<string, MachineForPrograms>;
  readonly #startNs: number;
  #steps: ClusterSteps | undefined;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    const made = [...cluster.machines].map(
      ([name, machine]) => [name, new MachineForPrograms(machine)] as const,
    );
    this.machines = new Map(made);
    this.#startNs = cluster.nowNs();
  }

  get machineNames(): readonly string[] {
    return [...this.machines.keys()];
  }

  on = (machine: string): ProgramMachine | undefined => {
    const found = this.machines.get(machine);
    return found === undefined ? undefined : new InStep(found, this.cluster);
  };

  cpu(guest: string | undefined, vcpu: number): ProgramCpu | undefined {
    if (guest === undefined || !this.cluster.guestNames.includes(guest)) return undefined;
    const cpu = (): ProgramCpu | undefined =>
      this.machines.get(this.cluster.whereIs(guest))?.cpu(guest, vcpu);
    return cpu() === undefined ? undefined : new MovingCpu(guest, this.cluster, cpu);
  }

  uuid(guest: string): string | undefined {
    return this.#anyMachine.uuid(guest);
  }

  guestNames(): readonly string[] {
    return this.cluster.guestNames;
  }

  nowNs(): number {
    return this.cluster.nowNs() - this.#startNs;
  }

  advance(ns: number): void {
    this.cluster.advance(ns);
  }

  run(): void {
    this.cluster.run();
  }

  // Lines of a host are compiled for the machine they name.
  sysfs(): OperationOutcome {
    throw new RangeError('sysfs: of which machine');
  }

  lpar(): OperationOutcome {
    throw new RangeError('lpar: of which machine');
  }

  fault(): void {
    throw new RangeError('fault: of which machine');
  }

  clearFaults(): void {
    for (const machine of this.machines.values()) machine.clearFaults();
  }

  migrate = (line: MigrateLine): OperationOutcome =>
    finish(this.migration(line), (waitNs) => this.cluster.advance(waitNs));

  /** A `migrate:` line, for a caller that drives operations itself. */
  *migration({ guest, to, options }: MigrateLine): Operation<OperationOutcome> {
    if (to === undefined) {
      const cancelled = this.cluster.cancel(guest);
      return cancelled ? { kind: 'ok', text: '' } : { kind: 'errno', name: 'ENOENT' };
    }
    try {
      const { outcome } = yield* this.cluster.migration(guest, to, optionsOf(options));
      return outcome === 'ok' ? { kind: 'ok', text: '' } : { kind: 'errno', name: outcome };
    } catch (error) {
      if (!(error instanceof ApemuError) || error.errno === undefined) throw error;
      return { kind: 'errno', name: error.errno };
    }
  }

  steps = (): ClusterSteps => {
    this.#steps ??= new ClusterSteps(this);
    return this.#steps;
  };

  close(): void {
    this.cluster.close();
  }

  get #anyMachine(): MachineForPrograms {
    const [machine] = this.machines.values();
    if (machine === undefined) throw new RangeError('a cluster without machines');
    return machine;
  }
}

/** What the fields of a line ask of a migration. */
const optionsOf = ({ chunk, downtimeNs, interruptions, wire }: MigrateFields): MigrateOptions => ({
  ...(chunk === undefined ? {} : { chunkBytes: chunk }),
  ...(downtimeNs === undefined ? {} : { downtimeNs }),
  ...(interruptions === undefined ? {} : { interruptions }),
  ...(wire === undefined ? {} : { wire: overwrites(wire.offset, Buffer.from(wire.hex, 'hex')) }),
});

/** Bytes that arrive in place of what was sent, from an offset of the stream on. */
const overwrites =
  (offset: number, other: Uint8Array) =>
  (sent: Uint8Array, at: number): Uint8Array =>
    sent.map((byte, n) => other[at + n - offset] ?? byte);

/** One machine of a cluster. After each of its lines the other machines are brought to the same time. */
class InStep implements ProgramMachine {
  readonly #machine: MachineForPrograms;
  readonly #cluster: Cluster;

  constructor(machine: MachineForPrograms, cluster: Cluster) {
    this.#machine = machine;
    this.#cluster = cluster;
  }

  cpu(guest: string | undefined, vcpu: number): ProgramCpu | undefined {
    return this.#machine.cpu(guest, vcpu);
  }

  uuid(guest: string): string | undefined {
    return this.#machine.uuid(guest);
  }

  guestNames(): readonly string[] {
    return this.#machine.guestNames();
  }

  nowNs(): number {
    return this.#machine.nowNs();
  }

  advance(ns: number): void {
    this.#cluster.advance(ns);
  }

  run(): void {
    this.#cluster.run();
  }

  sysfs(command: string): OperationOutcome {
    const outcome = this.#machine.sysfs(command);
    this.#cluster.sync();
    return outcome;
  }

  lpar(...action: Parameters<MachineForPrograms['lpar']>): OperationOutcome {
    return this.#machine.lpar(...action);
  }

  get allowGuestDamage(): boolean {
    return this.#machine.allowGuestDamage;
  }

  fault(...fault: Parameters<MachineForPrograms['fault']>): void {
    this.#machine.fault(...fault);
  }

  clearFaults(): void {
    this.#machine.clearFaults();
  }
}

/** A vCPU of a guest, wherever the guest is. */
class MovingCpu implements ProgramCpu {
  readonly #guest: string;
  readonly #cluster: Cluster;
  readonly #find: () => ProgramCpu | undefined;

  constructor(guest: string, cluster: Cluster, find: () => ProgramCpu | undefined) {
    this.#guest = guest;
    this.#cluster = cluster;
    this.#find = find;
  }

  get #cpu(): ProgramCpu {
    const cpu = this.#find();
    if (cpu === undefined) throw new RangeError(`${this.#guest} has lost a vCPU`);
    return cpu;
  }

  /** @throws ApemuError `APEMU_ERR_CLUSTER_STOPPED` while the guest is moved */
  get #running(): ProgramCpu {
    if (!this.#cluster.isStopped(this.#guest)) return this.#cpu;
    const text = `${this.#guest} executes nothing: its vCPUs are stopped for a migration`;
    throw new ApemuError('APEMU_ERR_CLUSTER_STOPPED', text);
  }

  get storage(): Uint8Array {
    return this.#cpu.storage;
  }

  wrote = (address: number, bytes: number): void => this.#cpu.wrote?.(address, bytes);

  grLow(n: number): number {
    return this.#cpu.grLow(n);
  }

  grHigh(n: number): number {
    return this.#cpu.grHigh(n);
  }

  setGr(n: number, high: number, low: number): void {
    this.#running.setGr(n, high, low);
  }

  execute(instruction: number): number {
    return this.#running.execute(instruction);
  }

  conditionCode(): number {
    return this.#cpu.conditionCode();
  }

  programInterruption(): number {
    return this.#cpu.programInterruption();
  }

  takeInterruption(): number {
    return this.#running.takeInterruption();
  }

  takeMachineCheck(): boolean {
    return this.#running.takeMachineCheck();
  }

  readPsw(): ProgramPsw {
    return this.#cpu.readPsw();
  }

  changePsw(fields: Partial<ProgramPsw>): void {
    this.#running.changePsw(fields);
  }
}

/** Fresh machines in stepped mode for one program. */
export async function openProgramCluster(
  config: ClusterConfig,
  options: ClusterOptions = {},
): Promise<ClusterForPrograms> {
  return new ClusterForPrograms(await Cluster.create(config, options));
}
