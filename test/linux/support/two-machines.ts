// SPDX-License-Identifier: Apache-2.0
// Two machines and a stock kernel that migrates between them.
import type { Cluster } from '../../../src/cluster/cluster.ts';
import type { MigrateOptions, MigrationReport } from '../../../src/cluster/migration.ts';
import { clusterFromObject } from '../../../src/config/load.ts';
import type { LaunchOptions } from '../../../src/qemu/arguments.ts';
import { GuestConsole, SCRIPT_CONSOLE } from '../../../src/qemu/console.ts';
import type { GuestImage } from '../../../src/qemu/guest-image/build.ts';
import { createQemuCluster } from '../../../src/qemu/guest-machine.ts';
import { MovingGuest } from '../../../src/qemu/moving-guest.ts';
import { Poller } from '../../../src/qemu/poller.ts';
import type { TraceRecord } from '../../../src/trace/record.ts';
import { BOOT_MS } from './guest.ts';

/** Long enough that messages are in the queues whenever the guest is stopped. */
const SERVICE = { service: { model: 'fixed', time: '2ms' } };
const MACHINE = {
  adapters: {
    5: { type: 'CEX8', mode: 'cca', ...SERVICE },
    6: { type: 'CEX8', mode: 'accelerator', ...SERVICE },
  },
  usageDomains: [4, 0x47],
  controlDomains: [4, 0x47],
};
const SWITCHES = { migration: 'strict' };

/** Guest1 runs on A and may come to B. */
export const TWO_MACHINES = {
  apemu: 1,
  machines: {
    A: {
      machine: MACHINE,
      host: { switches: SWITCHES },
      guests: { Guest1: { vcpus: 1, mdev: { adapters: [5, 6], domains: [4, 0x47] } } },
    },
    B: {
      machine: MACHINE,
      host: { apmask: '-5,-6', switches: SWITCHES },
      guests: { Guest1: { incoming: true, mdev: {} } },
    },
  },
};

/** What was executed for the guest, wherever it was. */
export class Books {
  /** Messages that queues have taken, and replies the guest has got. */
  accepted = 0;
  delivered = 0;

  readonly take = (records: readonly TraceRecord[]): void => {
    for (const { instruction, rc, cc } of records) {
      if (rc !== 0 || cc !== 0) continue;
      if (instruction === 'NQAP') this.accepted++;
      if (instruction === 'DQAP') this.delivered++;
    }
  };
}

/** Guest1 under QEMU. */
export interface MovingLinux {
  readonly cluster: Cluster;
  readonly guest: MovingGuest;
  readonly console: GuestConsole;
  /** What was executed until now. */
  books(): Books;
  /** To the other machine. */
  migrate(options?: MigrateOptions): Promise<MigrationReport>;
  /** Runs a command, expects status 0 and gives its output. */
  sh(command: string, timeoutMs?: number): Promise<string>;
  close(): Promise<void>;
}

/** Boots the guest on machine A; init reads commands when this returns. */
export async function bootMoving(
  image: GuestImage,
  options: Partial<LaunchOptions> = {},
): Promise<MovingLinux> {
  const books = new Books();
  const { config } = clusterFromObject(TWO_MACHINES);
  const watch = { onTrace: books.take };
  const { cluster, service } = await createQemuCluster(config, ['Guest1'], watch);
  const launch = { ...image, append: SCRIPT_CONSOLE, ...options };
  const parts = {
    service: (machine: string) => service('Guest1', machine),
    poller: new Poller(),
    launch,
    options: {},
  };
  const guest = await MovingGuest.boot(parts, 'A');
  cluster.outside.set('Guest1', guest);
  const console = new GuestConsole(guest.qemu.output!, guest.qemu.input!);
  const close = async () => {
    await guest.close();
    cluster.close();
  };
  try {
    await console.ready(BOOT_MS);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    cluster,
    guest,
    console,
    books() {
      for (const machine of cluster.machines.values()) machine.flushTrace();
      return books;
    },
    migrate: (how = {}) =>
      cluster.migrateOutside('Guest1', cluster.whereIs('Guest1') === 'A' ? 'B' : 'A', how),
    async sh(command, timeoutMs) {
      const { status, output } = await console.run(command, timeoutMs);
      if (status !== 0) throw new Error(`${command}: status ${status}\n${output}`);
      return output;
    },
    close,
  };
}
