// SPDX-License-Identifier: Apache-2.0
// Guests with stock Linux side by side: shows the `lszcrypt -V` of each, and what the host counts if guests share its cards.

import type { GuestConfig, MachineConfig } from '../config/types.ts';
import type { Machine } from '../host/machine/machine.ts';
import { lszcrypt } from '../sysfs/lszcrypt.ts';
import { BOOT_MS, GuestConsole, SCRIPT_CONSOLE } from './console.ts';
import type { GuestImage } from './guest-image/build.ts';
import { createQemuMachine } from './guest-machine.ts';
import { Poller } from './poller.ts';
import { bootGuest, type ServeOptions } from './serve.ts';

/** Number of RSA requests of the first guest that shares cards. The second guest sends twice as many, and so on. */
const SHARED_REQUESTS = 100;
/** Name of the host's table. */
const HOST = 'host';

/** The commands of a guest. If cards are shared, it first sends requests of its own. */
const scriptOf = ({ virtualMdev }: GuestConfig, index: number): string => {
  const requests = SHARED_REQUESTS * (index + 1);
  return virtualMdev === undefined ? 'lszcrypt -V' : `rsa-test ${requests} 1 mex-1024; lszcrypt -V`;
};

/** The host's own table, if it counts requests of guests. */
const hostTable = (machine: Machine): string => lszcrypt(machine.sysfs, ['-V']).stdout;

/**
 * Boots every guest of the configuration at the same time, runs `lszcrypt -V` in each, and ends them. Guests with a virtual mdev send RSA
 * requests first, and then `lszcrypt -V` of the host follows.
 *
 * @returns output by guest name, in the order of the configuration
 */
export async function runDemo(
  config: MachineConfig,
  image: GuestImage,
  options: ServeOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const names = config.guests.map((guest) => guest.name);
  const { machine, service } = await createQemuMachine(config, names);
  const poller = new Poller();
  try {
    const outputs = await Promise.all(
      config.guests.map(async (guestConfig, index) => {
        const { name } = guestConfig;
        const launch = { ...image, cpus: machine.guest(name).vcpus, append: SCRIPT_CONSOLE };
        const guest = await bootGuest(service(name), poller, launch, options);
        try {
          const console = new GuestConsole(guest.qemu!.output!, guest.qemu!.input!);
          await console.ready(BOOT_MS);
          return (await console.run(scriptOf(guestConfig, index))).output;
        } finally {
          await guest.close();
        }
      }),
    );
    const shared = config.guests.some(({ virtualMdev }) => virtualMdev !== undefined);
    const host = shared ? [[HOST, hostTable(machine)] as const] : [];
    return new Map([...names.map((name, index) => [name, outputs[index]] as const), ...host]);
  } finally {
    machine.close();
  }
}

/** The demonstration as text: a heading line for each guest, then its table. */
export function formatDemo(outputs: ReadonlyMap<string, string>): string {
  return [...outputs].map(([name, text]) => `${name}: lszcrypt -V\n${text}`).join('\n');
}
