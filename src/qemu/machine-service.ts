// SPDX-License-Identifier: Apache-2.0
// A program of the machine as the AP facility of a QEMU guest: loads the registers into its vCPU block, executes one instruction, and
// reads the registers back. Everything else (masks, queues, AQIC, faults, trace) is done by the machine itself.

import { FACILITIES } from '../../native-like/arch/facilities.ts';
import {
  G_FACILITIES,
  G_VCPUS,
  V_EXIT,
  V_GR,
  V_PSW_MASK_HIGH,
} from '../../native-like/machine/layout.ts';
import { EXECUTE_COMPLETED, EXECUTE_PROGRAM } from '../../native-like/machine/outcome.ts';
import type { PartitionMachine } from '../host/machine/partition-machine.ts';
import { clearPending, interruptionWord, pendingMask } from '../kvm/interruptions.ts';
import type {
  AdapterCommands,
  ApService,
  ChannelReportService,
  Executed,
  ServedCpu,
  ServedStorage,
} from './ap-service.ts';
import type { ExternalRouter } from './external.ts';
import { GuestReports } from './guest-reports.ts';
import { PartitionAdapters } from './sclp.ts';
import type { HostClock } from './wall-clock.ts';

/** Which program of a machine is served. */
export interface ServedProgram {
  readonly name: string;
  /** Number in the image: that of a guest, or 0 for the partition's own program. */
  readonly number: number;
}

/**
 * An ApService with a machine's image. CPUs beyond the program's vCPUs share their blocks, which is possible because instructions are
 * executed one by one.
 */
export class MachineService implements ApService {
  readonly name: string;
  readonly reports?: ChannelReportService;
  readonly adapters?: AdapterCommands;
  readonly #machine: PartitionMachine;
  readonly #router: ExternalRouter;
  readonly #clock: HostClock;
  readonly #number: number;
  readonly #cpus: ServedCpu[] = [];

  constructor(
    machine: PartitionMachine,
    router: ExternalRouter,
    clock: HostClock,
    program: ServedProgram,
  ) {
    this.name = program.name;
    this.#machine = machine;
    this.#router = router;
    this.#clock = clock;
    this.#number = program.number;
    // The partition's own program has no host that could tell it anything, and adapters of its own.
    if (program.number > 0) this.reports = new GuestReports(machine.image, program.number);
    else this.adapters = new PartitionAdapters(machine.partition);
  }

  get facilities(): readonly number[] {
    const { image } = this.#machine;
    const word = image.word(image.guest(this.#number) + G_FACILITIES);
    return FACILITIES.filter(({ mask }) => (word & mask) !== 0).map(({ stfle }) => stfle);
  }

  connect(storage: ServedStorage): void {
    this.#router.connect(this.#number, storage);
  }

  cpu(address: number): ServedCpu {
    this.#cpus[address] ??= { gr: new Uint32Array(32), psw: new Uint32Array(4) };
    return this.#cpus[address];
  }

  execute(address: number, word: number): Executed {
    const { image, context } = this.#machine;
    const { i32 } = image;
    const { gr, psw } = this.cpu(address);
    const v = this.#block(address);
    this.#router.select(this.#number, address);
    for (let n = 0; n < 4; n++) i32[v + n] = psw[n];
    for (let n = 0; n < 32; n++) i32[v + V_GR + n] = gr[n];
    const ended = context.execute(v, word);
    if (ended === EXECUTE_PROGRAM) return 'program';
    if (ended !== EXECUTE_COMPLETED) return 'not-ap';
    for (let n = 0; n < 32; n++) gr[n] = i32[v + V_GR + n];
    psw[0] = i32[v + V_PSW_MASK_HIGH];
    return 'completed';
  }

  programCode(address: number): number {
    return this.#machine.image.word(this.#block(address) + V_EXIT);
  }

  pendingIsc(mask: number): number {
    const pending = pendingMask(this.#machine.image, this.#number) & (mask >>> 24);
    return pending === 0 ? -1 : Math.clz32(pending) - 24;
  }

  takeInterruption(isc: number): number {
    clearPending(this.#machine.image, this.#number, isc);
    return interruptionWord(isc);
  }

  advance(nowNs: number): number {
    return this.#clock.advance(nowNs);
  }

  /** Makes the machine's time go on from where it was set. */
  restartClock(): void {
    this.#clock.restart();
  }

  reset(): void {
    this.#machine.restartProgram(this.#number);
  }

  #block(address: number): number {
    const { image } = this.#machine;
    return image.vcpu(this.#number, address % image.word(image.guest(this.#number) + G_VCPUS));
  }
}
