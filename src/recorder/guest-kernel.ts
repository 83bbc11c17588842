// SPDX-License-Identifier: Apache-2.0
// A real kernel under QEMU, with the partition as its own: booted once, kept at the moment at which the agent in it waits for operations,
// and taken back there for each run. Does what the operator does, and listens to what the kernel says of itself.
// Source: docs/reference/qemu-attach.md section 3 (guest image); docs/reference/fuzzing.md section 3 (back to a moment).
import type { Readable, Writable } from 'node:stream';
import type { MachineConfig } from '../config/types.ts';
import { takeCheckpoint } from '../host/state/checkpoint.ts';
import { GUEST_TRIES, retry } from '../kernel-fuzz/retry.ts';
import { GuestConsole, SCRIPT_CONSOLE } from '../qemu/console.ts';
import { makeFolder, removeFolder } from '../qemu/folder.ts';
import { imageWith } from '../qemu/guest-image/boot-files.ts';
import type { GuestImage } from '../qemu/guest-image/build.ts';
import { MODE_PROGRAM } from '../qemu/guest-image/cpio.ts';
import { createLparMachine, type LparMachine } from '../qemu/guest-machine.ts';
import { PortableMoment } from '../qemu/moment/portable.ts';
import { Poller } from '../qemu/poller.ts';
import { bootGuest, type ServedGuest } from '../qemu/serve.ts';
import { actionsOf, type RecordedOperation } from '../sysfs/recorded-operation.ts';
import { AGENT_PATH, AGENT_PROGRAM, AGENT_READY, operationPieces } from './agent-program.ts';
import { AgentSession } from './agent-session.ts';
import { changePartition, operateOn } from './golden-host.ts';
import type { RecorderKernel, RecorderRun } from './run.ts';

export interface GuestKernelOptions {
  /** The configuration of the partition. */
  readonly config: MachineConfig;
  readonly image: GuestImage;
  /** Additions to the kernel command line. */
  readonly append?: string | undefined;
}

/** Patience with a kernel that boots while the computer has other things to do. */
const RECORDER_BOOT_MS = 300_000;
/** Milliseconds for which a vCPU waits for an answer: long enough that it never gives up. */
const RECORDER_PATIENCE_MS = 600_000;
const RECORDER_MEMORY_MIB = 192;
/** What the guest has asked for when it was stopped is answered by then. */
const STOPPED_MS = 50;
/** The driver, if it is a module; all queues ready, their first resets and requests over; whether there is a driver. */
const PREPARATION = [
  'test -e /sys/devices/vfio_ap || modprobe vfio_ap',
  'n=0; while grep -qv OPERATING /sys/bus/ap/devices/*.*/states 2>/dev/null && [ $n -lt 40 ]; do usleep 50000; n=$((n+1)); done; usleep 500000',
  'test -e /sys/devices/vfio_ap/matrix',
];

const AGENT = { path: AGENT_PATH, mode: MODE_PROGRAM, data: Buffer.from(AGENT_PROGRAM) };

/** A kernel at the moment at which its agent waits. */
interface Waiting {
  readonly lpar: LparMachine;
  readonly moment: PortableMoment;
  readonly poller: Poller;
  /** Has the initial RAM disk, which each QEMU reads. */
  readonly folder: string;
  readonly release: string;
  readonly vfioAp: boolean;
}

export class GuestKernel implements RecorderKernel {
  readonly exact = false;
  readonly #options: GuestKernelOptions;
  #waiting: Promise<Waiting> | undefined;

  constructor(options: GuestKernelOptions) {
    this.#options = options;
  }

  async run(operations: readonly RecordedOperation[], signal: AbortSignal): Promise<RecorderRun> {
    const back = () => this.#back(signal);
    const { lpar, moment, poller, release, vfioAp } = await retry(
      GUEST_TRIES,
      back,
      () => this.close(),
      signal,
    );
    const { output, input } = moment;
    const { machine } = lpar;
    const pieces = operationPieces(operations);
    const session = new AgentSession(operations, {
      more: () => input.write(`${pieces.shift() ?? '.'}\n`),
      operate: (operation) => {
        if (operation[0] === 'partition')
          changePartition(machine.partition, operation[1], machine.config);
        else
          for (const [action, apid] of actionsOf(operation[1]))
            operateOn(machine.partition, action, apid);
        input.write('done\n');
      },
    });
    // The guest may end before anybody waits for it.
    session.result.catch(() => {});
    output.setEncoding('latin1');
    output.on('data', (piece: string) => session.take(piece.replaceAll('\r', '')));
    output.once('close', () => session.end());
    const stop = (): void => session.stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await moment.go();
      poller.wake();
      input.write(`${pieces.shift() ?? '.'}\n`);
      if (signal.aborted) stop();
      return { release, vfioAp, ...(await session.result) };
    } finally {
      stop();
      signal.removeEventListener('abort', stop);
      output.removeAllListeners('data');
    }
  }

  /** Boots it if it does not run, and takes it to the moment. */
  async #back(signal: AbortSignal): Promise<Waiting> {
    this.#waiting ??= boot(this.#options, signal);
    const waiting = await this.#waiting;
    await waiting.moment.restore();
    return waiting;
  }

  async close(): Promise<void> {
    const waiting = await this.#waiting?.catch(() => undefined);
    this.#waiting = undefined;
    await waiting?.moment.close();
    waiting?.lpar.machine.close();
    if (waiting !== undefined) removeFolder(waiting.folder);
  }
}

async function boot(
  { config, image, append = '' }: GuestKernelOptions,
  signal: AbortSignal,
): Promise<Waiting> {
  const folder = makeFolder();
  const lpar = await createLparMachine(config);
  const poller = new Poller();
  let guest: ServedGuest | undefined;
  try {
    const launch = {
      ...imageWith(image, folder, AGENT),
      append: `${SCRIPT_CONSOLE} ${append}`.trim(),
      memoryMiB: RECORDER_MEMORY_MIB,
      extra: ['-action', 'panic=pause,shutdown=pause'],
    };
    const options = { patienceMs: RECORDER_PATIENCE_MS };
    guest = await bootGuest(lpar.service, poller, launch, { ...options, signal });
    const { release, vfioAp } = await prepare(guest);
    await guest.qemu?.qmp.execute('stop');
    await new Promise((resolve) => setTimeout(resolve, STOPPED_MS));
    const checkpoint = takeCheckpoint(lpar.machine, { storage: false });
    const restoreMachine = (): void => {
      checkpoint.restore();
      lpar.service.restartClock();
    };
    const { service } = lpar;
    const parts = { service, poller, launch, options, restoreMachine };
    const moment = await PortableMoment.keep(guest, parts);
    return { lpar, moment, poller, folder, release, vfioAp };
  } catch (error) {
    await guest?.close();
    lpar.machine.close();
    removeFolder(folder);
    throw error;
  }
}

/** Starts the agent when everything is ready. */
async function prepare({ qemu }: ServedGuest): Promise<Pick<Waiting, 'release' | 'vfioAp'>> {
  const { output, input } = qemu ?? {};
  const console = new GuestConsole(output as Readable, input as Writable);
  await console.ready(RECORDER_BOOT_MS);
  const release = (await console.run('uname -r')).output.trim();
  let vfioAp = false;
  for (const command of PREPARATION) vfioAp = (await console.run(command)).status === 0;
  const from = console.end;
  input?.write(`/${AGENT_PATH}\n`);
  await console.waitFor(new RegExp(`^${AGENT_READY}$`, 'm'), RECORDER_BOOT_MS, from);
  return { release, vfioAp };
}
