// SPDX-License-Identifier: Apache-2.0
// What QEMU and the kernel are told on their command lines.
// Source: docs/reference/qemu-attach.md section 4.

import { join } from 'node:path';
import { AREA_BYTES } from './hook-layout.ts';
import type { GuestRam } from './ram.ts';

/** Facilities the guest kernel must be told of: QCI, APFT, and AP interruptions. Source: qemu-attach section 2. */
const AP_FACILITIES = { polling: '12,15', interrupts: '12,15,65' } as const;

/** Guest storage unless the user says otherwise. */
export const DEFAULT_MEMORY_MIB = 512;

/** What to boot. */
export interface LaunchOptions {
  readonly kernel: string;
  readonly initrd?: string;
  /** More of the kernel command line. */
  readonly append?: string;
  /** Guest storage in MiB. The last one belongs to the hook. Default 512. */
  readonly memoryMiB?: number;
  readonly cpus?: number;
  /** CPUs that may be plugged later; default `cpus`. */
  readonly maxCpus?: number;
  /** False leaves facility 65 out: the guest polls. Default true. */
  readonly interrupts?: boolean;
  /** `inherit` gives the guest's console our terminal; `pipe` gives it to the caller. Default `pipe`. */
  readonly console?: 'inherit' | 'pipe';
  /** Lets the guest restart. Default false: a reset ends QEMU. */
  readonly reboot?: boolean;
  /** A test kernel: no Linux command line is added, and QEMU has a debug stub. */
  readonly bare?: boolean;
  /**
   * False leaves a test kernel alone that has its handlers in its image and sets no others: being watched costs it a microsecond for
   * each access to its lowcore. Default true.
   */
  readonly watched?: boolean;
  /** More QEMU arguments, as given after `--`. */
  readonly extra?: readonly string[];
  /** tmpfs directory for guest RAM. */
  readonly ramDirectory?: string;
  /** Program to run instead of the one in PATH. */
  readonly program?: string;
  /** A moment to begin at, instead of the kernel's start. */
  readonly moment?: SavedMoment;
  /** Storage of a guest that comes from another QEMU, which has the same file; its devices are to come too. */
  readonly incoming?: GuestRam;
}

/** What a QEMU has saved of a guest that stood still: a new one with the same options goes on from there. */
export interface SavedMoment {
  /** Guest storage: the file is only read, each QEMU keeps what its guest writes to itself. */
  readonly ram: GuestRam;
  /** File with the state of the devices. */
  readonly devices: string;
}

/** Descriptors QEMU inherits after standard input, output and error: guest storage, and the devices of a moment. */
export const RAM_FD = 3;
export const DEVICES_FD = 4;

/** Sockets in the private directory. */
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
  // A parameter the user gives stands alone: most are taken from their last place, but facilities= adds up.
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
  args.push('-cpu', 'max', '-accel', 'tcg,thread=multi');
  args.push('-smp', `${cpus},maxcpus=${options.maxCpus ?? cpus}`, '-m', `${memory}`);
  args.push('-nographic', '-nodefaults', '-monitor', 'none', '-serial', 'none');
  // On a terminal Ctrl-C is the guest's; with mux Ctrl-A X ends QEMU, and Ctrl-A H shows help.
  const mux = options.console === 'inherit' ? 'on' : 'off';
  args.push('-chardev', `stdio,id=c0,mux=${mux},signal=off`, '-device', 'sclpconsole,chardev=c0');
  // The guest stands still until somebody listens to what QEMU has to say of it.
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
