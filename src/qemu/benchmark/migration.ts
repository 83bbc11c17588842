// SPDX-License-Identifier: Apache-2.0
// Measures migrations of a guest under load: for how long its CPUs stand still, and how long it takes from then on until a request is
// answered.

import { setTimeout as nap } from 'node:timers/promises';
import type { Cluster } from '../../cluster/cluster.ts';
import { STEP_DESTINATION_RUNNING } from '../../cluster/migration.ts';
import { clusterFromObject } from '../../config/load.ts';
import type { ClusterConfig } from '../../config/types.ts';
import type { TraceRecord } from '../../trace/record.ts';
import { BOOT_MS, GuestConsole, SCRIPT_CONSOLE } from '../console.ts';
import type { GuestImage } from '../guest-image/build.ts';
import { createQemuCluster } from '../guest-machine.ts';
import { MovingGuest } from '../moving-guest.ts';
import { Poller } from '../poller.ts';
import type { ServeOptions } from '../serve.ts';

const GUEST = 'guest';
/** The load: requests all the time, in four processes. */
const LOAD = '{ rsa-test 1000000 4 mex-1024 > /dev/null 2>&1 & }';
/** Milliseconds between two moves, and between two looks for a reply. */
const BETWEEN_MOVES_MS = 200;
const REPLY_STEP_MS = 1;

/** What was measured, with a number for each move. */
export interface Moves {
  readonly downtimeMs: readonly number[];
  /** Milliseconds from the moment when the CPUs went on until the first reply, in steps of one. */
  readonly firstReplyMs: readonly number[];
}

/** @param part what each of the two machines has: `machine` of a configuration */
export async function measureMoves(
  image: GuestImage,
  part: object,
  count: number,
  options: ServeOptions,
): Promise<Moves> {
  let replies = 0;
  const onTrace = (records: readonly TraceRecord[]): void => {
    for (const { instruction, rc } of records) if (instruction === 'DQAP' && rc === 0) replies++;
  };
  const { cluster, service } = await createQemuCluster(twoMachines(part), [GUEST], { onTrace });
  const parts = {
    service: (to: string) => service(GUEST, to),
    poller: new Poller(),
    launch: { ...image, append: SCRIPT_CONSOLE },
    options,
  };
  try {
    const guest = await MovingGuest.boot(parts, 'A');
    cluster.outside.set(GUEST, guest);
    try {
      await startLoad(guest);
      const firstReplyMs: number[] = [];
      for (let move = 0; move < count; move++) {
        await nap(BETWEEN_MOVES_MS);
        const to = cluster.whereIs(GUEST) === 'A' ? 'B' : 'A';
        let wentOn = 0;
        let before = 0;
        const onStep = (step: string) => {
          if (step !== STEP_DESTINATION_RUNNING) return;
          flush(cluster);
          [wentOn, before] = [performance.now(), replies];
        };
        const first = async () => {
          while (wentOn === 0 || replies === before) {
            await nap(REPLY_STEP_MS);
            flush(cluster);
          }
          firstReplyMs.push(performance.now() - wentOn);
        };
        const how = { interruptions: 'told', onStep } as const;
        const answered = first();
        const { outcome, text } = await cluster.migrateOutside(GUEST, to, how);
        if (outcome !== 'ok') throw new Error(text);
        await answered;
      }
      return { downtimeMs: guest.downtimesMs, firstReplyMs };
    } finally {
      await guest.close();
    }
  } finally {
    cluster.close();
  }
}

const flush = ({ machines }: Cluster): void => {
  for (const machine of machines.values()) machine.flushTrace();
};

async function startLoad({ qemu: { output, input } }: MovingGuest): Promise<void> {
  if (output === null || input === null) throw new Error('the guest has no console');
  const console = new GuestConsole(output, input);
  await console.ready(BOOT_MS);
  await console.run(LOAD);
}

function twoMachines(machine: object): ClusterConfig {
  const host = { switches: { migration: 'strict' } };
  const mdev = { adapters: [5, 6], domains: [0x04, 0xab] };
  const incoming = { [GUEST]: { incoming: true, mdev: {} } };
  return clusterFromObject({
    machines: {
      A: { machine, host, guests: { [GUEST]: { mdev } } },
      B: { machine, host: { ...host, apmask: '-5,-6' }, guests: incoming },
    },
  }).config;
}
