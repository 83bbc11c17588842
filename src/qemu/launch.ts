// SPDX-License-Identifier: Apache-2.0
// Starts QEMU so that the emulator can serve it: shared RAM without a name, a private monitor socket, clean-up in every ending.
// Source: docs/reference/qemu-attach.md section 4.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { ApemuError } from '../errors.ts';
import { makeFolder } from './folder.ts';
import { runProgram } from './guest-image/process.ts';
import { AREA_BYTES } from './layout.ts';
import { Qmp } from './qmp.ts';
import { createRam, type GuestRam } from './ram.ts';

/** The emulator program of the architecture. */
export const QEMU_PROGRAM = 'qemu-system-s390x';

/** Facilities the guest kernel must be told of: QCI, APFT, and AP interruptions. Source: qemu-attach section 2. */
export const AP_FACILITIES = { polling: '12,15', interrupts: '12,15,65' } as const;

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
}

/** How a QEMU ended: its exit status or the signal, and what it wrote to standard error. */
export interface QemuEnd {
  /** We ended it, because it had said that it ends and did not. */
  readonly hurried?: boolean;
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** A QEMU that runs. */
export interface RunningQemu {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly qmp: Qmp;
  /**
   * A second connection, to which nothing is written: a command that an ending QEMU does not read any more would end the connection
   * before QEMU's last words have been read.
   */
  readonly events: Qmp;
  readonly ram: GuestRam;
  /** Socket of the debug stub, which a test kernel has. */
  readonly debug: string;
  /** Console output and input; null when it is on our terminal. */
  readonly output: Readable | null;
  readonly input: Writable | null;
  /** Resolves when QEMU has ended. */
  readonly ended: Promise<QemuEnd>;
  /** It has said that it ends: helps it when it does not, as QEMU 7.2 when a command comes in that moment. */
  hurry(): void;
  /** Ends QEMU if it still runs and removes everything. Safe to call again. */
  close(): Promise<void>;
}

/** Descriptor number of the RAM file in QEMU, after standard input, output and error. */
const RAM_FD = 3;
/** Sockets in the private directory. */
const MONITOR = 'qmp';
const EVENTS = 'events';
const DEBUG_STUB = 'gdb';
const START_TIMEOUT_MS = 15_000;
const END_TIMEOUT_MS = 3_000;
/** From QEMU's word that it ends to its end; it takes milliseconds. */
const LAST_MS = 1_000;

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
  const backend = `memory-backend-file,id=ram,size=${memory}M,mem-path=${ramPath},share=on`;
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
  if (options.bare === true) {
    const stub = `socket,id=debug,path=${join(folder, DEBUG_STUB)},server=on,wait=off`;
    args.push('-chardev', stub, '-gdb', 'chardev:debug');
  }
  args.push('-kernel', options.kernel);
  if (options.initrd !== undefined) args.push('-initrd', options.initrd);
  if (options.bare !== true) args.push('-append', kernelCommandLine(options));
  else if (options.append !== undefined) args.push('-append', options.append);
  if (options.reboot !== true) args.push('-no-reboot');
  return [...args, ...(options.extra ?? [])];
}

/**
 * Starts QEMU and connects to its monitor. The guest stands still until it is told to go on. Nothing has to be cleaned up when this throws.
 *
 * @throws ApemuError APEMU_ERR_QEMU_MISSING without QEMU, APEMU_ERR_QEMU_START when it ends at once (its message is included)
 */
export async function launchQemu(options: LaunchOptions): Promise<RunningQemu> {
  for (const file of [options.kernel, options.initrd]) {
    if (file !== undefined && !existsSync(file)) {
      throw new ApemuError('APEMU_ERR_QEMU_START', `no such file: ${file}`);
    }
  }
  const directory = makeFolder();
  const size = (options.memoryMiB ?? DEFAULT_MEMORY_MIB) * 0x100000;
  const ram = createRam(ramDirectory(options), `apemu-${process.pid}-${Date.now()}`, size);
  const cleanUp = () => rmSync(directory, { recursive: true, force: true });
  try {
    const args = qemuArguments(options, directory, `/proc/self/fd/${RAM_FD}`);
    const child = await startChild(options, args, ram.fd);
    const ended = watch(child);
    const events = await monitor(child, ended, join(directory, EVENTS));
    const qmp = await monitor(child, ended, join(directory, MONITOR));
    const debug = join(directory, DEBUG_STUB);
    return running(child, { qmp, events, ram, debug }, ended, cleanUp);
  } catch (error) {
    ram.close();
    cleanUp();
    throw error;
  }
}

