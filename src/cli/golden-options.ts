// SPDX-License-Identifier: Apache-2.0
// Options of `apemu golden`, and the kernel they name.
// Source: docs/oracle.md.
import { existsSync } from 'node:fs';
import { configFromObject, loadConfigFile } from '../config/load.ts';
import { KERNEL_PROFILES, type KernelProfileName, type MachineConfig } from '../config/types.ts';
import { ApemuError } from '../errors.ts';
import { makeGuestImage } from '../qemu/guest-image/build.ts';
import { DEFAULT_SERIES, KERNEL_SERIES } from '../qemu/guest-image/suites.ts';
import { GOLDEN_CONFIG } from '../recorder/golden-host.ts';
import { GuestKernel } from '../recorder/guest-kernel.ts';
import { ModelKernel } from '../recorder/model-kernel.ts';
import type { RecorderKernel } from '../recorder/run.ts';
import type { CommandIo } from './io.ts';

export interface GoldenOptions {
  readonly kernel?: string;
  readonly profile?: KernelProfileName;
  readonly config?: string;
  readonly record?: boolean;
  readonly compare?: boolean;
  readonly initrd?: string;
  readonly append?: string;
  readonly seed: number;
  readonly operations: number;
  readonly kind?: readonly string[];
  readonly from?: string;
  /** Duration in nanoseconds. */
  readonly time: number;
  readonly out?: string;
  /** Whether to search; false with `--no-search`. */
  readonly search: boolean;
  readonly json?: boolean;
}

/** The partition of the command, or of the recordings that apemu has. */
export const partitionFor = ({ config: file }: GoldenOptions): MachineConfig =>
  (file === undefined ? configFromObject(GOLDEN_CONFIG) : loadConfigFile(file)).config;

/** The profile with this name; undefined if there is none. */
export const profileNamed = (name: string | undefined): KernelProfileName | undefined =>
  KERNEL_PROFILES.find((each) => each === name);

/** Does something with a kernel and ends it, whatever happens. */
export async function closing<T>(kernel: RecorderKernel, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } finally {
    await kernel.close();
  }
}

/** The kernel to record: an image file, a series of our guest images, or the model in its place. */
export async function kernelOf(
  options: GoldenOptions,
  config: MachineConfig,
  io: CommandIo,
): Promise<RecorderKernel> {
  const { kernel: name = DEFAULT_SERIES, append } = options;
  const profile = profileNamed(name);
  if (profile !== undefined)
    return new ModelKernel({ ...config, host: { ...config.host, kernel: profile, switches: {} } });
  const log = (line: string): void => io.err(`${line}\n`);
  if (KERNEL_SERIES.includes(name)) {
    const image = await makeGuestImage(name, { log });
    return new GuestKernel({ config, image, append });
  }
  if (!existsSync(name)) {
    const known = [...KERNEL_SERIES, ...KERNEL_PROFILES].join(', ');
    throw new ApemuError(
      'APEMU_ERR_GOLDEN_KERNEL',
      `--kernel: no file ${name}, and none of the names ${known}`,
    );
  }
  const initrd = options.initrd ?? (await makeGuestImage(DEFAULT_SERIES, { log })).initrd;
  return new GuestKernel({ config, image: { kernel: name, initrd }, append });
}
