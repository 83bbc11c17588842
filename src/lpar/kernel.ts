// SPDX-License-Identifier: Apache-2.0
// Loads kernel instances: one instance of the built module for each machine and thread.
// Source: docs/design.md section 3, docs/reference/performance.md section 4 rule 1.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Kernel } from '../../native-like/exec/kernel.ts';
import {
  type ExternalStorage,
  type KernelBinding,
  offerBinding,
} from '../../native-like/exec/registry.ts';
import { createCopy } from '../../native-like/machine/globals.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import { ApemuError } from '../errors.ts';

export type { Kernel };

/** What a kernel instance is given besides the machine's memory. */
export interface KernelOptions {
  /** Number of the executing thread, 0 for the host. */
  readonly thread?: number;
  readonly external?: ExternalStorage;
  readonly stuck?: KernelBinding['stuck'];
  readonly targetDomain?: KernelBinding['targetDomain'];
  readonly requestFunction?: KernelBinding['requestFunction'];
  /** Path of another kernel than the built one: mutation tests load broken kernels. */
  readonly file?: string;
}

let instances = 0;

/** Environment variable that chooses the build of the kernel. */
const VARIANT = 'APEMU_KERNEL';

/**
 * Path of the kernel that the environment variable asks for: as the sources have it with `APEMU_KERNEL=plain`, else in its fastest form.
 */
const builtKernel = (): string => {
  const variant = process.env[VARIANT];
  if (variant === undefined || variant === '') return '#kernel';
  if (variant === 'plain') return '#kernel-plain';
  throw new ApemuError(
    'APEMU_ERR_KERNEL_VARIANT',
    `${VARIANT} is "${variant}" (expected "plain", or nothing)`,
  );
};

/** Path of the built kernel. Throws ApemuError when the project has not been built. */
export const kernelFile = (): string => {
  const name = builtKernel();
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch (cause) {
    throw new ApemuError(
      'APEMU_ERR_KERNEL_MISSING',
      `the kernel (${name}) is missing: run \`npm run build\``,
      { cause },
    );
  }
};

/** The last load that was started. A module takes the binding that is offered while it is evaluated, so loads must follow one another. */
let lastLoad: Promise<unknown> = Promise.resolve();

/**
 * Loads a kernel instance for this machine. JavaScript never frees module instances, so machines that follow each other in the same
 * memory should use the same one.
 */
export const loadKernel = (image: MachineImage, options: KernelOptions = {}): Promise<Kernel> => {
  const load = lastLoad.then(() => instantiate(image, options));
  lastLoad = load.catch(() => {});
  return load;
};

const instantiate = async (image: MachineImage, options: KernelOptions): Promise<Kernel> => {
  const url = pathToFileURL(options.file ?? kernelFile());
  url.searchParams.set('instance', String(++instances));
  offerBinding({
    memory: image.memory,
    copy: createCopy(image.memory),
    thread: options.thread ?? 0,
    external: options.external,
    stuck: options.stuck,
    targetDomain: options.targetDomain,
    requestFunction: options.requestFunction,
  });
  const loaded = (await import(/* @vite-ignore */ url.href)) as { kernel: Kernel };
  return loaded.kernel;
};
