// SPDX-License-Identifier: Apache-2.0
// Figures of a served guest in one run: boot time with and without apemu, microseconds of a TAPQ as the guest sees them, RSA requests a
// second, and for how long a migration stops it. Source of the method: docs/reference/qemu-attach.md section 9.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { configFromObject } from '../../config/load.ts';
import type { LaunchOptions } from '../arguments.ts';
import { BOOT_MS, GuestConsole, SCRIPT_CONSOLE } from '../console.ts';
import type { GuestImage } from '../guest-image/build.ts';
import { INIT_MARK, MODULES_MARK } from '../guest-image/guest-files.ts';
import { createQemuMachine } from '../guest-machine.ts';
import { launchQemu, type RunningQemu } from '../launch.ts';
import { Poller } from '../poller.ts';
import { bootGuest, type ServeOptions } from '../serve.ts';
import { measureMoves } from './migration.ts';
import { TAPQ_COUNT_AT, TAPQ_TIMES_AT, tapqImage } from './tapq-image.ts';

/** The boot time with apemu should not exceed this multiple of that without. */
const BOOT_RATIO_GOAL = 1.15;

/** Number of TOD units in a microsecond. */
const TOD_UNITS_PER_US = 4096;
const RSA_TIMEOUT_MS = 600_000;

/** The guest that is measured: Guest1 of the documentation. */
const CONFIG = {
  apemu: 1,
  machine: {
    adapters: { 5: { type: 'CEX8', mode: 'cca' }, 6: { type: 'CEX8', mode: 'accelerator' } },
    usageDomains: [0x04, 0xab],
    controlDomains: [0x04, 0xab],
  },
  host: { apmask: '-5,-6' },
  guests: { guest: { vcpus: 1, mdev: { adapters: [5, 6], domains: [0x04, 0xab] } } },
};
const APQN = 0x0504;

/** How often each figure is measured. More measurements take longer and give a smaller spread. */
export interface FiguresOptions extends Pick<ServeOptions, 'log' | 'signal'> {
  /** Number of boots that are served; QEMU alone boots as often. */
  readonly boots?: number;
  /** Number of TAPQs. */
  readonly instructions?: number;
  /** Number of RSA requests. */
  readonly requests?: number;
  /** Number of migrations under load. */
  readonly moves?: number;
}

/** Milliseconds from the start of QEMU to a line of the guest's init. */
export interface BootTimes {
  readonly initMs: number;
  readonly modulesMs: number;
}

/** Microseconds that one instruction takes. */
export interface InstructionTimes {
  readonly bestUs: number;
  readonly medianUs: number;
}

/** What a migration takes. */
export interface MigrationTimes {
  readonly moves: number;
  /** Milliseconds for which the guest's CPUs stand still. */
  readonly downtimeMs: number;
  /** Milliseconds from then on until a request is answered. */
  readonly firstReplyMs: number;
}

/** What was measured. Boot times are medians. */
export interface Figures {
  readonly boots: number;
  readonly alone: BootTimes;
  readonly served: BootTimes;
  /** Boot time of a served guest divided by that of QEMU alone: until init, and until the modules are loaded. */
  readonly initRatio: number;
  readonly modulesRatio: number;
  readonly tapq: InstructionTimes;
  /** RSA-1024 requests a second, by the number of processes that send them. */
  readonly rsaPerSecond: ReadonlyMap<number, number>;
  /** Medians over the migrations under load. */
  readonly migration: MigrationTimes;
  /** Load of the computer before and after. The figures of a busy computer mean little. */
  readonly load: readonly [number, number];
}

/** Measures everything. Boots of both kinds take turns. */
export async function measureFigures(
  image: GuestImage,
  options: FiguresOptions = {},
): Promise<Figures> {
  const { boots = 7, instructions = 20_000, requests = 2_000, moves = 20 } = options;
  const { log = () => {}, signal } = options;
  const ends = signal === undefined ? {} : { signal };
  const [loadBefore = 0] = loadavg();
  const alone: BootTimes[] = [];
  const served: BootTimes[] = [];
  for (let turn = 0; turn < boots; turn++) {
    const ways = [
      async () => alone.push(await bootAlone(image, ends)),
      async () => served.push(await withServedGuest(image, ends, async ({ boot }) => boot)),
    ];
    // The order changes each time, so that something which gets slower with time concerns both kinds.
    if (turn % 2 === 1) ways.reverse();
    for (const way of ways) await way();
    const [without, withUs] = [alone[turn].modulesMs, served[turn].modulesMs];
    log(`boot ${turn + 1}: alone ${without.toFixed(0)} ms, served ${withUs.toFixed(0)} ms`);
  }
  const medians = { alone: medianBoot(alone), served: medianBoot(served) };
  const tapq = await measureTapq(instructions, ends);
  const rsaPerSecond = await withServedGuest(image, ends, ({ console }) =>
    measureRsa(console, requests),
  );
  const { machine } = CONFIG;
  const { downtimeMs, firstReplyMs } = await measureMoves(image, machine, moves, ends);
  const [loadAfter = 0] = loadavg();
  return {
    boots,
    ...medians,
    initRatio: medians.served.initMs / medians.alone.initMs,
    modulesRatio: medians.served.modulesMs / medians.alone.modulesMs,
    tapq,
    rsaPerSecond,
    migration: {
      moves,
      downtimeMs: median(downtimeMs),
      firstReplyMs: median(firstReplyMs),
    },
    load: [loadBefore, loadAfter],
  };
}

