// SPDX-License-Identifier: Apache-2.0
// A guest under QEMU with the agent in it, kept at the moment after its boot: drivers are loaded, devices are there, and the agent waits.
// Source: docs/reference/fuzzing.md section 3.
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { ApemuError } from '../errors.ts';
import type { Machine } from '../host/machine/machine.ts';
import { type Checkpoint, takeCheckpoint } from '../host/state/checkpoint.ts';
import { GuestConsole } from '../qemu/console.ts';
import { makeFolder, removeFolder } from '../qemu/folder.ts';
import { createQemuMachine } from '../qemu/guest-machine.ts';
import type { RunningQemu } from '../qemu/launch.ts';
import { InPlaceMoment, inPlaceLaunch } from '../qemu/moment/in-place.ts';
import type { Moment, MomentLevel } from '../qemu/moment/moment.ts';
import { PortableMoment } from '../qemu/moment/portable.ts';
import { Poller } from '../qemu/poller.ts';
import { bootGuest, type ServedGuest } from '../qemu/serve.ts';
import { allAnswers } from '../target/program/answers.ts';
import { Agent } from './agent/agent.ts';
import { ConsoleText } from './complaints.ts';
import { CoverageFile, KernelCoverage } from './coverage.ts';
import { type KernelGuestOptions, launchOf } from './kernel-launch.ts';
import { KernelService } from './kernel-service.ts';
import { type PreparedKernel, prepareKernel } from './prepare.ts';
import { SYMBOLS_COMMAND, symbolsOf, textRanges } from './text.ts';

const KERNEL_BOOT_MS = 300_000;
const AGENT_MS = 120_000;
const SETTLE_MS = 200;
const AGENT_LOOK_MS = 5;
/** Milliseconds for which a vCPU waits for an answer: long enough that it never gives up while apemu holds it. */
const PATIENCE_MS = 600_000;
interface Parts {
  readonly machine: Machine;
  readonly service: KernelService;
  readonly agent: Agent;
  readonly poller: Poller;
  readonly moment: Moment;
  readonly kept: { checkpoint: Checkpoint };
  readonly coverage: KernelCoverage | undefined;
  readonly file: CoverageFile | undefined;
  /** Has the initial RAM disk, the file of counters and the plugin's socket. */
  readonly folder: string;
  readonly prepared: PreparedKernel;
  readonly isHost: boolean;
}

export class KernelGuest {
  readonly machine: Machine;
  readonly service: KernelService;
  readonly agent: Agent;
  readonly poller: Poller;
  readonly coverage: KernelCoverage | undefined;
  readonly prepared: PreparedKernel;
  /** Whether it is a host, whose administrator has mediated devices. */
  readonly isHost: boolean;
  /** What the console has printed since the moment. */
  readonly console = new ConsoleText();
  /** Whether QEMU has ended or the guest was reset. */
  lost = false;
  readonly #moment: Moment;
  readonly #kept: { checkpoint: Checkpoint };
  readonly #file: CoverageFile | undefined;
  readonly #folder: string;
  #heard: unknown;

  private constructor(parts: Parts) {
    this.machine = parts.machine;
    this.service = parts.service;
    this.agent = parts.agent;
    this.poller = parts.poller;
    this.coverage = parts.coverage;
    this.prepared = parts.prepared;
    this.isHost = parts.isHost;
    this.#moment = parts.moment;
    this.#kept = parts.kept;
    this.#file = parts.file;
    this.#folder = parts.folder;
    this.agent.wake = () => this.#moment.input.write('\n');
    this.#listen();
  }

  get level(): MomentLevel {
    return this.#moment.level;
  }

  /**
   * Boots the guest and keeps the moment.
   * @throws ApemuError as `bootGuest`; APEMU_ERR_GUEST_CONSOLE if it does not come up; APEMU_ERR_QEMU_MOMENT
   */
  static async boot(options: KernelGuestOptions): Promise<KernelGuest> {
    try {
      return await KernelGuest.#boot(options);
    } catch (error) {
      const inPlace = options.moment.path !== undefined;
      if (!inPlace || !(error instanceof ApemuError) || error.code !== 'APEMU_ERR_QEMU_MOMENT')
        throw error;
      options.log?.(`${error.message}; each return is a new QEMU instead`);
      return await KernelGuest.#boot({ ...options, moment: { why: error.message } });
    }
  }

