// SPDX-License-Identifier: Apache-2.0
// Starts QEMU so that the emulator can serve it, with shared RAM that has no name and a private monitor socket. However QEMU ends, its
// files are removed.
// Source: docs/reference/qemu-attach.md section 4.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { ApemuError } from '../errors.ts';
import { AbleTask, taskTime } from '../vcpu-pool/liveness.ts';
import {
  ARRIVALS,
  DEBUG_STUB,
  DEFAULT_MEMORY_MIB,
  EVENTS,
  type LaunchOptions,
  MONITOR,
  qemuArguments,
  RAM_FD,
} from './arguments.ts';
import { makeFolder } from './folder.ts';
import { runProgram } from './guest-image/run-process.ts';
import { KeptText } from './kept-text.ts';
import { openProcessRam } from './moment/process-ram.ts';
import { Qmp } from './qmp.ts';
import { createRam, type GuestRam } from './ram.ts';
import { owned } from './streams.ts';

/** Program name of QEMU for this architecture. */
export const QEMU_PROGRAM = 'qemu-system-s390x';

/** How a QEMU ended: its exit status or signal, and what it wrote to standard error. */
export interface QemuEnd {
  /** Whether apemu ended it, because it had said that it ends and did not, or because its monitor had gone. */
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
   * A second connection, on which nothing is sent. A command that an ending QEMU does not read any more would close the connection before
   * QEMU's last messages have been read.
   */
  readonly events: Qmp;
  readonly ram: GuestRam;
  /** Socket of the debug stub. A guest that begins at a moment has none. */
  readonly debug: string;
  /** Address, in QEMU's syntax, to which the devices of a guest that comes from another QEMU are sent. */
  readonly arrivals: string;
  /** Console output and input; null if they are on apemu's terminal. */
  readonly output: Readable | null;
  readonly input: Writable | null;
  /** Resolves when QEMU has ended. */
  readonly ended: Promise<QemuEnd>;
  /**
   * Called when QEMU has said that it ends, or its monitor has gone: ends it if it does not do so by itself. QEMU 7.2 does not if a
   * command comes at the moment of its end.
   */
  hurry(): void;
  /** Ends QEMU if it still runs, and removes everything. It can be called again. */
  close(): Promise<void>;
}

/**
 * Milliseconds. QEMU opens its monitor in less than a second; only the time in which it could have run is counted, since it may have to
 * wait on a busy computer.
 */
const START_TIMEOUT_MS = 15_000;
const MONITOR_LOOK_MS = 2;
const END_TIMEOUT_MS = 3_000;
/** Milliseconds from QEMU's message that it ends to its end, which normally takes only a few. */
const LAST_MS = 1_000;

/**
 * Starts QEMU and connects to its monitor. The guest stands still until it is told to go on. If this throws, nothing has to be cleaned
 * up.
 *
 * @throws ApemuError APEMU_ERR_QEMU_MISSING without QEMU, APEMU_ERR_QEMU_START if it ends at once (with its message)
 */
export async function launchQemu(options: LaunchOptions): Promise<RunningQemu> {
  for (const file of [options.kernel, options.initrd]) {
    if (file !== undefined && !existsSync(file)) {
      throw new ApemuError('APEMU_ERR_QEMU_START', `no such file: ${file}`);
    }
  }
  const directory = makeFolder();
  const given = options.moment?.ram ?? options.incoming;
  const file = given ?? createRam(ramDirectory(options), ramName(), bytesOf(options));
  let ram = file;
  const cleanUp = () => rmSync(directory, { recursive: true, force: true });
  try {
    const args = qemuArguments(options, directory, `/proc/self/fd/${RAM_FD}`);
    const child = await startChild(options, args, file.fd);
    const ended = watch(child);
    const events = await monitor(child, ended, join(directory, EVENTS));
    const qmp = await monitor(child, ended, join(directory, MONITOR));
    const debug = join(directory, DEBUG_STUB);
    const arrivals = `unix:${join(directory, ARRIVALS)}`;
    if (options.moment !== undefined) {
      ram = openProcessRam(child.pid ?? -1, file);
    }
    // Nobody needs the state in which a guest that began at a moment ends.
    const end = options.moment === undefined ? 'SIGTERM' : 'SIGKILL';
    return running(child, { qmp, events, ram, debug, arrivals }, ended, { cleanUp, end });
  } catch (error) {
    if (options.moment === undefined) ram.close();
    cleanUp();
    throw error;
  }
}

