// SPDX-License-Identifier: Apache-2.0
// Loads kernel instances: one built module instance for each machine and thread.
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
  readonly targetDomain?: KernelBinding['targetDomain'];
  readonly requestFunction?: KernelBinding['requestFunction'];
  /** Another file than the built kernel: mutation tests load broken ones. */
  readonly file?: string;
}

let instances = 0;

/** Environment variable that chooses the build of the kernel. */
const VARIANT = 'APEMU_KERNEL';

/** The kernel as the sources have it, when `APEMU_KERNEL=plain` asks for it, else in the form that is fastest. */
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

/** The last load: a module takes the binding that is offered while it is evaluated, so they come one after the other. */
let lastLoad: Promise<unknown> = Promise.resolve();

/**
 * A kernel instance for this machine. Module instances are never freed by JavaScript: reuse one where machines follow each
 * other in the same memory.
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
    targetDomain: options.targetDomain,
    requestFunction: options.requestFunction,
  });
  const loaded = (await import(/* @vite-ignore */ url.href)) as { kernel: Kernel };
  return loaded.kernel;
};
