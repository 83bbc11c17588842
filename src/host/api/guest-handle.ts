// SPDX-License-Identifier: Apache-2.0
// A guest as the library's user holds it: its vCPUs with the instruction wrappers, its mdev, its storage.
// Source: docs/design.md section 9.
import type { GuestConfig } from '../../config/types.ts';
import type { VirtualMachine } from '../../kvm/virtual-machine.ts';
import type { ExecutionContext } from '../context/execution-context.ts';
import type { ImageCpu } from '../context/image-cpu.ts';
import { LibraryCpu } from './library-cpu.ts';

export class GuestHandle {
  readonly name: string;
  readonly uuid: string;
  /** Number in the image, from 1. */
  readonly number: number;
  readonly vm: VirtualMachine;
  readonly config: GuestConfig;
  /** The guest's vCPUs, by their number. */
  readonly cpus: readonly LibraryCpu[];
  readonly #context: ExecutionContext;

  constructor(
    config: GuestConfig,
    vm: VirtualMachine,
    context: ExecutionContext,
    cpus: readonly ImageCpu[],
  ) {
    this.name = config.name;
    this.uuid = config.uuid;
    this.number = vm.number;
    this.vm = vm;
    this.config = config;
    this.#context = context;
    this.cpus = cpus.map((cpu, number) => new LibraryCpu(cpu, config.name, number));
  }

  get vcpus(): number {
    return this.cpus.length;
  }

  /** vCPU `n`. Throws RangeError when the guest has fewer. */
  cpu(n = 0): LibraryCpu {
    const cpu = this.cpus[n];
    if (cpu === undefined)
      throw new RangeError(`guest ${this.name} has vCPUs 0 to ${this.cpus.length - 1}, not ${n}`);
    return cpu;
  }

  /**
   * The guest's absolute storage as a whole. Checkpoints have to compare all of it from now on, since whoever has it can write at any
   * time; `write` spares them that.
   */
  get storage(): Uint8Array {
    this.#context.storageShown(this.number);
    return this.#context.image.storage(this.number);
  }

  /** A copy of `bytes` bytes of the guest's storage at an absolute address. */
  read(address: number, bytes: number): Uint8Array {
    this.#context.assertOpen();
    return this.#context.image.storage(this.number).slice(address, address + bytes);
  }

  /** Writes into the guest's storage. Throws RangeError for bytes outside it, with nothing written. */
  write(address: number, bytes: Uint8Array): void {
    this.#context.writeStorage(this.number, address, bytes);
  }
}
