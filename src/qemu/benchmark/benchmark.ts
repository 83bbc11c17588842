// SPDX-License-Identifier: Apache-2.0
// Measures a served guest: microseconds a TAPQ as the guest sees them, boot time with and without us, RSA requests a second.
// Source of the method: docs/reference/qemu-attach.md section 9.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GuestConsole, SCRIPT_CONSOLE } from '../console.ts';
import type { GuestImage } from '../guest-image/build.ts';
import { INIT_MARK, MODULES_MARK } from '../guest-image/guest-files.ts';
import { type LaunchOptions, launchQemu } from '../launch.ts';
import type { Poller } from '../poller.ts';
import { bootGuest } from '../serve.ts';
import type { ApService } from '../service.ts';
import { TAPQ_COUNT_AT, TAPQ_TIMES_AT, tapqImage } from './tapq-image.ts';

/** TOD units in a microsecond. */
const TOD_UNITS_PER_US = 4096;

const BOOT_TIMEOUT_MS = 120_000;

/** Times of one instruction, microseconds. */
export interface InstructionTimes {
  readonly bestUs: number;
  readonly medianUs: number;
  readonly meanUs: number;
}

/** Times of a boot, milliseconds since QEMU was started. */
export interface BootTimes {
  readonly initMs: number;
  readonly modulesMs: number;
}

/** RSA requests of a guest. */
export interface RsaRate {
  readonly perSecond: number;
  readonly failed: boolean;
}

/** Measures TAPQ from inside a guest that does nothing else. */
export async function measureTapq(
  service: ApService,
  poller: Poller,
  apqn: number,
  count = 20_000,
): Promise<InstructionTimes> {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-bench-'));
  const kernel = join(folder, 'tapq');
  writeFileSync(kernel, tapqImage(count, apqn));
  const launch: LaunchOptions = { kernel, bare: true, memoryMiB: 64 };
  try {
    const guest = await bootGuest(service, poller, launch, { hook: 'bare' });
    const { ram } = guest.qemu!;
    while (ram.readWord(TAPQ_COUNT_AT) !== 0) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const bytes = Buffer.alloc(4 * count);
    ram.read(TAPQ_TIMES_AT, bytes);
    await guest.close();
    const times = Array.from({ length: count }, (_, i) => bytes.readUInt32BE(4 * i));
    times.sort((a, b) => a - b);
    const sum = times.reduce((total, time) => total + time, 0);
    return {
      bestUs: times[0] / TOD_UNITS_PER_US,
      medianUs: times[count >>> 1] / TOD_UNITS_PER_US,
      meanUs: sum / count / TOD_UNITS_PER_US,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function bootTimes(console: GuestConsole, start: number): Promise<BootTimes> {
  await console.waitFor(new RegExp(INIT_MARK), BOOT_TIMEOUT_MS);
  const initMs = performance.now() - start;
  await console.waitFor(new RegExp(MODULES_MARK), BOOT_TIMEOUT_MS);
  return { initMs, modulesMs: performance.now() - start };
}

/** Boots the image without anybody serving it. */
export async function measureBootAlone(image: GuestImage, cpus = 1): Promise<BootTimes> {
  const start = performance.now();
  const qemu = await launchQemu({ ...image, cpus, append: SCRIPT_CONSOLE });
  try {
    return await bootTimes(new GuestConsole(qemu.output!, qemu.input!), start);
  } finally {
    await qemu.close();
  }
}

/** Boots the image with cards, then sends RSA requests from as many processes as asked. */
export async function measureServed(
  service: ApService,
  poller: Poller,
  image: GuestImage,
  options: {
    cpus?: number;
    interrupts?: boolean;
    requests?: number;
    processes?: number;
    test?: string;
  } = {},
): Promise<{ boot: BootTimes; rsa: RsaRate }> {
  const { cpus = 1, requests = 1000, processes = 1, test = 'mex-1024' } = options;
  const start = performance.now();
  const interrupts = options.interrupts ?? true;
  const guest = await bootGuest(service, poller, {
    ...image,
    cpus,
    interrupts,
    append: SCRIPT_CONSOLE,
  });
  try {
    const console = new GuestConsole(guest.qemu!.output!, guest.qemu!.input!);
    const boot = await bootTimes(console, start);
    await console.ready(BOOT_TIMEOUT_MS);
    const before = performance.now();
    const each = Math.ceil(requests / processes);
    const { status } = await console.run(`rsa-test ${each} ${processes} ${test}`, 600_000);
    const seconds = (performance.now() - before) / 1000;
    return { boot, rsa: { perSecond: (each * processes) / seconds, failed: status !== 0 } };
  } finally {
    await guest.close();
  }
}
