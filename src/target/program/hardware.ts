// SPDX-License-Identifier: Apache-2.0
// Makes the hardware healthy again after a scenario: adapters, domains and mdevs become as they were at the kept moment.
// Source: docs/design.md section 10 (recovers: with healthy hardware).
import type { Machine } from '../../host/machine/machine.ts';
import { Operator } from '../../program/operator.ts';

const MATRIX = '/sys/devices/vfio_ap/matrix';

/** The assignments of an mdev, as an administrator reads them. */
const assigned = (machine: Machine, uuid: string): string =>
  JSON.stringify(machine.host.matrix.mdevs.find((mdev) => mdev.uuid === uuid)?.matrix ?? {});

/** The hardware as it is at one moment. */
export class HealthyHardware {
  readonly #machine: Machine;
  readonly #mdevs: readonly (readonly [uuid: string, matrix: string])[];
  readonly #attached: readonly string[];
  /** Value of `machine.changes` at the kept moment. Most scenarios leave the hardware as it is. */
  #changes: number;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#mdevs = machine.guests.map(({ uuid }) => [uuid, assigned(machine, uuid)]);
    this.#attached = machine.guests
      .map(({ name }) => name)
      .filter((name) => machine.isAttached(name));
    this.#changes = machine.changes;
  }

  /** Notes that the machine is at the kept moment, with healthy hardware. */
  begin(): void {
    this.#changes = this.#machine.changes;
  }

  /** Restores what has changed. Returns whether anything had. */
  restore(): boolean {
    if (this.#machine.changes === this.#changes) return false;
    const adapters = this.#adapters();
    const domains = this.#domains();
    const mdevs = this.#assignments();
    return adapters || domains || mdevs;
  }

  #adapters(): boolean {
    const { partition, config } = this.#machine;
    const operator = new Operator(this.#machine);
    let changed = false;
    for (const { apid, configured } of config.machine.adapters.values()) {
      const act = (verb: 'add-adapter' | 'recover' | 'configure' | 'deconfigure'): void => {
        operator.act(verb, [apid]);
        changed = true;
      };
      if (!partition.adapters.has(apid)) act('add-adapter');
      if (partition.isCheckstopped(apid)) act('recover');
      if (partition.isDeconfigured(apid) === configured)
        act(configured ? 'configure' : 'deconfigure');
    }
    return changed;
  }

  #domains(): boolean {
    const { image, partition, config } = this.#machine;
    const operator = new Operator(this.#machine);
    let changed = false;
    const apid = [...partition.adapters.keys()][0];
    if (apid === undefined) return false;
    for (const domain of config.machine.usageDomains) {
      if (image.queue((apid << 8) | domain) !== image.queueRecord(0)) continue;
      operator.act('add-domain', [domain]);
      changed = true;
    }
    return changed;
  }

  #assignments(): boolean {
    const machine = this.#machine;
    let changed = false;
    for (const [uuid, matrix] of this.#mdevs) {
      if (assigned(machine, uuid) === matrix) continue;
      const guest = machine.guests.find((one) => one.uuid === uuid);
      if (guest?.config.mdev === undefined) continue;
      changed = true;
      for (const apid of guest.config.mdev.adapters)
        machine.write(`${MATRIX}/${uuid}/assign_adapter`, `${apid}\n`);
      for (const apqi of guest.config.mdev.domains)
        machine.write(`${MATRIX}/${uuid}/assign_domain`, `${apqi}\n`);
    }
    for (const name of this.#attached) {
      if (machine.isAttached(name)) continue;
      machine.attach(name);
      changed = true;
    }
    return changed;
  }
}