/** The figures as text. */
export function formatFigures(figures: Figures): string {
  const { alone, served, tapq, rsaPerSecond, migration, load } = figures;
  const ms = (value: number) => value.toFixed(0).padStart(5);
  const rsa = [...rsaPerSecond].map(
    ([processes, rate]) =>
      `RSA-1024, ${processes === 1 ? '1 process  ' : `${processes} processes`}     ${rate.toFixed(0)} a second`,
  );
  return [
    'boot (ms, median)         alone  served  ratio',
    `  to init                 ${ms(alone.initMs)}   ${ms(served.initMs)}   ${figures.initRatio.toFixed(2)}`,
    `  to loaded modules       ${ms(alone.modulesMs)}   ${ms(served.modulesMs)}   ${figures.modulesRatio.toFixed(2)}  (goal: at most ${BOOT_RATIO_GOAL})`,
    `TAPQ in the guest         best ${tapq.bestUs.toFixed(1)} us, median ${tapq.medianUs.toFixed(1)} us`,
    ...rsa,
    `migration under load      ${migration.downtimeMs.toFixed(0)} ms standing still, ${migration.firstReplyMs.toFixed(0)} ms more to the first reply (medians of ${migration.moves})`,
    `${figures.boots} boots each way, in turn; load ${load[0].toFixed(1)} before, ${load[1].toFixed(1)} after`,
    '',
  ].join('\n');
}

/** Measures TAPQ from inside a guest that does nothing else. */
async function measureTapq(count: number, options: ServeOptions): Promise<InstructionTimes> {
  const folder = mkdtempSync(join(tmpdir(), 'apemu-bench-'));
  const kernel = join(folder, 'tapq');
  writeFileSync(kernel, tapqImage(count, APQN));
  const launch: LaunchOptions = { kernel, bare: true, watched: false, memoryMiB: 64 };
  const { machine, service } = await createQemuMachine(configFromObject(CONFIG).config, ['guest']);
  try {
    const guest = await bootGuest(service('guest'), new Poller(), launch, {
      ...options,
      hook: 'bare',
    });
    const { ram } = guest.qemu!;
    while (ram.readWord(TAPQ_COUNT_AT) !== 0) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const bytes = Buffer.alloc(4 * count);
    ram.read(TAPQ_TIMES_AT, bytes);
    await guest.close();
    const times = Array.from({ length: count }, (_, i) => bytes.readUInt32BE(4 * i));
    return {
      bestUs: Math.min(...times) / TOD_UNITS_PER_US,
      medianUs: median(times) / TOD_UNITS_PER_US,
    };
  } finally {
    machine.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureRsa(console: GuestConsole, requests: number): Promise<Map<number, number>> {
  const rates = new Map<number, number>();
  await console.ready(BOOT_MS);
  for (const processes of [1, 4]) {
    const each = Math.ceil(requests / processes);
    const before = performance.now();
    const { status, output } = await console.run(
      `rsa-test ${each} ${processes} mex-1024`,
      RSA_TIMEOUT_MS,
    );
    if (status !== 0) throw new Error(`RSA requests failed:\n${output}`);
    rates.set(processes, (each * processes * 1000) / (performance.now() - before));
  }
  return rates;
}

/** Boots the image without serving it. */
async function bootAlone(image: GuestImage, { signal }: ServeOptions): Promise<BootTimes> {
  signal?.throwIfAborted();
  const start = performance.now();
  const qemu = await launchQemu({ ...image, append: SCRIPT_CONSOLE });
  try {
    await qemu.qmp.execute('cont');
    return await bootTimes(consoleOf(qemu), start);
  } finally {
    await qemu.close();
  }
}

/** Boots the image with cards, and calls `use` with the guest. */
async function withServedGuest<T>(
  image: GuestImage,
  options: ServeOptions,
  use: (guest: { boot: BootTimes; console: GuestConsole }) => Promise<T>,
): Promise<T> {
  const { machine, service } = await createQemuMachine(configFromObject(CONFIG).config, ['guest']);
  try {
    const start = performance.now();
    const launch = { ...image, append: SCRIPT_CONSOLE };
    const guest = await bootGuest(service('guest'), new Poller(), launch, options);
    try {
      const console = consoleOf(guest.qemu!);
      return await use({ boot: await bootTimes(console, start), console });
    } finally {
      await guest.close();
    }
  } finally {
    machine.close();
  }
}

function consoleOf(qemu: RunningQemu): GuestConsole {
  return new GuestConsole(qemu.output!, qemu.input!);
}

async function bootTimes(console: GuestConsole, start: number): Promise<BootTimes> {
  await console.waitFor(new RegExp(INIT_MARK), BOOT_MS);
  const initMs = performance.now() - start;
  await console.waitFor(new RegExp(MODULES_MARK), BOOT_MS);
  return { initMs, modulesMs: performance.now() - start };
}

function medianBoot(boots: readonly BootTimes[]): BootTimes {
  return {
    initMs: median(boots.map((boot) => boot.initMs)),
    modulesMs: median(boots.map((boot) => boot.modulesMs)),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
