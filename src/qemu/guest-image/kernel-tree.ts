// SPDX-License-Identifier: Apache-2.0
// A kernel of the user's own in a guest image: from the folder it was built in, or one that it was installed into.

import { readdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { ApemuError } from '../../errors.ts';
import { type ModuleSource, modulesBelow } from './modules.ts';
import { matching } from './paths.ts';

/** Where a built tree, a package and an installation have the kernel image. */
export const KERNEL_PLACES: readonly string[] = [
  'arch/s390/boot/bzImage',
  'boot/vmlinuz-*',
  'usr/lib/modules/*/vmlinuz',
  'lib/modules/*/vmlinuz',
];

/** A kernel and its modules. */
export interface KernelTree {
  readonly kernel: string;
  readonly modules: ModuleSource;
}

/**
 * Looks at a kernel tree.
 *
 * @throws ApemuError APEMU_ERR_GUEST_IMAGE_TREE for what is no folder, or has no kernel for s390x in it
 */
export function openKernelTree(folder: string): KernelTree {
  const root = resolve(folder);
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw treeError(`--kernel-tree: there is no folder ${folder}`);
  const [kernel] = KERNEL_PLACES.flatMap((place) => matching(root, place));
  if (kernel === undefined) throw treeError(noKernel(folder, root));
  return { kernel, modules: modulesBelow(root, `the kernel tree ${folder}`) };
}

function noKernel(folder: string, root: string): string {
  const others = matching(root, 'arch/*/boot/bzImage');
  const other = others.length === 0 ? '' : `, only one for another machine (${others[0]})`;
  const source = readdirSync(root).includes('Kbuild');
  const help = source
    ? 'build it: make ARCH=s390 CROSS_COMPILE=s390x-linux-gnu- bzImage modules'
    : `expected ${KERNEL_PLACES.join(', ')}`;
  return `--kernel-tree: ${folder} has no kernel image for s390x${other} (${help})`;
}

const treeError = (message: string): ApemuError =>
  new ApemuError('APEMU_ERR_GUEST_IMAGE_TREE', message);
