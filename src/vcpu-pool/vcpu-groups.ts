// SPDX-License-Identifier: Apache-2.0
// Which vCPUs of a configuration run, and which of them share a thread.
// Source: docs/design.md section 4.

import type { GuestConfig, MachineConfig } from '../config/types.ts';
import { programArgs } from '../host/machine/guest-program.ts';
import type { VcpuTask } from './task.ts';

/** vCPUs that must run on the same thread: all of a guest, unless the guest is spread. */
export const groupsOf = (config: MachineConfig): VcpuTask[][] => {
  const groups: VcpuTask[][] = [];
  config.guests.forEach((guest, index) => {
    const tasks = tasksOf(config, guest, index + 1);
    if (guest.spread) groups.push(...tasks.map((task) => [task]));
    else if (tasks.length > 0) groups.push(tasks);
  });
  return groups;
};

/**
 * The vCPUs of a guest that run: vCPU 0 with the configured program, and the others too if the program's argument `everyVcpu` says so.
 * The rest stay stopped, since a stopped vCPU takes no interruption away from the one that waits for it.
 */
const tasksOf = (config: MachineConfig, guest: GuestConfig, number: number): VcpuTask[] => {
  const { program } = guest;
  if (program === undefined) return [];
  const running = guest.args['everyVcpu'] === true ? guest.vcpus : 1;
  const args = programArgs(config, guest);
  return Array.from({ length: running }, (_, vcpu) => ({
    guestName: guest.name,
    guest: number,
    vcpu,
    program,
    args: { ...args, vcpu, vcpus: running },
  }));
};
