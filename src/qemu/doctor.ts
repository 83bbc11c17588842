// SPDX-License-Identifier: Apache-2.0
// The rows of `apemu doctor` about QEMU and guest images: what is there, what is missing, and what helps.

import { existsSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { defaultCache, findGuestImage } from './guest-image/build.ts';
import { runProgram } from './guest-image/run-process.ts';
import { CURRENT_SERIES, KERNEL_SERIES } from './guest-image/suites.ts';
import { QEMU_PROGRAM } from './launch.ts';

/** Result of one check. */
export interface DoctorRow {
  readonly what: string;
  /** With `missing`, the function named in `what` does not work; with `optional` it does. */
  readonly state: 'ok' | 'missing' | 'optional';
  readonly detail: string;
  /** Command or action that helps; empty if all is well. */
  readonly fix: string;
}

/** Programs to look for: what does not work without them, and what to do. */
const PROGRAMS = [
  {
    program: QEMU_PROGRAM,
    what: 'QEMU for s390x (apemu qemu, guest runs of apemu test)',
    optional: false,
    fix: 'apt-get install qemu-system-misc',
  },
  {
    program: 'setpriv',
    what: 'setpriv (ends QEMU when apemu is killed)',
    optional: true,
    fix: 'apt-get install util-linux',
  },
  {
    program: 'apt-get',
    what: 'apt (fetches guest packages)',
    optional: true,
    fix: 'use --kernel and --initrd with files of your own',
  },
  {
    program: 'dpkg-deb',
    what: 'dpkg-deb (unpacks guest packages)',
    optional: true,
    fix: 'apt-get install dpkg, or use --kernel and --initrd',
  },
  {
    program: 'xz',
    what: 'xz (unpacks modules of kernel 6.12)',
    optional: true,
    fix: 'apt-get install xz-utils',
  },
] as const;

/** Memory of two guests in bytes. */
const WANTED_BYTES = 2 * 512 * 0x100000;

/** Checks everything that `apemu qemu` and `apemu guest-image` need. */
export async function qemuDoctor(cache = defaultCache()): Promise<DoctorRow[]> {
  const rows: DoctorRow[] = [];
  for (const { program, what, optional, fix } of PROGRAMS) {
    const found = await runProgram(program, ['--version']);
    const ok = !found.missing && found.status === 0;
    const detail = ok ? (found.stdout.split('\n')[0] ?? '').trim() : `${program} is not installed`;
    rows.push({
      what,
      state: ok ? 'ok' : optional ? 'optional' : 'missing',
      detail,
      fix: ok ? '' : fix,
    });
  }
  const series = KERNEL_SERIES.filter(
    (kernel) => CURRENT_SERIES.includes(kernel) || findGuestImage(kernel, cache) !== undefined,
  );
  rows.push(memoryRow(), ...series.map((kernel) => imageRow(kernel, cache)));
  return rows;
}

function memoryRow(): DoctorRow {
  const directory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  const ok = free >= WANTED_BYTES;
  return {
    what: 'guest memory (apemu qemu)',
    state: ok ? 'ok' : 'missing',
    detail: `${Math.floor(free / 0x100000)} MiB free in ${directory}`,
    fix: ok ? '' : `mount -o remount,size=2G ${directory}, or --memory with less`,
  };
}

function imageRow(kernel: string, cache: string): DoctorRow {
  const image = findGuestImage(kernel, cache);
  return {
    what: `guest image, kernel ${kernel}`,
    state: image === undefined ? 'optional' : 'ok',
    detail: image?.kernel ?? 'not made yet',
    fix: image === undefined ? `apemu guest-image ${kernel}` : '',
  };
}
