// SPDX-License-Identifier: Apache-2.0
// Endings of QEMU: small kernels that end in every way, at any moment, with interruptions pending or not, one or two CPUs; QEMU
// killed and ended from outside. The reason that is told must be the right one, and told at once.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfigFile } from '../../dist/src/config/load.js';
import { runProgram } from '../../dist/src/qemu/guest-image/run-process.js';
import { createQemuMachine } from '../../dist/src/qemu/guest-machine.js';
import { QEMU_PROGRAM } from '../../dist/src/qemu/launch.js';
import { Poller } from '../../dist/src/qemu/poller.js';
import { bootGuest } from '../../dist/src/qemu/serve.js';
import { ENDINGS, endingKernel } from './frame/ending-kernel.js';

const CONFIG = join(import.meta.dirname, '../../examples/two-guests.yaml');
const ISC6 = 6;
const PENDING = 10;

/** What is done to a QEMU from outside, and what is told of it. */
const ATTACKERS = {
  SIGKILL: 'QEMU has ended by SIGKILL',
  SIGTERM: 'QEMU was ended by a signal',
  SIGINT: 'QEMU was ended by a signal',
};

async function boot(machine, folder, plan) {
  const kernel = join(folder, plan.guest);
  writeFileSync(kernel, endingKernel(plan.ending, plan));
  const service = machine.service(plan.guest);
  // Something is pending until it has been taken a few times: the worst moment to end in.
  let left = plan.pending ? PENDING : 0;
  service.pendingIsc = (mask) => (left > 0 && mask & (0x80000000 >>> ISC6) ? ISC6 : -1);
  service.takeInterruption = () => {
    left--;
    return (0x80000000 | (ISC6 << 27)) >>> 0;
  };
  const { cpus, reboot } = plan;
  const launch = { kernel, bare: plan.hook === 'bare', memoryMiB: 16, cpus, reboot };
  return bootGuest(service, plan.poller, launch, { hook: plan.hook });
}

export const attack = {
  tries: 'endings of QEMU guests: panics, shutdowns, resets, stopped CPUs, signals',
  quick: 10,
  missing: async () =>
    (await runProgram(QEMU_PROGRAM, ['--version'])).missing
      ? `no ${QEMU_PROGRAM} (apt-get install qemu-system-misc)`
      : undefined,
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'apemu-attack-'));
    const { config } = loadConfigFile(CONFIG);
    return {
      trial: async (random, tried) => {
        const machine = await createQemuMachine(config, ['Guest1', 'Guest2']);
        const poller = new Poller();
        const signal = random.chance(25) ? random.pick(Object.keys(ATTACKERS)) : undefined;
        const ending =
          signal === undefined ? random.pick(['panic', 'shutdown', 'stop', 'reset']) : 'endless';
        const plan = {
          guest: 'Guest1',
          ending,
          poller,
          hook: 'bare',
          pending: random.chance(60),
          enabled: random.chance(30),
          instructions: random.pick([0, 1, 20]),
          spins: 1 + random.below(2_000_000),
          cpus: 1 + random.below(2),
          reboot: ending !== 'reset' && random.chance(20),
        };
        tried(signal ?? ending);
        // Another guest goes on meanwhile.
        const other = random.chance(30)
          ? await boot(machine, folder, { ...plan, guest: 'Guest2', ending: 'endless' })
          : undefined;
        const guest = await boot(machine, folder, plan);
        try {
          if (signal !== undefined) {
            await new Promise((resolve) => setTimeout(resolve, random.below(50)));
            process.kill(guest.qemu.pid, signal);
          }
          const told = await guest.ended;
          const wanted = signal === undefined ? ENDINGS[ending].told : ATTACKERS[signal];
          const how = JSON.stringify({ ...plan, poller: undefined });
          if (told !== wanted) throw new Error(`${signal ?? ending}: told "${told}" of ${how}`);
          if (other?.attachment.state === 'ended')
            throw new Error(`the other guest ended too: ${await other.ended} of ${how}`);
        } finally {
          await guest.close();
          await other?.close();
          machine.machine.close();
        }
        const left = readdirSync('/dev/shm').filter((name) =>
          name.startsWith(`apemu-${process.pid}-`),
        );
        if (left.length > 0) throw new Error(`left behind: ${left}`);
      },
      close: () => rmSync(folder, { recursive: true, force: true }),
    };
  },
};
