// SPDX-License-Identifier: Apache-2.0
// The documentation's two guests side by side under stock Linux: each one's `lszcrypt -V`.

import type { MachineConfig } from '../config/types.ts';
import { BOOT_MS, GuestConsole, SCRIPT_CONSOLE } from './console.ts';
import type { GuestImage } from './guest-image/build.ts';
import { createQemuMachine } from './guest-machine.ts';
import { Poller } from './poller.ts';
import { bootGuest, type ServeOptions } from './serve.ts';

/**
 * Boots every guest of the configuration at the same time, runs `lszcrypt -V` in each and ends them.
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
      names.map(async (name) => {
        const launch = { ...image, cpus: machine.guest(name).vcpus, append: SCRIPT_CONSOLE };
        const guest = await bootGuest(service(name), poller, launch, options);
        try {
          const console = new GuestConsole(guest.qemu!.output!, guest.qemu!.input!);
          await console.ready(BOOT_MS);
          return (await console.run('lszcrypt -V')).output;
        } finally {
          await guest.close();
        }
      }),
    );
    return new Map(names.map((name, index) => [name, outputs[index]]));
  } finally {
    machine.close();
  }
}

/** The demonstration as text: a heading line for each guest, then its table. */
export function formatDemo(outputs: ReadonlyMap<string, string>): string {
  return [...outputs].map(([name, text]) => `${name}: lszcrypt -V\n${text}`).join('\n');
}
