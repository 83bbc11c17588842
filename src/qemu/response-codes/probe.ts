// SPDX-License-Identifier: Apache-2.0
// Injects one response code at one AP instruction of a running stock kernel, and notes what the kernel does.
// Source: docs/reference/ap-architecture.md 2.1 (codes), 2.2 (what the driver should do).

import { F_ACTIVE } from '../../../native-like/machine/layout.ts';
import type { FaultInstruction, MachineConfig } from '../../config/types.ts';
import { BOOT_MS, GuestConsole, SCRIPT_CONSOLE } from '../console.ts';
import type { GuestImage } from '../guest-image/build.ts';
import { createQemuMachine, type QemuMachine } from '../guest-machine.ts';
import { Poller } from '../poller.ts';
import { bootGuest, type ServedGuest } from '../serve.ts';

/** Card and queue of the probe. The guest has no other, so that every request goes there. */
const PROBE_QUEUE = '06.0004';
const PROBE_APQN = 0x0604;
const QUEUE_PATH = `/sys/devices/ap/card06/${PROBE_QUEUE}`;

const DRIVER_PATH = '/sys/bus/ap/drivers/cex4queue';

/** What makes Linux execute an instruction. NQAP and DQAP come with every request. */
export const TRIGGERS = {
  tapq: 'echo 1 > /sys/bus/ap/scans',
  rapq: `echo 1 > ${QUEUE_PATH}/reset`,
  zapq: `echo ${PROBE_QUEUE} > ${DRIVER_PATH}/unbind; echo ${PROBE_QUEUE} > ${DRIVER_PATH}/bind`,
  aqic: `echo 1 > ${QUEUE_PATH}/reset`,
  nqap: 'true',
  dqap: 'true',
} as const satisfies Partial<Record<FaultInstruction, string>>;

/** The instructions with a response code that a kernel executes outside secure execution. */
export type ProbedInstruction = keyof typeof TRIGGERS;

/** What the kernel did with a response code. */
export interface Observation {
  /** When the instruction met the code: while requests were under way, after the last one had ended, or never. */
  readonly met: 'during' | 'later' | 'no';
  /** Number of requests of the burst that ended well. */
  readonly right: number;
  /** Number of requests that failed, by errno. */
  readonly errors: ReadonlyMap<number, number>;
  /** Number of processes of the burst whose request had no answer. */
  readonly waiting: number;
  /** The STATUS column of lszcrypt -V right after the code. */
  readonly state: string;
  /** Milliseconds until a request succeeded again; -1 if none did in the time that was waited. */
  readonly recoveryMs: number;
  /** Whether a request succeeded only after the queue was reset by hand. */
  readonly byReset: boolean;
  /** Lines of the kernel log that the code caused, without their times. */
  readonly log: readonly string[];
}

/** Seconds between two bus scans in the probe guest: the shortest time that the kernel accepts. */
export const SCAN_SECONDS = 5;
/** Number of RSA processes that run while the code is answered, and of requests of each: enough for a second. */
export const BURST = { processes: 2, requests: 300 } as const;
/** Seconds without an answer after which the requests that are left wait for the kernel's own timeout of 900 s. */
export const QUIET_SECONDS = 2 * SCAN_SECONDS;
const RECOVERY_MS = 4 * SCAN_SECONDS * 1000;
const COMMAND_MS = 300_000;

const COUNT = `$(cat ${QUEUE_PATH}/request_count 2>/dev/null)`;

/** Starts the burst, and returns when its first requests have been sent. */
const START_BURST = [
  'rm -f /tmp/burst.*',
  `first=$((${COUNT} + 5))`,
  ...Array.from(
    { length: BURST.processes },
    (_, n) => `{ rsa-test ${BURST.requests} 1 mex-1024 > /tmp/burst.${n} 2>&1 & }`,
  ),
  `while [ ${COUNT} -lt $first ]; do usleep 1000; done`,
].join('\n');

/** Waits until the burst has ended, or ends it if nothing happens any more. */
const END_BURST = [
  'last=',
  'quiet=0',
  'while jobs | grep -q Running; do usleep 200000',
  `if [ "${COUNT}" = "$last" ]; then quiet=$((quiet + 1)); else quiet=0; fi`,
  `last="${COUNT}"`,
  `if [ $quiet -gt ${QUIET_SECONDS * 5} ]; then killall -9 rsa-test; fi; done`,
  'wait',
  'cat /tmp/burst.*',
].join('\n');

/** The configuration of the probe guest. */
export const PROBE_CONFIG = {
  apemu: 1,
  machine: {
    adapters: { 6: { type: 'CEX8', mode: 'accelerator' } },
    usageDomains: [4],
    controlDomains: [4],
  },
  host: { apmask: '-6' },
  guests: { probe: { vcpus: 1, mdev: { adapters: [6], domains: [4], controlDomains: [] } } },
};

