// SPDX-License-Identifier: Apache-2.0
// The command lines of QEMU and of the kernel.
// Source: docs/reference/qemu-attach.md section 4.

import { join } from 'node:path';
import { AREA_BYTES } from './hook-layout.ts';
import type { GuestRam } from './ram.ts';

/** Facilities that the guest kernel must be told of: QCI, APFT, and AP interruptions. Source: qemu-attach section 2. */
const AP_FACILITIES = { polling: '12,15', interrupts: '12,15,65' } as const;

/** Guest storage in MiB, unless the user says otherwise. */
export const DEFAULT_MEMORY_MIB = 512;

/** What to boot, and how. */
export interface LaunchOptions {
  readonly kernel: string;
  readonly initrd?: string;
  /** Additions to the kernel command line. */
  readonly append?: string;
  /** Guest storage in MiB; default 512. The last MiB belongs to the hook. */
  readonly memoryMiB?: number;
  /** MiB for translated code; default what QEMU takes (1,024). When they are full, all is translated anew. */
  readonly translatedMiB?: number;
  readonly cpus?: number;
  /** Number of CPUs that can be there, including those plugged later; default `cpus`. */
  readonly maxCpus?: number;
  /** False leaves facility 65 out: the guest polls. Default true. */
  readonly interrupts?: boolean;
  /** `inherit` gives the guest's console our terminal; `pipe` gives it to the caller. Default `pipe`. */
  readonly console?: 'inherit' | 'pipe';
  /** Whether the guest can restart. Default false: a reset ends QEMU. */
  readonly reboot?: boolean;
  /** Whether it is a test kernel: no Linux command line is added, and QEMU has a debug stub. */
  readonly bare?: boolean;
  /**
   * Whether a test kernel is watched; default true. One that has its handlers in its image and sets no others need not be: being watched
   * costs it a microsecond for each access to its lowcore.
   */
  readonly watched?: boolean;
  /** More arguments for QEMU, as given after `--`. */
  readonly extra?: readonly string[];
  /** Directory of a tmpfs for the guest's RAM. */
  readonly ramDirectory?: string;
  /** Program to run instead of the QEMU in PATH. */
  readonly program?: string;
  /** A moment to begin at, instead of the start of the kernel. */
  readonly moment?: SavedMoment;
  /** Storage of a guest that comes from another QEMU, which has the same file. Its devices come later. */
  readonly incoming?: GuestRam;
}

/** What a QEMU has saved of a guest that stood still. A new QEMU with the same options continues from there. */
export interface SavedMoment {
  /** Guest storage. The file is only read; what its guest writes is private to each QEMU. */
  readonly ram: GuestRam;
  /** File with the state of the devices. */
  readonly devices: string;
}

/** Descriptors that QEMU inherits besides standard input, output and error: guest storage, and the devices of a moment. */
export const RAM_FD = 3;
export const DEVICES_FD = 4;

/** Names of the sockets in the private directory. */
export const MONITOR = 'qmp';
export const EVENTS = 'events';
export const DEBUG_STUB = 'gdb';
export const ARRIVALS = 'arrivals';

/** The kernel command line: console, facilities, the MiB kept for the hook, then the user's. */
export function kernelCommandLine(options: LaunchOptions): string {
  const reserved = AREA_BYTES / 0x100000;
  const facilities = AP_FACILITIES[options.interrupts === false ? 'polling' : 'interrupts'];
  const ours = [
    'console=ttyS0',
    `facilities=${facilities}`,
    `mem=${(options.memoryMiB ?? DEFAULT_MEMORY_MIB) - reserved}M`,
  ];
  const given = options.append ?? '';
  // A parameter of the user replaces ours: of most parameters the last one counts, but facilities= adds up.
  const names = given.split(/\s+/).map((word) => word.split('=')[0]);
  const kept = ours.filter((word) => !names.includes(word.split('=')[0]));
  return [...kept, given].join(' ').trim();
}

/**
 * QEMU's argument vector.
 *
 * @param folder where its sockets are made
 */
export function qemuArguments(options: LaunchOptions, folder: string, ramPath: string): string[] {
  const memory = options.memoryMiB ?? DEFAULT_MEMORY_MIB;
  const cpus = options.cpus ?? 1;
  const { moment } = options;
  const share = moment === undefined ? 'on' : 'off';
  const backend = `memory-backend-file,id=ram,size=${memory}M,mem-path=${ramPath},share=${share}`;
  const args = ['-M', 's390-ccw-virtio,memory-backend=ram', '-object', backend];
  const translated = options.translatedMiB === undefined ? '' : `,tb-size=${options.translatedMiB}`;
  args.push('-cpu', 'max', '-accel', `tcg,thread=multi${translated}`);
  args.push('-smp', `${cpus},maxcpus=${options.maxCpus ?? cpus}`, '-m', `${memory}`);
  args.push('-nographic', '-nodefaults', '-monitor', 'none', '-serial', 'none');
  // On a terminal Ctrl-C goes to the guest; with mux, Ctrl-A X ends QEMU, and Ctrl-A H shows help.
  const mux = options.console === 'inherit' ? 'on' : 'off';
  args.push('-chardev', `stdio,id=c0,mux=${mux},signal=off`, '-device', 'sclpconsole,chardev=c0');
  // The guest stands still until somebody listens to what QEMU says about it.
  args.push('-S');
  for (const name of [MONITOR, EVENTS])
    args.push('-qmp', `unix:${join(folder, name)},server=on,wait=off`);
  if (moment === undefined) {
    const stub = `socket,id=debug,path=${join(folder, DEBUG_STUB)},server=on,wait=off`;
    args.push('-chardev', stub, '-gdb', 'chardev:debug');
  }
  args.push('-kernel', options.kernel);
  if (options.initrd !== undefined) args.push('-initrd', options.initrd);
  if (options.bare !== true) args.push('-append', kernelCommandLine(options));
  else if (options.append !== undefined) args.push('-append', options.append);
  if (options.reboot !== true) args.push('-no-reboot');
  if (moment !== undefined || options.incoming !== undefined) args.push('-incoming', 'defer');
  return [...args, ...(options.extra ?? [])];
}