  static async #boot(options: KernelGuestOptions): Promise<KernelGuest> {
    const { config, guest: name, log, signal, poller = new Poller() } = options;
    const qemu = await createQemuMachine(config, [name], {}, allAnswers);
    const inner = qemu.service(name);
    const agent = new Agent();
    const service = new KernelService(inner, agent);
    const folder = makeFolder();
    const serve = {
      patienceMs: PATIENCE_MS,
      ...(log === undefined ? {} : { log }),
      ...(signal === undefined ? {} : { signal }),
    };
    service.go();
    let file: CoverageFile | undefined;
    let guest: ServedGuest | undefined;
    let moment: Moment | undefined;
    try {
      if (options.cover.path !== undefined) file = new CoverageFile(join(folder, 'cover'));
      const inPlace =
        options.moment.path === undefined ? undefined : inPlaceLaunch(options.moment.path, folder);
      const launch = launchOf(options, folder, inPlace, file);
      guest = await bootGuest(service, poller, launch, serve);
      const parts = await KernelGuest.#start(guest, options, agent, file);
      const kept = { checkpoint: takeCheckpoint(qemu.machine, { storage: false }) };
      const restoreMachine = (): void => {
        kept.checkpoint.restore();
        service.halt();
        agent.reset();
      };
      moment =
        inPlace === undefined
          ? await PortableMoment.keep(guest, {
              service,
              poller,
              launch,
              options: { patienceMs: PATIENCE_MS },
              restoreMachine,
            })
          : await InPlaceMoment.keep(guest, inPlace, { poller, restoreMachine });
      const booted = new KernelGuest({
        machine: qemu.machine,
        service,
        agent,
        poller,
        moment,
        kept,
        file,
        folder,
        isHost: options.host === true,
        ...parts,
      });
      await booted.restore();
      return booted;
    } catch (error) {
      await moment?.close();
      await guest?.close();
      file?.close();
      removeFolder(folder);
      qemu.machine.close();
      throw error;
    }
  }

  /** Prepares what is the same for every case: devices, the agent, symbols. */
  static async #start(
    guest: ServedGuest,
    { config, guest: name, more, planted, host = false }: KernelGuestOptions,
    agent: Agent,
    file: CoverageFile | undefined,
  ): Promise<Pick<Parts, 'coverage' | 'prepared'>> {
    const { output, input } = guest.qemu as RunningQemu;
    const shell = new GuestConsole(output as Readable, input as Writable);
    await shell.ready(KERNEL_BOOT_MS);
    const mdev = config.guests.find((one) => one.name === name)?.mdev;
    const queues = (mdev?.adapters ?? []).flatMap((apid) =>
      (mdev?.domains ?? []).map((apqi) => (apid << 8) | apqi),
    );
    const prepared = await prepareKernel(shell, queues, host);
    let coverage: KernelCoverage | undefined;
    if (file !== undefined) {
      const symbols = symbolsOf((await shell.run(SYMBOLS_COMMAND, KERNEL_BOOT_MS)).output);
      const ranges = textRanges(symbols, more);
      if (ranges.length > 0) coverage = new KernelCoverage(file, ranges, symbols);
    }
    (input as Writable).write(`dmesg -n 7; /apemu/agent${planted === true ? ' planted' : ''}\n`);
    const end = performance.now() + AGENT_MS;
    while (agent.asked === 0) {
      if (performance.now() > end)
        throw new ApemuError(
          'APEMU_ERR_GUEST_CONSOLE',
          `the agent does not start:\n${shell.text.split('\n').slice(-8).join('\n')}`,
        );
      await new Promise((resolve) => setTimeout(resolve, AGENT_LOOK_MS));
    }
    // The agent reads its console now. This waits for what the boot has still to do.
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    return { coverage, prepared };
  }

  /** Makes the machine as it is now part of the moment, so that what was added to it stays. */
  keepMachine(): void {
    this.#kept.checkpoint = takeCheckpoint(this.machine, { storage: false });
  }

  /** Goes back to the moment. */
  async restore(): Promise<void> {
    await this.#moment.restore();
    this.console.clear();
    this.#listen();
  }

  async go(): Promise<void> {
    this.service.go();
    await this.#moment.go();
    this.poller.wake();
  }

  /** As `Moment.skip`. The machine's time moves along with the guest's. */
  async skip(leastNs: number, mostNs: number): Promise<number> {
    const by = await this.#moment.skip(leastNs, mostNs);
    if (by > 0) this.service.skip(by);
    return by;
  }

  /** Whether something is on its way to the guest. */
  get delivering(): boolean {
    return this.#moment.guest.attachment.interruptions.busy;
  }

  get alive(): boolean {
    return this.#moment.guest.attachment.state === 'attached';
  }

  get pid(): number {
    return this.#moment.guest.qemu?.pid ?? -1;
  }

  async close(): Promise<void> {
    await this.#moment.close();
    this.#file?.close();
    removeFolder(this.#folder);
    this.machine.close();
  }

  #listen(): void {
    const { output } = this.#moment;
    if (this.#heard === output) return;
    this.#heard = output;
    // Otherwise the console of the boot would keep all that it reads.
    output.removeAllListeners('data');
    output.setEncoding('latin1');
    output.on('data', (chunk: string) => this.console.hear(chunk.replaceAll('\r', '')));
  }
}
