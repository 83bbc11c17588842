// SPDX-License-Identifier: Apache-2.0
// Injects one response code at one AP instruction of a running stock kernel and notes what the kernel did.
// Source: docs/reference/ap-architecture.md 2.1 (codes), 2.2 (what the driver should do).

import { F_ACTIVE } from '../../../native-like/machine/layout.ts';
import type { FaultInstruction, MachineConfig } from '../../config/types.ts';
import { GuestConsole, SCRIPT_CONSOLE } from '../console.ts';
import type { GuestImage } from '../guest-image/build.ts';
import { createQemuMachine, type QemuMachine } from '../guest-machine.ts';
import { Poller } from '../poller.ts';
import { bootGuest, type ServedGuest } from '../serve.ts';

/** Card and queue of the probe: the guest has no other, so that every request goes there. */
export const PROBE_QUEUE = '06.0004';
export const PROBE_APQN = 0x0604;
const QUEUE_PATH = `/sys/devices/ap/card06/${PROBE_QUEUE}`;

/** What makes Linux execute an instruction, besides its timers. */
export const TRIGGERS: Readonly<Record<string, string>> = {
  tapq: 'echo 1 > /sys/bus/ap/scans',
  rapq: `echo 1 > ${QUEUE_PATH}/reset`,
  aqic: `echo 1 > ${QUEUE_PATH}/reset`,
  nqap: 'true',
  dqap: 'true',
};

/** What Linux did. */
export interface Observation {
  /** The instruction was executed and met the code. */
  readonly met: boolean;
  /** Requests of the burst that ended well, and errno numbers of the others with their counts. */
  readonly right: number;
  readonly errors: string;
  /** STATUS column of lszcrypt -V right after. */
  readonly state: string;
  /** Milliseconds until a request succeeded again; -1: not within the time waited. */
  readonly recoveryMs: number;
  /** Lines of the kernel log that came with it, without their time. */
  readonly log: readonly string[];
}

/** Seconds between bus scans in the probe guest: the shortest the kernel takes. */
export const SCAN_SECONDS = 5;
const BURST = 10;
/** A request that has no answer by then waits for the kernel's own timeout of 900 s. */
const BURST_SECONDS = 2 * SCAN_SECONDS;
const RECOVERY_MS = 4 * SCAN_SECONDS * 1000;
const COMMAND_MS = 120_000;
const BOOT_MS = 120_000;

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

/** A booted guest that is asked case after case. */
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
  static async boot(config: MachineConfig, image: GuestImage): Promise<Probe> {
    const qemu = await createQemuMachine(config, ['probe']);
    const launch = { ...image, append: SCRIPT_CONSOLE };
    const guest = await bootGuest(qemu.service('probe'), new Poller(), launch);
    const console = new GuestConsole(guest.qemu!.output!, guest.qemu!.input!);
    const probe = new Probe(qemu, guest, console);
    await console.ready(BOOT_MS);
    await probe.#run(`echo ${SCAN_SECONDS} > /sys/bus/ap/config_time`);
    return probe;
  }

  /** Everything the guest printed: for a case that ended in a panic. */
  get text(): string {
    return this.#console.text;
  }

  /** One case: the code once, then what follows. Throws when the guest does not survive. */
  async observe(on: FaultInstruction, rc: number): Promise<Observation> {
    await this.#run('dmesg -c > /dev/null');
    const { machine } = this.#qemu;
    machine.fault({
      guest: undefined,
      apqn: PROBE_APQN,
      on,
      effect: { kind: 'rc', rc },
      trigger: { kind: 'count', count: 1 },
    });
    await this.#run(TRIGGERS[on]);
    const burst = await this.#run(
      `timeout -s KILL ${BURST_SECONDS} rsa-test ${BURST} 1 mex-1024 2>&1`,
    );
    const met = machine.image.word(machine.image.fault(0) + F_ACTIVE) === 0;
    machine.faults.clear();
    const table = await this.#run('lszcrypt -V');
    const state = table.split('\n').find((line) => line.startsWith(PROBE_QUEUE));
    const recoveryMs = await this.#recover();
    const log = await this.#run('dmesg');
    return { met, ...resultOf(burst), state: stateOf(state), recoveryMs, log: linesOf(log) };
  }

  async close(): Promise<void> {
    await this.#guest.close();
    this.#qemu.machine.close();
  }

  async #recover(): Promise<number> {
    const start = performance.now();
    while (performance.now() - start < RECOVERY_MS) {
      const { status } = await this.#console.run(
        `timeout -s KILL ${BURST_SECONDS} rsa-test 1 1 mex-1024 2>&1`,
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

function resultOf(text: string): { right: number; errors: string } {
  const match = /right=(\d+) wrong=\d+ ?(.*)/.exec(text);
  if (match === null) return { right: 0, errors: 'waits' };
  return { right: Number(match[1]), errors: match[2].replaceAll('errno', '').trim() };
}

/** The queue's row without name, type, mode and the numbers behind the state. */
function stateOf(row: string | undefined): string {
  return row === undefined ? 'gone' : (row.trim().split(/\s+/)[3] ?? '');
}

function linesOf(log: string): string[] {
  const lines = log.split('\n').map((line) => line.replace(/^\[ *[\d.]+\] /, ''));
  return [...new Set(lines.filter((line) => line !== ''))];
}
