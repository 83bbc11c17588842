// SPDX-License-Identifier: Apache-2.0
// Connects the host side to a machine: the kernel executes its instructions, and its links and interrupts are words of the image.
// Source: docs/design.md sections 1 and 2 (the image holds what AQIC needs).

import type { MachineImage } from '../../../native-like/machine/image.ts';
import { C_MDEV, K_HOST_RESET, K_MDEV } from '../../../native-like/machine/layout.ts';
import { permits } from '../../../native-like/machine/mask-test.ts';
import type { Operation } from '../../ap-bus/operation.ts';
import type { MachineConfig } from '../../config/types.ts';
import type { Partition } from '../../lpar/partition.ts';
import { createHostSide, type HostSide } from '../../sysfs/host-side.ts';
import type { AqicHandler } from '../../vfio-ap/aqic.ts';
import type { QueueInterrupts, QueueLinks } from '../../vfio-ap/ports.ts';
import { HOST_RESET_RUNNING } from '../../vfio-ap/queue-steps.ts';
import { GuestQueues } from '../../vfio-ap/virtual/guest-queues.ts';
import type { GuestHandle } from '../api/guest-handle.ts';
import type { ExecutionContext } from '../context/execution-context.ts';
import { profileOf, switchesFor } from './compose.ts';
import { HostInstructions } from './host-instructions.ts';
import type { Stepper } from './stepper.ts';

/** The parts of a machine its host side is connected to. */
export interface HostWiring {
  readonly config: MachineConfig;
  readonly partition: Partition;
  readonly stepper: Stepper;
  readonly context: ExecutionContext;
  readonly seed: number;
  readonly guests: readonly GuestHandle[];
  /** Runs a change while a guest's vCPUs (undefined: all vCPUs) are out of interpretive execution. */
  readonly exclusive: (guest: number | undefined, change: () => void) => void;
  /** Is told before and after each instruction of the host. */
  readonly step: (what: string) => void;
}

/** Creates the host side of a machine. It is empty until the machine boots. */
export const wireHostSide = (wiring: HostWiring): HostSide => {
  const { config, partition, context } = wiring;
  const { service } = context;
  const serve = (apqn: number): void => {
    if (service.wanted) service.serveApqn(apqn);
  };
  return createHostSide({
    partition: new HostInstructions({
      partition,
      facilities: profileOf(config).facilities,
      execute: (vcpu, word) => context.executeHost(vcpu, word),
      served: serve,
      alone: (apqn, run) => runAlone(wiring, apqn, run),
    }),
    timers: wiring.stepper.timers,
    profile: config.host.kernel,
    switches: switchesFor(config),
    interrupts: interruptsOf(partition.image, context.aqic),
    links: linksOf(partition.image),
    virtualQueues: new GuestQueues({
      image: partition.image,
      kernel: partition.kernel,
      engine: context.engine,
      seed: wiring.seed,
      exclusive: wiring.exclusive,
      takeRecord: () => partition.records.take(),
      giveRecord: (q) => partition.records.give(q),
      guestOf: (kvm) => wiring.guests.find((guest) => guest.vm === kvm)?.number,
    }),
  });
};

/** Runs an instruction of the host while the guest that owns the queue is out of interpretive execution. */
const runAlone = (wiring: HostWiring, apqn: number, instruction: () => void): void => {
  const { image } = wiring.partition;
  const owner = wiring.guests.find((guest) => reaches(image, guest.number, apqn));
  wiring.step('before an instruction of the host');
  if (owner === undefined) instruction();
  else wiring.exclusive(owner.number, instruction);
  wiring.step('after an instruction of the host');
};

/** Whether the APQN is in a guest's effective masks. */
export const reaches = (image: MachineImage, guest: number, apqn: number): boolean =>
  permits(image, image.masks(guest), apqn);

const interruptsOf = (image: MachineImage, aqic: AqicHandler): QueueInterrupts => ({
  freeResources: (apqn) => aqic.freeResources(image.queue(apqn)),
  *disable(apqn): Operation<void> {
    for (const waitNs of aqic.disable(image.queue(apqn))) yield { waitNs };
  },
  nibPage: (apqn) => aqic.nibPage(image.queue(apqn)),
});

const linksOf = (image: MachineImage): QueueLinks => {
  const setLink = (apqn: number, mdev: number): void => {
    image.i32[image.cold(image.queue(apqn)) + K_MDEV] = mdev;
  };
  return {
    link: setLink,
    unlink: (apqn) => setLink(apqn, 0),
    resetting: (apqn, on) => setResetting(image, apqn, on),
    guest: (mdev, attached) => setAttached(image, mdev, attached),
  };
};

const setResetting = (image: MachineImage, apqn: number, on: boolean): void => {
  const q = image.queue(apqn);
  if (q === image.queueRecord(0)) return;
  if (on) Atomics.or(image.i32, image.cold(q) + K_HOST_RESET, HOST_RESET_RUNNING);
  else Atomics.and(image.i32, image.cold(q) + K_HOST_RESET, ~HOST_RESET_RUNNING);
};

const setAttached = (image: MachineImage, mdev: number, attached: boolean): void => {
  const index = image.word(C_MDEV) + (mdev >>> 5);
  const bit = 0x80000000 >>> (mdev & 31);
  image.i32[index] = attached ? image.word(index) | bit : image.word(index) & ~bit;
};
