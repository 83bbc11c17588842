// SPDX-License-Identifier: Apache-2.0
// What the tests with real kernels need, and the reason printed when it is not there.

import { execFileSync } from 'node:child_process';
import {
  findGuestImage,
  type GuestImage,
  makeGuestImage,
} from '../../../src/qemu/guest-image/build.ts';
import { QEMU_PROGRAM } from '../../../src/qemu/launch.ts';

function runs(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function skipped(reason: string): false {
  console.info(`skipped: ${reason}`);
  return false;
}

/** Whether QEMU is there; prints what to do when it is not. */
export function haveQemu(): boolean {
  return runs(QEMU_PROGRAM) || skipped(`no ${QEMU_PROGRAM} (apt-get install qemu-system-misc)`);
}

/** Whether the cross assembler is there; prints what to do when it is not. */
export function haveAssembler(): boolean {
  const present = runs('s390x-linux-gnu-as') && runs('s390x-linux-gnu-ld');
  return present || skipped('no s390x assembler (apt-get install binutils-s390x-linux-gnu)');
}

/** The guest image of a kernel: from the cache, else fetched. Prints the reason when it cannot be had. */
export async function imageOrReason(kernel: string): Promise<GuestImage | undefined> {
  if (!haveQemu()) return undefined;
  try {
    return findGuestImage(kernel) ?? (await makeGuestImage(kernel, { log: console.info }));
  } catch (error) {
    skipped((error as Error).message);
    return undefined;
  }
}

/** The first of some series that can be had. Prints the reason for each that cannot. */
export async function newestImageOrReason(
  series: readonly string[],
): Promise<{ series: string; image: GuestImage } | undefined> {
  for (const kernel of series) {
    const image = await imageOrReason(kernel);
    if (image !== undefined) return { series: kernel, image };
  }
  return undefined;
}
