// SPDX-License-Identifier: Apache-2.0
// The host's own (zcrypt) drivers: which adapters they take, and the files they add.
// Source: docs/reference/vfio-ap.md sections 1.1, 3.3 and 3.4 (zcrypt_cex4.c, zcrypt_card.c, zcrypt_queue.c).
import { GR2_A, GR2_D, GR2_X } from '../../native-like/arch/registers.ts';
import type { ApBus } from './bus.ts';
import type { ApCard, ApDevice, ApDriver, ApQueue } from './device.ts';
import type { Outcome } from './errno.ts';
import { zcryptCardFiles } from './zcrypt-card-files.ts';
import { zcryptQueueFiles } from './zcrypt-queue-files.ts';

/** Facility bits that tell the mode of an adapter. If none is on, no default driver takes the adapter. */
const ANY_MODE = GR2_D | GR2_A | GR2_X;

/** Whether the kernel gets random numbers from this queue: it does from CCA coprocessors. */
const givesRandom = ({ card: { info } }: ApQueue): boolean =>
  (info.functions & GR2_D) !== 0 && (info.functions & GR2_A) === 0;

/** The default drivers and the adapter types they take. */
const FAMILIES: readonly { readonly name: string; readonly types: readonly number[] }[] = [
  { name: 'cex4', types: [10, 11, 12, 13, 14] },
  { name: 'cex2a', types: [6, 8] },
  { name: 'cex2c', types: [7, 9] },
];

function cardDriver(bus: ApBus, name: string, types: readonly number[]): ApDriver {
  return {
    name,
    isDefault: true,
    matches: (device: ApDevice) => device.kind === 'card' && types.includes(device.type),
    probe: (device: ApDevice): Outcome => {
      const card = device as ApCard;
      if ((card.info.functions & ANY_MODE) === 0) return 'ENODEV';
      card.zcrypt = { online: true, load: 0, order: bus.takeOrder() };
      return 'ok';
    },
    remove: (device: ApDevice) => {
      (device as ApCard).zcrypt = null;
      return undefined;
    },
    cardFiles: zcryptCardFiles(bus),
  };
}

function queueDriver(bus: ApBus, name: string, types: readonly number[]): ApDriver {
  return {
    name,
    isDefault: true,
    matches: (device: ApDevice) => device.kind === 'queue' && types.includes(device.type),
    probe: (device: ApDevice): Outcome => {
      const queue = device as ApQueue;
      if ((queue.card.info.functions & ANY_MODE) === 0) return 'ENODEV';
      // zcrypt_queue_register: a queue can only be bound if its card has a driver.
      if (queue.card.zcrypt === null) return 'EINVAL';
      // Starts the state machine, and polls once more when the queue gets its reply buffer (ap_queue_init_reply).
      bus.queueStates.init(queue);
      bus.queueStates.poll(queue);
      queue.zcrypt = { online: true, load: 0, order: bus.takeOrder() };
      if (givesRandom(queue)) bus.requests.random.register();
      return 'ok';
    },
    remove: (device: ApDevice) => {
      const queue = device as ApQueue;
      queue.zcrypt = null;
      if (givesRandom(queue)) bus.requests.random.unregister();
      return undefined;
    },
    queueFiles: zcryptQueueFiles(bus),
  };
}

/** Registers the default drivers that this kernel has. */
export function registerDefaultDrivers(bus: ApBus): void {
  for (const { name, types } of FAMILIES) {
    if (types.every((type) => type < bus.switches.oldestCardType)) continue;
    bus.registerDriver(cardDriver(bus, `${name}card`, types));
    bus.registerDriver(queueDriver(bus, `${name}queue`, types));
  }
}
