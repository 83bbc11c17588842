// SPDX-License-Identifier: Apache-2.0
// What is known about a machine from its configuration alone.

import type { MachineConfig } from '../config/types.ts';
import type { CpuName } from '../program/ast.ts';

/** What is known about the machine without looking at it. */
export interface MachineFacts {
  readonly config: MachineConfig;
  /** The vCPUs of all guests. */
  readonly cpus: readonly CpuName[];
  /** The queues of the partition. */
  readonly queues: readonly number[];
  /** Queues of each guest's mdev that exist. */
  readonly queuesOf: ReadonlyMap<string, readonly number[]>;
  /** Adapters of no mdev: the host's own. */
  readonly hostQueues: readonly number[];
}

/** APQNs of all adapters combined with all domains. */
const product = (apids: readonly number[], apqis: readonly number[]): number[] =>
  apids.flatMap((apid) => apqis.map((apqi) => (apid << 8) | apqi));

export const factsOf = (config: MachineConfig): MachineFacts => {
  const apids = [...config.machine.adapters.keys()];
  const queues = product(apids, config.machine.usageDomains);
  const there = new Set(queues);
  const assigned = new Set(config.guests.flatMap((guest) => guest.mdev?.adapters ?? []));
  return {
    config,
    cpus: config.guests.flatMap(({ name, vcpus }) =>
      Array.from({ length: vcpus }, (_, vcpu) => ({ guest: name, vcpu })),
    ),
    queues,
    queuesOf: new Map(
      config.guests.map(({ name, mdev }) => [
        name,
        product(mdev?.adapters ?? [], mdev?.domains ?? []).filter((apqn) => there.has(apqn)),
      ]),
    ),
    hostQueues: queues.filter((apqn) => !assigned.has(apqn >>> 8)),
  };
};
