// SPDX-License-Identifier: Apache-2.0
// Device nodes in a guest through which requests can be made to one queue alone.
// Source: Linux, drivers/s390/crypto/zcrypt_api.c (class zcrypt: create, apmask, aqmask, ioctlmask).
import type { GuestConsole } from '../qemu/console.ts';

/** Name of the node of one queue. */
export const nodeName = (apqn: number): string => `zq${apqn.toString(16).padStart(4, '0')}`;

/** The devices of the guest through which requests can be made, by queue; empty if the kernel has no device nodes with masks. */
export const makeNodes = async (
  shell: GuestConsole,
  queues: readonly number[],
): Promise<Map<number, string>> => {
  const nodes = new Map<number, string>();
  const { status } = await shell.run('test -e /sys/class/zcrypt/create');
  if (status !== 0) return nodes;
  for (const apqn of queues) {
    const name = nodeName(apqn);
    const folder = `/sys/class/zcrypt/${name}`;
    const made = await shell.run(
      [
        `echo ${name} > /sys/class/zcrypt/create`,
        `echo +${apqn >>> 8} > ${folder}/apmask`,
        `echo +${apqn & 0xff} > ${folder}/aqmask`,
        `echo +5,+6,+4,+129 > ${folder}/ioctlmask`,
        `test -e /dev/${name}`,
      ].join('\n'),
    );
    if (made.status === 0) nodes.set(apqn, `/dev/${name}`);
  }
  return nodes;
};
