// SPDX-License-Identifier: Apache-2.0
// Looks at a QEMU that somebody else has started: is its memory shared, where is it, how many CPUs are there, and what is its kernel
// command line?
// Source: QEMU's QMP schema (query-memdev, qom-get, query-hotpluggable-cpus); docs/reference/qemu-attach.md section 4.

import Type, { type Static, type TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { ApemuError } from '../errors.ts';
import { AREA_BYTES, MAILBOX_COUNT } from './hook-layout.ts';
import { Qmp, type QmpOptions, whileNotAborted } from './qmp.ts';
import { type GuestRam, openRam } from './ram.ts';

/** A QEMU that can be served. */
export interface QemuConnection {
  readonly qmp: Qmp;
  readonly ram: GuestRam;
  /** Number of CPU addresses it may have, hot plug included. */
  readonly cpus: number;
}

/** What its options must be, at the end of this file's messages. */
const DOCUMENTED =
  'Start it with: -M s390-ccw-virtio,memory-backend=ram -object memory-backend-file,id=ram,size=SIZE,mem-path=/dev/shm/NAME,share=on';

/** Size of a guest in bytes: whole MiB, more than the one that belongs to the hook, and less than the limit of a file. */
const MEMORY_SIZE = Type.Integer({
  minimum: 2 * AREA_BYTES,
  maximum: Number.MAX_SAFE_INTEGER - (Number.MAX_SAFE_INTEGER % AREA_BYTES),
  multipleOf: AREA_BYTES,
});

/** Address at which zipl and QEMU put the kernel's command line. Source: Linux, arch/s390/include/asm/setup.h (PARMAREA, COMMAND_LINE). */
const COMMAND_LINE_AT = 0x10480;
const COMMAND_LINE_BYTES = 896;

/** Number of CPU addresses that the machine may have. */
export async function countCpus(qmp: Qmp): Promise<number> {
  const slots = await qmp.execute('query-hotpluggable-cpus');
  const count = slots.reduce((sum, slot) => sum + slot['vcpus-count'], 0);
  return Math.min(count, MAILBOX_COUNT);
}

/** A property of QEMU's object model; undefined if there is none with that name, or its value is of another kind. */
async function property<T extends TSchema>(
  qmp: Qmp,
  [path, name]: readonly [string, string],
  schema: T,
): Promise<Static<T> | undefined> {
  const value: unknown = await qmp.execute('qom-get', { path, property: name }).catch((error) => {
    if (qmp.closed) throw error;
    return undefined;
  });
  return Check(schema, value) ? value : undefined;
}

/**
 * Connects to a running QEMU and opens its memory.
 *
 * @throws ApemuError APEMU_ERR_QEMU_QMP when nobody answers, APEMU_ERR_QEMU_RAM when its memory is not shared through a file,
 *   APEMU_ERR_QEMU_COMMAND_LINE when its kernel was not told of facilities or of the hook's memory
 */
export async function connectRunning(
  qmpPath: string,
  options: QmpOptions & { readonly bare?: boolean } = {},
): Promise<QemuConnection> {
  const qmp = await Qmp.connect(qmpPath, options);
  try {
    return await whileNotAborted(qmp, options.signal, async () => {
      const ram = await sharedMemory(qmp);
      if (options.bare !== true) await checkCommandLine(qmp, ram);
      return { qmp, ram, cpus: await countCpus(qmp) };
    });
  } catch (error) {
    qmp.close();
    throw error;
  }
}

async function sharedMemory(qmp: Qmp): Promise<GuestRam> {
  const path = await property(qmp, ['/machine', 'memory-backend'], Type.String({ minLength: 1 }));
  if (path === undefined) throw notShared('it has no memory backend of its own');
  const object = path.startsWith('/') ? path : `/objects/${path}`;
  const file = await property(qmp, [object, 'mem-path'], Type.String());
  if (file === undefined) throw notShared(`its memory backend ${object} is not a file`);
  if ((await property(qmp, [object, 'share'], Type.Boolean())) !== true) {
    throw notShared(`its memory backend ${object} has share=off`);
  }
  const size = await property(qmp, [object, 'size'], MEMORY_SIZE);
  if (size === undefined) throw notShared(`its memory backend ${object} does not tell its size`);
  return openRam(file, size);
}

function notShared(why: string): ApemuError {
  return new ApemuError(
    'APEMU_ERR_QEMU_RAM',
    `this QEMU cannot be served: ${why}, so its registers and storage cannot be reached. ${DOCUMENTED}`,
  );
}

async function checkCommandLine(qmp: Qmp, ram: GuestRam): Promise<void> {
  const given = (await property(qmp, ['/machine', 'append'], Type.String())) ?? '';
  const text = given === '' ? commandLineInMemory(ram) : given;
  const problem = text === '' ? undefined : commandLineProblem(text, ram.size);
  if (problem !== undefined) throw new ApemuError('APEMU_ERR_QEMU_COMMAND_LINE', problem);
}

function commandLineInMemory(ram: GuestRam): string {
  const bytes = Buffer.alloc(COMMAND_LINE_BYTES);
  ram.read(COMMAND_LINE_AT, bytes);
  const end = bytes.indexOf(0);
  const text = bytes.toString('latin1', 0, end < 0 ? bytes.length : end);
  return /^[\x20-\x7e]+$/.test(text) ? text : '';
}

/**
 * What is wrong with a kernel command line for a guest with `size` bytes of storage, and what to add.
 *
 * @returns undefined when it will do
 */
export function commandLineProblem(text: string, size: number): string | undefined {
  const words = text.split(/\s+/);
  const told = words.filter((word) => word.startsWith('facilities=')).join(',');
  if (!/\b(12|15|65)\b/.test(told)) {
    return 'the guest kernel was not told of the AP facilities: add facilities=12,15,65 to its command line (facilities=12,15 for polling)';
  }
  const limit = (size - AREA_BYTES) / 0x100000;
  const mem = words.map((word) => /^mem=(\d+)([KMGkmg]?)$/.exec(word)).find((match) => match);
  const unit = { '': 1, k: 0x400, m: 0x100000, g: 0x40000000 }[mem?.[2]?.toLowerCase() ?? ''] ?? 1;
  if (mem === undefined || mem === null || Number(mem[1]) * unit > size - AREA_BYTES) {
    return `the guest kernel uses all its memory, the hook needs the last MiB: add mem=${limit}M to its command line`;
  }
  return undefined;
}