/** What to tell before a guest gets more storage than there is: it starts, and QEMU ends when the guest uses it. */
export function memoryShortage(options: LaunchOptions): string | undefined {
  const directory = ramDirectory(options);
  const { bavail, bsize } = statfsSync(directory);
  const free = Math.floor((bavail * bsize) / 0x100000);
  const wanted = options.memoryMiB ?? DEFAULT_MEMORY_MIB;
  if (free >= wanted) return undefined;
  return `${directory} has ${free} MiB free for its ${wanted} MiB; when they are used up QEMU ends. See apemu doctor`;
}

function ramDirectory(options: LaunchOptions): string {
  return options.ramDirectory ?? (existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
}

/** With util-linux's setpriv the kernel ends QEMU when we are killed; without it the watchdog in the hook has to do. */
async function startChild(options: LaunchOptions, args: string[], ramFd: number) {
  const program = options.program ?? QEMU_PROGRAM;
  const guarded = (await runProgram('setpriv', ['--version'])).status === 0;
  const command = guarded ? 'setpriv' : program;
  const vector = guarded ? ['--pdeathsig', 'KILL', program, ...args] : args;
  const terminal = options.console === 'inherit';
  return spawn(command, vector, {
    stdio: [terminal ? 'inherit' : 'pipe', terminal ? 'inherit' : 'pipe', 'pipe', ramFd],
  });
}

function watch(child: ChildProcess): RunningQemu['ended'] {
  const text: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => text.push(chunk));
  child.stdin?.on('error', () => {});
  return new Promise((resolve) => {
    const finish = (status: number | null, signal: NodeJS.Signals | null) =>
      resolve({ status, signal, stderr: Buffer.concat(text).toString() });
    child.on('error', () => finish(127, null));
    child.on('close', finish);
  });
}

/** Waits for the monitor socket, or for QEMU's early end. */
async function monitor(
  child: ChildProcess,
  ended: RunningQemu['ended'],
  socket: string,
): Promise<Qmp> {
  let over: QemuEnd | undefined;
  ended.then((value) => {
    over = value;
  });
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline) {
    if (over !== undefined) throw startFailure(over);
    if (existsSync(socket)) {
      const qmp = await Qmp.connect(socket).catch(() => undefined);
      if (qmp !== undefined) return qmp;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill('SIGKILL');
  throw startFailure({ status: null, signal: null, stderr: 'it did not open its monitor' });
}

function startFailure(over: QemuEnd): ApemuError {
  // QEMU's own messages begin with its name; setpriv says that it could not execute it.
  const missing = over.status === 127 || /No such file or directory|not found/.test(over.stderr);
  if (missing && !over.stderr.startsWith(`${QEMU_PROGRAM}: `)) {
    return new ApemuError(
      'APEMU_ERR_QEMU_MISSING',
      `${QEMU_PROGRAM} is not installed. Debian and Ubuntu: apt-get install qemu-system-misc; Fedora: dnf install ${QEMU_PROGRAM}`,
      { cause: over },
    );
  }
  const text = over.stderr.trim() || `exit status ${over.status}`;
  return new ApemuError('APEMU_ERR_QEMU_START', `QEMU ended at once: ${text}`, { cause: over });
}

function running(
  child: ChildProcess,
  connection: Pick<RunningQemu, 'qmp' | 'events' | 'ram' | 'debug'>,
  ended: RunningQemu['ended'],
  cleanUp: () => void,
): RunningQemu {
  const onExit = () => {
    child.kill('SIGKILL');
    cleanUp();
  };
  process.once('exit', onExit);
  let closed: Promise<void> | undefined;
  let last: NodeJS.Timeout | undefined;
  let hurried = false;
  const hurry = () => {
    last ??= setTimeout(() => {
      hurried = child.kill('SIGKILL');
    }, LAST_MS);
  };
  const over = ended.then((end) => {
    clearTimeout(last);
    return { ...end, hurried };
  });
  const finish = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
    connection.qmp.close();
    connection.events.close();
    connection.ram.close();
    cleanUp();
    process.removeListener('exit', onExit);
  };
  return {
    process: child,
    pid: child.pid ?? -1,
    ...connection,
    output: child.stdout,
    input: child.stdin,
    ended: over,
    hurry,
    close() {
      closed ??= finish();
      return closed;
    },
  };
}