/** A booted guest on which one case after the other is tried. */
export class Probe {
  readonly #qemu: QemuMachine;
  readonly #guest: ServedGuest;
  readonly #console: GuestConsole;

  private constructor(qemu: QemuMachine, guest: ServedGuest, console: GuestConsole) {
    this.#qemu = qemu;
    this.#guest = guest;
    this.#console = console;
  }

  /** Boots the guest of `PROBE_CONFIG`. */
  static async boot(
    config: MachineConfig,
    image: GuestImage,
    signal?: AbortSignal,
  ): Promise<Probe> {
    const qemu = await createQemuMachine(config, ['probe']);
    const launch = { ...image, append: SCRIPT_CONSOLE };
    const guest = await bootGuest(
      qemu.service('probe'),
      new Poller(),
      launch,
      signal === undefined ? {} : { signal },
    );
    const console = new GuestConsole(guest.qemu!.output!, guest.qemu!.input!);
    const probe = new Probe(qemu, guest, console);
    await console.ready(BOOT_MS);
    await probe.#run(`echo ${SCAN_SECONDS} > /sys/bus/ap/config_time`);
    return probe;
  }

  /** Everything that the guest has printed, for a case that ends in a panic. */
  get text(): string {
    return this.#console.text;
  }

  /** Release of the guest's kernel. */
  async kernel(): Promise<string> {
    return (await this.#run('uname -r')).trim();
  }

  /** Tries one case: the code is answered once while requests are under way. Throws if the guest does not survive. */
  async observe(on: ProbedInstruction, rc: number): Promise<Observation> {
    await this.#run('dmesg -c > /dev/null');
    await this.#run(START_BURST);
    const { machine } = this.#qemu;
    machine.fault({
      guest: undefined,
      apqn: PROBE_APQN,
      on,
      effect: { kind: 'rc', rc },
      trigger: { kind: 'count', count: 1 },
    });
    const jobs = await this.#run(`${TRIGGERS[on]}; usleep 10000; jobs`);
    const struck = () => machine.image.word(machine.image.fault(0) + F_ACTIVE) === 0;
    const during = struck() && jobs.includes('Running');
    const burst = await this.#run(END_BURST);
    const met = during ? 'during' : struck() ? 'later' : 'no';
    machine.faults.clear();
    const table = await this.#run('lszcrypt -V');
    const state = table.split('\n').find((line) => line.startsWith(PROBE_QUEUE));
    let recoveryMs = await this.#recover();
    const byReset = recoveryMs < 0;
    if (byReset) {
      await this.#run(`echo 1 > ${QUEUE_PATH}/reset`);
      recoveryMs = await this.#recover();
    }
    const log = await this.#run('dmesg');
    return {
      met,
      ...resultOf(burst),
      state: stateOf(state),
      recoveryMs,
      byReset,
      log: linesOf(log),
    };
  }

  async close(): Promise<void> {
    await this.#guest.close();
    this.#qemu.machine.close();
  }

  async #recover(): Promise<number> {
    const start = performance.now();
    while (performance.now() - start < RECOVERY_MS) {
      const { status } = await this.#console.run(
        `timeout -s KILL ${QUIET_SECONDS} rsa-test 1 1 mex-1024 2>&1`,
        COMMAND_MS,
      );
      if (status === 0) return Math.round(performance.now() - start);
    }
    return -1;
  }

  async #run(command: string): Promise<string> {
    return (await this.#console.run(command, COMMAND_MS)).output;
  }
}

function resultOf(text: string): Pick<Observation, 'right' | 'errors' | 'waiting'> {
  const ends = [...text.matchAll(/right=(\d+) wrong=\d+ ?(.*)/g)];
  const errors = new Map<number, number>();
  for (const [, code, count] of text.matchAll(/errno(\d+)=(\d+)/g)) {
    errors.set(Number(code), (errors.get(Number(code)) ?? 0) + Number(count));
  }
  const right = ends.reduce((sum, [, count]) => sum + Number(count), 0);
  return { right, errors, waiting: BURST.processes - ends.length };
}

/** The queue's row without name, type and mode, and without the numbers after the state. */
function stateOf(row: string | undefined): string {
  return row === undefined ? 'gone' : (row.trim().split(/\s+/)[3] ?? '');
}

function linesOf(log: string): string[] {
  const lines = log.split('\n').map((line) => line.replace(/^\[ *[\d.]+\] /, ''));
  return [...new Set(lines.filter((line) => line !== ''))];
}
