// SPDX-License-Identifier: Apache-2.0
// A guest as the library's user holds it: its vCPUs with the instruction wrappers, its mdev, its storage.
// Source: docs/design.md section 9.
import type { MachineImage } from '../../../native-like/machine/image.ts';
import type { GuestConfig } from '../../config/types.ts';
import type { VirtualMachine } from '../../kvm/virtual-machine.ts';
import type { ImageCpu } from '../context/image-cpu.ts';
import { LibraryCpu } from './library-cpu.ts';

export class GuestHandle {
  readonly name: string;
  readonly uuid: string;
  /** Number in the image, from 1. */
  readonly number: number;
  readonly vm: VirtualMachine;
  readonly config: GuestConfig;
  readonly #cpus: readonly LibraryCpu[];
  readonly #image: MachineImage;

  constructor(
    config: GuestConfig,
    vm: VirtualMachine,
    image: MachineImage,
    cpus: readonly ImageCpu[],
  ) {
    this.name = config.name;
    this.uuid = config.uuid;
    this.number = vm.number;
    this.vm = vm;
    this.config = config;
    this.#image = image;
    this.#cpus = cpus.map((cpu) => new LibraryCpu(cpu));
  }

  get vcpus(): number {
    return this.#cpus.length;
  }

  /** vCPU `n`. Throws RangeError when the guest has fewer. */
  cpu(n = 0): LibraryCpu {
    const cpu = this.#cpus[n];
    if (cpu === undefined)
      throw new RangeError(`guest ${this.name} has vCPUs 0 to ${this.#cpus.length - 1}, not ${n}`);
    return cpu;
  }

  /** The guest's absolute storage. */
  get storage(): Uint8Array {
    return this.#image.storage(this.number);
  }
}
