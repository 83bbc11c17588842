// SPDX-License-Identifier: Apache-2.0
// `apemu fuzz CONFIG --kernel --queue URL`: guests on other machines. The coordinator has one too, to know what there is and to see findings again.
// Source: docs/campaigns.md.
import { digestOf, type Facts } from '../campaign/queue/manifest.ts';
import type { QueueCarrier } from '../campaign/queue/queue-carrier.ts';
import { readBytes } from '../config/text-file.ts';
import type { KernelCarrier } from '../kernel-fuzz/kernel-carrier.ts';
import type { KernelTargetOptions } from '../kernel-fuzz/kernel-target.ts';
import { INITRD, KERNEL } from '../qemu/guest-image/boot-files.ts';
import { qemuVersion } from '../qemu/plugin/build.ts';
import type { FuzzOptions } from './fuzz-options.ts';
import { openQueue } from './fuzz-queue.ts';
import type { CommandIo } from './io.ts';

/** How often a finding of another machine is tried here, since processes do not run in the same order each time. */
const CONFIRM_TRIES = 3;

interface KernelCampaign {
  readonly config: string;
  readonly base: KernelTargetOptions;
  readonly driver: string;
  readonly guests: KernelCarrier;
  readonly identity: string;
}

/** Facts that the configuration, the kernel and its QEMU add to those of a campaign. */
export const kernelFacts = async (
  config: string,
  { image, append, moment, cover, more, host }: KernelTargetOptions,
): Promise<Facts> => ({
  configuration: digestOf(config),
  kernel: digestOf(readBytes(image.kernel, KERNEL)),
  initrd: digestOf(readBytes(image.initrd, INITRD)),
  append: append ?? '',
  'is a host': host === true ? 'yes' : 'no',
  qemu: await qemuVersion(),
  'way back': moment.path === undefined ? 'portable' : 'in place',
  coverage: cover.path === undefined ? 'none' : `blocks ${more?.source ?? ''}`,
});

/** Becomes the coordinator; `guests` are closed with it. @throws ApemuError as `openQueue` */
export const kernelQueue = async (
  url: string,
  { config, base, driver, guests, identity }: KernelCampaign,
  options: FuzzOptions,
  io: CommandIo,
): Promise<QueueCarrier> => {
  try {
    const facts = await kernelFacts(config, base);
    const campaign = { driver, witness: guests, tries: CONFIRM_TRIES, identity };
    return await openQueue(url, { kind: 'kernel', facts, ...campaign }, options, io);
  } catch (error) {
    await guests.close();
    throw error;
  }
};