/** A warning for a guest that gets more storage than the computer has: it would start, and QEMU would end when the guest uses it. */
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

const bytesOf = ({ memoryMiB = DEFAULT_MEMORY_MIB }: LaunchOptions): number => memoryMiB * 0x100000;

let files = 0;
const ramName = (): string => `apemu-${process.pid}-${Date.now()}-${++files}`;

/** Whether util-linux's setpriv is installed. */
let setpriv: Promise<boolean> | undefined;

/** With setpriv, the kernel ends QEMU if apemu is killed. Without it, only the watchdog in the hook helps. */
async function startChild(options: LaunchOptions, args: string[], ramFd: number) {
  const program = options.program ?? QEMU_PROGRAM;
  setpriv ??= runProgram('setpriv', ['--version']).then(({ status }) => status === 0);
  const guarded = await setpriv;
  const command = guarded ? 'setpriv' : program;
  const vector = guarded ? ['--pdeathsig', 'KILL', program, ...args] : args;
  const terminal = options.console === 'inherit' ? 'inherit' : 'pipe';
  // The file is opened each time, because a descriptor that was read from does not begin anew.
  const devices = options.moment && openSync(options.moment.devices, 'r');
  const files = devices === undefined ? [ramFd] : [ramFd, devices];
  try {
    return spawn(command, vector, { stdio: [terminal, terminal, 'pipe', ...files] });
  } finally {
    if (devices !== undefined) closeSync(devices);
  }
}

/** Of QEMU's messages so much is kept: a guest can have it complain without end. */
const COMPLAINTS_MAX = 65536;

function watch(child: ChildProcess): RunningQemu['ended'] {
  const said = new KeptText(COMPLAINTS_MAX);
  child.stderr?.setEncoding('utf8').on('data', (text: string) => said.add(text));
  for (const stream of [child.stdin, child.stdout, child.stderr]) if (stream) owned(stream);
  return new Promise((resolve) => {
    const finish = (status: number | null, signal: NodeJS.Signals | null) =>
      resolve({ status, signal, stderr: said.text });
    owned(child, () => finish(127, null));
    child.on('close', finish);
  });
}

/** Waits for the monitor's socket, or for an early end of QEMU. */
async function monitor(
  child: ChildProcess,
  ended: RunningQemu['ended'],
  socket: string,
): Promise<Qmp> {
  let over: QemuEnd | undefined;
  ended.then((value) => {
    over = value;
  });
  const pid = child.pid ?? 0;
  const able = new AbleTask(() => taskTime(pid, pid));
  while (able.look() < START_TIMEOUT_MS) {
    if (over !== undefined) throw startFailure(over);
    if (existsSync(socket)) {
      const qmp = await Qmp.connect(socket).catch(() => undefined);
      if (qmp !== undefined) return qmp;
    }
    await new Promise((resolve) => setTimeout(resolve, MONITOR_LOOK_MS));
  }
  child.kill('SIGKILL');
  throw startFailure({ status: null, signal: null, stderr: 'it did not open its monitor' });
}

function startFailure(over: QemuEnd): ApemuError {
  // Messages of QEMU begin with its name. Otherwise it is setpriv that could not execute QEMU.
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
  connection: Pick<RunningQemu, 'qmp' | 'events' | 'ram' | 'debug' | 'arrivals'>,
  ended: RunningQemu['ended'],
  { cleanUp, end }: { readonly cleanUp: () => void; readonly end: NodeJS.Signals },
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
    child.kill(end);
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
