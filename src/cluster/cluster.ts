// SPDX-License-Identifier: Apache-2.0
// Several machines with one time, and the guests that migrate between them.
// Source: docs/migration.md (two hosts); docs/reference/migration.md.

import { finish } from '../ap-bus/driving.ts';
import type { Operation } from '../ap-bus/operation.ts';
import type { ClusterConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import type { GuestHandle } from '../host/api/guest-handle.ts';
import { Machine, type MachineOptions } from '../host/machine/machine.ts';
import { didNotCome, outstanding } from '../host/machine/outstanding.ts';
import { type Time, timeNs } from '../host/machine/times.ts';
import type { GuestPlace } from './guest-state.ts';
import { type Ending, type MigrateOptions, Migration, type MigrationReport } from './migration.ts';

/** Options of the machines: the same for all, or by their names. */
export type ClusterOptions = MachineOptions | ((machine: string) => MachineOptions);

/** A guest whose CPUs and storage are not in the machine, so that something else has to move them. */
export interface OutsideGuest {
  /**
   * Called at each step of the migration to machine `to`. The migration goes on when this resolves, and fails if it rejects before the
   * guest has gone.
   */
  reached(step: string, to: string): Promise<void>;
  /** It has ended: the guest has gone, or stays where it was. */
  concluded(gone: boolean): Promise<void>;
}

export class Cluster {
  /** Guests that run elsewhere, by name. */
  readonly outside = new Map<string, OutsideGuest>();
  readonly config: ClusterConfig;
  /** The machines by name, in the order of the configuration. */
  readonly machines: ReadonlyMap<string, Machine>;
  /** Name of the machine each guest runs on, by the guest's name. */
  readonly #homes = new Map<string, string>();
  readonly #migrations = new Map<string, Migration>();

  private constructor(config: ClusterConfig, machines: ReadonlyMap<string, Machine>) {
    this.config = config;
    this.machines = machines;
    for (const [name, machine] of machines)
      for (const guest of machine.guests)
        if (!guest.config.incoming) this.#homes.set(guest.name, name);
    this.sync();
  }

  /** Creates all machines, as `Machine.create` does each. */
  static async create(config: ClusterConfig, options: ClusterOptions = {}): Promise<Cluster> {
    const machines = new Map<string, Machine>();
    const optionsOf = typeof options === 'function' ? options : () => options;
    try {
      for (const [name, machine] of config.machines)
        machines.set(name, await Machine.create(machine, optionsOf(name)));
      return new Cluster(config, machines);
    } catch (error) {
      for (const machine of machines.values()) machine.close();
      throw error;
    }
  }

  /** A machine by name. @throws ApemuError `APEMU_ERR_CLUSTER_MACHINE` */
  machine(name: string): Machine {
    const machine = this.machines.get(name);
    if (machine !== undefined) return machine;
    const names = [...this.machines.keys()].join(', ');
    throw new ApemuError(
      'APEMU_ERR_CLUSTER_MACHINE',
      `there is no machine ${name} (expected one of ${names})`,
    );
  }

  /** Name of the machine a guest is on. @throws ApemuError `APEMU_ERR_MACHINE_GUEST` */
  whereIs(guest: string): string {
    const home = this.#homes.get(guest);
    if (home !== undefined) return home;
    const names = [...this.#homes.keys()].join(', ');
    throw new ApemuError(
      'APEMU_ERR_MACHINE_GUEST',
      `there is no guest ${guest} (expected one of ${names})`,
    );
  }

  /** A guest where it is now; after a migration the handle is another one. */
  guest(name: string): GuestHandle {
    return this.place(name).guest;
  }

  /** A guest and its machine. */
  place(guest: string, machine = this.whereIs(guest)): GuestPlace {
    const found = this.machine(machine);
    return { machine: found, guest: found.guest(guest) };
  }

  get guestNames(): readonly string[] {
    return [...this.#homes.keys()];
  }

  /** Whether the guest's vCPUs are stopped: it is being moved. */
  isStopped(guest: string): boolean {
    return this.#migrations.get(guest)?.stopped ?? false;
  }

  nowNs(): number {
    return Math.max(...[...this.machines.values()].map((machine) => machine.nowNs()));
  }

  /** Lets virtual time pass on all machines; guest programs run when `withPrograms`. */
  advance(time: Time, withPrograms = false): void {
    const end = this.nowNs() + timeNs(time, 'advance');
    for (const machine of this.machines.values())
      machine.stepper.advance(Math.max(0, end - machine.nowNs()), withPrograms);
  }

  /** Machines that are behind the others catch up. */
  sync(): void {
    this.advance(0);
  }

  /** Lets time pass until nothing one-off is outstanding on any machine. */
  run(): void {
    for (const machine of this.machines.values()) machine.run();
    this.sync();
  }

  /**
   * Lets time pass, with guest programs, until `condition` holds; it is asked whenever something has happened.
   *
   * @throws ApemuError `APEMU_ERR_MACHINE_UNTIL` with what was outstanding after `limit`
   */
  runUntil(condition: () => boolean, limit: Time = 1_000_000_000): void {
    const limitNs = timeNs(limit, 'runUntil');
    const end = this.nowNs() + limitNs;
    while (!condition()) {
      const now = this.nowNs();
      if (now >= end) {
        const left = [...this.machines].flatMap(([name, machine]) =>
          outstanding(machine.image, machine.stepper).map((line) => `${name}: ${line}`),
        );
        throw didNotCome(limitNs, left);
      }
      const next = Math.min(
        ...[...this.machines.values()].map(({ stepper }) => stepper.upcomingNs()),
      );
      this.advance(Math.min(Math.max(0, next - now), end - now), true);
    }
  }

  /**
   * Moves a guest to another machine, as libvirt and QEMU do: the destination opens its mdev, vCPUs are stopped, the stream is read and
   * written, state moves, vCPUs go on there, and the source closes its device. If this fails, the guest goes on where it was.
   *
   * @throws ApemuError `APEMU_ERR_CLUSTER_…` for a request that cannot be begun: an unknown machine, a guest that is there already
   */
  migrate(guest: string, to: string, options: MigrateOptions = {}): MigrationReport {
    return finish(this.migration(guest, to, options), (waitNs) => this.advance(waitNs));
  }

  /**
   * As `migrate`, but lets others in at each step (`between`) and moves what runs outside along with the guest. If that fails, the
   * migration fails.
   *
   * @throws what fails outside after the guest has gone; the guest is lost then
   */
  async migrateOutside(
    guest: string,
    to: string,
    options: MigrateOptions,
    between: () => Promise<void> | undefined = () => undefined,
  ): Promise<MigrationReport> {
    const outside = this.outside.get(guest);
    const migration = this.migration(guest, to, options);
    let lost: Error | undefined;
    const failed = (error: Error): void => {
      const text = `error: operation failed: ${error.message}`;
      if (!this.cancel(guest, { errno: 'EIO', text })) lost = error;
    };
    // What could not be asked at all throws here, and concludes nothing.
    let next = migration.next();
    try {
      while (next.done !== true) {
        const { waitNs, step } = next.value;
        this.advance(waitNs, true);
        if (step !== undefined) await outside?.reached(step, to).catch(failed);
        await between();
        next = migration.next();
      }
      if (lost !== undefined) throw lost;
      return next.value;
    } finally {
      await outside?.concluded(this.whereIs(guest) === to);
    }
  }

  /** As `migrate`, for a caller that drives operations itself. Each part of it is a step. */
  *migration(guest: string, to: string, options: MigrateOptions = {}): Operation<MigrationReport> {
    const from = this.whereIs(guest);
    if (this.#migrations.has(guest)) {
      throw new ApemuError('APEMU_ERR_CLUSTER_BUSY', `${guest} is being migrated`, {
        errno: 'EBUSY',
      });
    }
    this.machine(to);
    if (from === to) {
      throw new ApemuError('APEMU_ERR_CLUSTER_THERE', `${guest} is on machine ${to} already`, {
        errno: 'EEXIST',
      });
    }
    const places = { from: this.place(guest, from), to: this.place(guest, to) };
    const migration = new Migration(guest, { from, to }, places, () => this.nowNs(), options);
    this.#migrations.set(guest, migration);
    try {
      return yield* migration.run(() => this.#homes.set(guest, to));
    } finally {
      this.#migrations.delete(guest);
    }
  }

  /** Ends a migration at its next step, by default with ECANCELED. Returns false if there is none, or if it is too late. */
  cancel(guest: string, ending?: Ending): boolean {
    return this.#migrations.get(guest)?.cancel(ending) ?? false;
  }

  /** Ends all machines. */
  close(): void {
    for (const machine of this.machines.values()) machine.close();
  }
}
