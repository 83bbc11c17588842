// SPDX-License-Identifier: Apache-2.0
// Machines whose programs run under QEMU: KVM guests of apemu's host, or the partition's own program (`--lpar`), where the kernel in QEMU
// is the host. They are like other machines, but with registers, storage and delivery of interruptions outside, and with the computer's
// time.
// Source: docs/design.md sections 3 and 4, row qemu; docs/reference/ap-architecture.md 1.6, AD-17, AD-33 (AQIC of a host).

import { Cluster } from '../cluster/cluster.ts';
import type { ClusterConfig, MachineConfig } from '../config/types.ts';
import { Machine } from '../host/machine/machine.ts';
import { PartitionMachine, type PartitionOptions } from '../host/machine/partition-machine.ts';
import type { MachineWatch } from '../trace/machine-event.ts';
import { ExternalRouter } from './external.ts';
import { MachineService } from './machine-service.ts';
import { WallClock, WallClocks } from './wall-clock.ts';

/** A machine with guests under QEMU. */
export interface QemuMachine {
  readonly machine: Machine;
  /** The AP facility of a guest. Each can be connected once. */
  service(guest: string): MachineService;
}

/** Several machines with guests under QEMU. */
export interface QemuCluster {
  readonly cluster: Cluster;
  /** The AP facility of a guest on one of the machines. */
  service(guest: string, machine: string): MachineService;
}

/** A partition and its only program. */
export interface LparMachine {
  readonly machine: PartitionMachine;
  /** The partition as a QEMU guest. It can be connected once. */
  readonly service: MachineService;
}

/** Name by which the partition itself is served. */
export const PARTITION = 'partition';

/**
 * Builds a machine.
 *
 * @param guests names of the guests that run under QEMU; the others stay idle
 * @param watch is given a record of each AP instruction that they execute, and what happens besides
 * @param models wraps the card models
 */
export async function createQemuMachine(
  config: MachineConfig,
  guests: readonly string[],
  watch: MachineWatch = {},
  models?: PartitionOptions['models'],
): Promise<QemuMachine> {
  const router = new ExternalRouter();
  const machine = await Machine.create(config, {
    external: (name) => guests.includes(name),
    storage: router,
    ...watch,
    ...(models === undefined ? {} : { models }),
  });
  router.image = machine.image;
  const clock = new WallClock(machine);
  return {
    machine,
    service: (name) =>
      new MachineService(machine, router, clock, { name, number: machine.guest(name).number }),
  };
}

/**
 * Builds several machines with one time.
 *
 * @param guests as for createQemuMachine, on whichever machine they are
 * @param watch the same, for all machines
 */
export async function createQemuCluster(
  config: ClusterConfig,
  guests: readonly string[],
  watch: MachineWatch = {},
): Promise<QemuCluster> {
  const routers = new Map<string, ExternalRouter>();
  const cluster = await Cluster.create(config, (name) => {
    const router = new ExternalRouter();
    routers.set(name, router);
    return { external: (guest) => guests.includes(guest), storage: router, ...watch };
  });
  const clock = new WallClocks([...cluster.machines.values()]);
  const services = new Map<string, MachineService>();
  for (const [name, router] of routers) {
    const machine = cluster.machine(name);
    router.image = machine.image;
    for (const guest of guests) {
      const program = { name: guest, number: machine.guest(guest).number };
      services.set(`${name} ${guest}`, new MachineService(machine, router, clock, program));
    }
  }
  return {
    cluster,
    service: (guest, machine) => {
      const service = services.get(`${machine} ${guest}`);
      if (service === undefined) throw new RangeError(`no guest ${guest} on machine ${machine}`);
      return service;
    },
  };
}

/**
 * Builds a partition from a configuration's `machine` part and its faults; hosts, mdevs and guests in it are ignored.
 *
 * @param watch as for createQemuMachine
 */
export async function createLparMachine(
  config: MachineConfig,
  watch: MachineWatch = {},
): Promise<LparMachine> {
  const router = new ExternalRouter();
  const machine = await PartitionMachine.createPartition(config, {
    storage: router,
    ...watch,
  });
  router.image = machine.image;
  const program = { name: PARTITION, number: 0 };
  return { machine, service: new MachineService(machine, router, new WallClock(machine), program) };
}
