// SPDX-License-Identifier: Apache-2.0
// `apemu guest-image [KERNEL]`: fetches packages and makes a small s390x Linux for `apemu qemu`.
// Source: docs/reference/qemu-attach.md (packages, initramfs).

import type { Command } from 'commander';
import { type GuestImage, makeGuestImage } from '../qemu/guest-image/build.ts';
import { DEFAULT_SERIES, KERNEL_SERIES } from '../qemu/guest-image/suites.ts';
import type { AddCommand } from './add-command.ts';
import { type CommandIo, EXIT_OK } from './io.ts';

interface ImageOptions {
  readonly again?: boolean;
  readonly json?: boolean;
}

export const addGuestImage: AddCommand = (program, io, done) => {
  program
    .command('guest-image')
    .description('make a small s390x Linux to boot with apemu qemu')
    .argument('[kernel]', `kernel series: ${KERNEL_SERIES.join(', ')}`, DEFAULT_SERIES)
    .option('--again', 'fetch and build anew')
    .option('--json', 'one JSON object')
    .action(async (kernel: string, options: ImageOptions, _command: Command) => {
      const again = options.again === true;
      const image = await makeGuestImage(kernel, { again, log: (line) => io.err(`${line}\n`) });
      showImage(image, options.json === true, io);
      done(EXIT_OK);
    });
};

function showImage(image: GuestImage, json: boolean, io: CommandIo): void {
  if (json) io.out(`${JSON.stringify(image)}\n`);
  else io.out(`kernel ${image.kernel}\ninitrd ${image.initrd}\n`);
}
