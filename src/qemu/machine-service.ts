// SPDX-License-Identifier: Apache-2.0
// A guest of the machine as a QEMU guest's AP facility: registers into its vCPU block, one instruction, registers back.
// Everything else (masks, queues, AQIC, faults) is the machine's own.

import type { MachineImage } from '../../native-like/machine/image.ts';
import * as L from '../../native-like/machine/layout.ts';
import { EXECUTE_COMPLETED, EXECUTE_PROGRAM } from '../../native-like/machine/outcome.ts';
import type { ExternalRouter } from './external.ts';
import type { ApService, Executed, ServedCpu, ServedStorage } from './service.ts';

/** What the machine offers for one of its guests. */
export interface MachinePorts {
  readonly image: MachineImage;
  readonly router: ExternalRouter;
  /** Number of the guest in the image; 0 is the partition itself. */
  readonly guest: number;
  readonly name: string;
  /** Executes a word on the vCPU block: EXECUTE_COMPLETED or EXECUTE_PROGRAM; intercepts are handled before it returns. */
  execute(vcpu: number, word: number): number;
  /** Adapters and timers up to this time. @returns when something is due next */
  advance(nowNs: number): number;
  /** Work that must be done before the instruction is answered: replies that are ready at once. */
  settle(): void;
  pendingIsc(mask: number): number;
  takeInterruption(isc: number): number;
  reset(): void;
}

/** ApService over the machine image. CPUs beyond the guest's vCPUs share their blocks: instructions are executed one by one. */
export class MachineService implements ApService {
  readonly name: string;
  readonly #ports: MachinePorts;
  readonly #cpus: ServedCpu[] = [];

  constructor(ports: MachinePorts) {
    this.name = ports.name;
    this.#ports = ports;
  }

  connect(storage: ServedStorage): void {
    this.#ports.router.connect(this.#ports.guest, storage);
  }

  cpu(address: number): ServedCpu {
    this.#cpus[address] ??= { gr: new Uint32Array(32), psw: new Uint32Array(4) };
    return this.#cpus[address];
  }

  execute(address: number, word: number): Executed {
    const { i32 } = this.#ports.image;
    const { gr, psw } = this.cpu(address);
    const v = this.#block(address);
    this.#ports.router.select(this.#ports.guest, address);
    for (let n = 0; n < 4; n++) i32[v + n] = psw[n];
    for (let n = 0; n < 32; n++) i32[v + L.V_GR + n] = gr[n];
    const ended = this.#ports.execute(v, word);
    this.#ports.settle();
    if (ended === EXECUTE_PROGRAM) return 'program';
    if (ended !== EXECUTE_COMPLETED) return 'not-ap';
    for (let n = 0; n < 32; n++) gr[n] = i32[v + L.V_GR + n];
    psw[0] = i32[v + L.V_PSW_MASK_HIGH];
    return 'completed';
  }

  programCode(address: number): number {
    return this.#ports.image.word(this.#block(address) + L.V_EXIT);
  }

  pendingIsc(mask: number): number {
    return this.#ports.pendingIsc(mask);
  }

  takeInterruption(isc: number): number {
    return this.#ports.takeInterruption(isc);
  }

  advance(nowNs: number): number {
    return this.#ports.advance(nowNs);
  }

  reset(): void {
    this.#ports.reset();
  }

  #block(address: number): number {
    const { image, guest } = this.#ports;
    return image.vcpu(guest, address % image.word(image.guest(guest) + L.G_VCPUS));
  }
}
