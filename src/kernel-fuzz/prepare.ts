// SPDX-License-Identifier: Apache-2.0
// What is done in a guest once, before its moment: drivers, device nodes, settings; and what of it is asked once.
import { ApemuError } from '../errors.ts';
import { MATRIX } from '../host-operations/scene.ts';
import type { GuestConsole } from '../qemu/console.ts';
import { makeNodes } from './nodes.ts';
import { slabNames } from './slabs.ts';

export interface PreparedKernel {
  /** Device nodes of one queue each, by APQN. */
  readonly nodes: ReadonlyMap<number, string>;
  /** Caches whose objects it counts. */
  readonly slabs: readonly string[];
  /** As `uname -r` says. */
  readonly release: string;
}

const SETTINGS =
  'echo 5 > /sys/bus/ap/config_time; echo 30 > /proc/sys/kernel/hung_task_timeout_secs';
const VFIO_AP = `test -e ${MATRIX} || { modprobe vfio_ap; test -e ${MATRIX}; }`;

/**
 * Prepares the guest behind a shell.
 * @param isHost it must have vfio_ap
 * @throws ApemuError APEMU_ERR_USAGE_KERNEL for a kernel without vfio_ap that is to be a host
 */
export const prepareKernel = async (
  shell: GuestConsole,
  queues: readonly number[],
  isHost: boolean,
): Promise<PreparedKernel> => {
  const release = (await shell.run('uname -r')).output.trim();
  if (isHost && (await shell.run(VFIO_AP)).status !== 0)
    throw new ApemuError(
      'APEMU_ERR_USAGE_KERNEL',
      `Linux ${release} has no vfio_ap, so it can be no host (expected one built with CONFIG_VFIO_AP, as the recipe of docs/oracle.md makes it)`,
    );
  const nodes = await makeNodes(shell, queues);
  const slabs = await slabNames(shell);
  await shell.run(SETTINGS);
  return { nodes, slabs, release };
};
