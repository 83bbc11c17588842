// SPDX-License-Identifier: Apache-2.0
// A real kernel under QEMU, with the partition as its own: boots it for each run, has the agent in it perform the operations, does
// what the operator does, and listens to what the kernel says of itself.
// Source: docs/reference/qemu-attach.md section 3 (guest image); test/golden/README.md (what is recorded).
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { MachineConfig } from '../config/types.ts';
import { GuestConsole, SCRIPT_CONSOLE } from '../qemu/console.ts';
import { makeFolder } from '../qemu/folder.ts';
import type { GuestImage } from '../qemu/guest-image/build.ts';
import { cpioArchive, MODE_FILE, MODE_PROGRAM } from '../qemu/guest-image/cpio.ts';
import { createLparMachine, type LparMachine } from '../qemu/guest-machine.ts';
import { Poller } from '../qemu/poller.ts';
import { bootGuest } from '../qemu/serve.ts';
import { actionsOf, type RecordedOperation } from '../sysfs/recorded-operation.ts';
import { AGENT_PATH, AGENT_PROGRAM, encodeOperation, OPERATIONS_PATH } from './agent-program.ts';
import { AgentSession } from './agent-session.ts';
import { changePartition, operateOn } from './golden-host.ts';
import type { RecorderKernel, RecorderRun } from './run.ts';

export interface GuestKernelOptions {
  /** The partition. */
  readonly config: MachineConfig;
  readonly image: GuestImage;
  /** More of the kernel command line. */
  readonly append?: string | undefined;
}

/** Patience with a kernel that boots while the computer has other things to do. */
const RECORDER_BOOT_MS = 300_000;
/** The driver, if it is a module; all queues ready, their first resets and requests over; whether there is a driver. */
const PREPARATION = [
  'test -e /sys/devices/vfio_ap || modprobe vfio_ap',
  'n=0; while grep -qv OPERATING /sys/bus/ap/devices/*.*/states 2>/dev/null && [ $n -lt 40 ]; do usleep 50000; n=$((n+1)); done; usleep 500000',
  'test -e /sys/devices/vfio_ap/matrix',
];

export class GuestKernel implements RecorderKernel {
  readonly exact = false;
  readonly #options: GuestKernelOptions;

  constructor(options: GuestKernelOptions) {
    this.#options = options;
  }

  async run(operations: readonly RecordedOperation[], signal: AbortSignal): Promise<RecorderRun> {
    const { config, image, append = '' } = this.#options;
    const folder = makeFolder();
    const lpar = await createLparMachine(config);
    const launch = {
      kernel: image.kernel,
      initrd: withAgent(image, operations, folder),
      append: `${SCRIPT_CONSOLE} ${append}`.trim(),
    };
    try {
      const guest = await bootGuest(lpar.service, new Poller(), launch, { signal });
      try {
        const { output, input } = guest.qemu ?? {};
        return await record(output as Readable, input as Writable, operations, lpar);
      } finally {
        await guest.close();
      }
    } finally {
      lpar.machine.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** An initramfs may be several archives one after the other. */
function withAgent(
  image: GuestImage,
  operations: readonly RecordedOperation[],
  folder: string,
): string {
  const text = operations.map((operation) => `${encodeOperation(operation)}\n`).join('');
  const archive = cpioArchive([
    { path: AGENT_PATH, mode: MODE_PROGRAM, data: Buffer.from(AGENT_PROGRAM) },
    { path: OPERATIONS_PATH, mode: MODE_FILE, data: Buffer.from(text) },
  ]);
  const initrd = join(folder, 'initrd');
  writeFileSync(initrd, Buffer.concat([readFileSync(image.initrd), archive]));
  return initrd;
}

async function record(
  output: Readable,
  input: Writable,
  operations: readonly RecordedOperation[],
  { machine }: LparMachine,
): Promise<RecorderRun> {
  const console = new GuestConsole(output, input);
  await console.ready(RECORDER_BOOT_MS);
  const release = (await console.run('uname -r')).output.trim();
  let vfioAp = false;
  for (const command of PREPARATION) vfioAp = (await console.run(command)).status === 0;
  const session = new AgentSession(operations, (operation) => {
    if (operation[0] === 'partition')
      changePartition(machine.partition, operation[1], machine.config);
    else
      for (const [action, apid] of actionsOf(operation[1]))
        operateOn(machine.partition, action, apid);
    input.write('done\n');
  });
  console.onText = (piece) => session.take(piece);
  output.once('close', () => session.end());
  input.write(`/${AGENT_PATH}\n`);
  return { release, vfioAp, ...(await session.result) };
}
