// SPDX-License-Identifier: Apache-2.0
// The files a guest boots from, of which a user may name any: read with bounds, and with programs of ours added.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FileKind, readBytes } from '../../config/text-file.ts';
import { MIB } from '../../units.ts';
import type { GuestImage } from './build.ts';
import { type CpioEntry, cpioArchive } from './cpio.ts';

/** With debugging information a kernel is an image of some hundred MiB. */
export const KERNEL: FileKind = {
  name: 'kernel',
  code: 'APEMU_ERR_QEMU_KERNEL',
  maxBytes: 1024 * MIB,
  maxLines: Number.POSITIVE_INFINITY,
};

export const INITRD: FileKind = { ...KERNEL, name: 'initial RAM disk' };

/**
 * The image with one file more, for as long as `folder` is there. An initramfs may consist of several archives.
 *
 * @throws ApemuError APEMU_ERR_QEMU_KERNEL if its initial RAM disk cannot be read, or is too long
 */
export const imageWith = (image: GuestImage, folder: string, entry: CpioEntry): GuestImage => {
  const initrd = join(folder, 'initrd');
  writeFileSync(initrd, Buffer.concat([readBytes(image.initrd, INITRD), cpioArchive([entry])]));
  return { kernel: image.kernel, initrd };
};
