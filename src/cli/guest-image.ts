// SPDX-License-Identifier: Apache-2.0
// `apemu guest-image [KERNEL]`: fetches packages and makes a small s390x Linux for `apemu qemu`, with modules, packages and a kernel
// of the user's if he wants.
// Source: docs/reference/qemu-attach.md (packages, initramfs).

import type { Command } from 'commander';
import { type GuestImage, makeGuestImage } from '../qemu/guest-image/build.ts';
import { type ImageContents, moduleNames, packageNames } from '../qemu/guest-image/request.ts';
import { DEFAULT_SERIES, KERNEL_SERIES } from '../qemu/guest-image/suites.ts';
import type { AddCommand } from './add-command.ts';
import { type CommandIo, EXIT_OK } from './io.ts';

interface GuestImageOptions extends ImageContents {
  readonly again?: boolean;
  readonly json?: boolean;
}

export const addGuestImage: AddCommand = (program, io, done) => {
  program
    .command('guest-image')
    .description('make a small s390x Linux to boot with apemu qemu')
    .argument(
      '[kernel]',
      `kernel series (${KERNEL_SERIES.join(', ')}, or newer), or a suite of Debian, such as sid`,
      DEFAULT_SERIES,
    )
    .option('--modules <names>', 'more kernel modules to load: pkey,vfio_ap', moduleNames)
    .option('--packages <names>', 'more packages, with what they need: strace,stress', packageNames)
    .option('--kernel-tree <folder>', 'a kernel of your own: its bzImage and its modules')
    .option('--again', 'fetch and build anew')
    .option('--json', 'one JSON object')
    .action(async (kernel: string, options: GuestImageOptions, _command: Command) => {
      const { json = false, ...rest } = options;
      const image = await makeGuestImage(kernel, { ...rest, log: (line) => io.err(`${line}\n`) });
      showImage(image, json, io);
      done(EXIT_OK);
    });
};

function showImage(image: GuestImage, json: boolean, io: CommandIo): void {
  if (json) io.out(`${JSON.stringify(image)}\n`);
  else io.out(`kernel ${image.kernel}\ninitrd ${image.initrd}\n`);
}
