// SPDX-License-Identifier: Apache-2.0
// Access of the machine to storage outside its image. There is one router for all guests under QEMU, because a machine has one kernel.
// Source: native-like/exec/registry.ts (ExternalStorage); docs/design.md section 2.

import { PAGE_BYTES } from '../../native-like/arch/limits.ts';
import { PGM_ADDRESSING } from '../../native-like/arch/program-interruptions.ts';
import type { ExternalStorage } from '../../native-like/exec/registry.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  G_EXTERNAL,
  K_NOTIFY_GUEST,
  K_SAVED_NIB,
  V_GUEST,
} from '../../native-like/machine/layout.ts';

import type { ServedStorage } from './ap-service.ts';

interface Route {
  readonly storage: ServedStorage;
  /** CPU whose instruction is being executed. */
  cpu: number;
}

/** Leads the kernel's accesses to the storage of the right guest. The machine gets it when it is made. */
export class ExternalRouter implements ExternalStorage {
  /** The machine's image. It is set once the machine exists, before the first instruction. */
  image: MachineImage | undefined;
  readonly #routes = new Map<number, Route>();

  /** Declares that a guest's storage is outside from now on. */
  connect(guest: number, storage: ServedStorage): void {
    const record = this.#image().guest(guest);
    this.#image().i32[record + G_EXTERNAL] = Math.ceil(storage.size / PAGE_BYTES);
    this.#routes.set(record, { storage, cpu: 0 });
  }

  /** Tells whose addresses the next instruction of a guest uses. */
  select(guest: number, cpu: number): void {
    const route = this.#routes.get(this.#image().guest(guest));
    if (route !== undefined) route.cpu = cpu;
  }

  fetch(vcpu: number, high: number, low: number, length: number, target: number): number {
    const route = this.#route(vcpu);
    if (route === undefined) return PGM_ADDRESSING;
    const bytes = this.#image().u8.subarray(target, target + length);
    return route.storage.fetch(route.cpu, high, low, length, bytes);
  }

  store(vcpu: number, high: number, low: number, length: number, source: number): number {
    const route = this.#route(vcpu);
    if (route === undefined) return PGM_ADDRESSING;
    const bytes = this.#image().u8.subarray(source, source + length);
    return route.storage.store(route.cpu, high, low, length, bytes);
  }

  notify(cold: number): void {
    const image = this.#image();
    const route = this.#routes.get(image.word(cold + K_NOTIFY_GUEST) || image.guest(0));
    route?.storage.storeAbsolute(image.word(cold + K_SAVED_NIB) >>> 0, 1);
  }

  #route(vcpu: number): Route | undefined {
    return this.#routes.get(this.#image().word(vcpu + V_GUEST));
  }

  #image(): MachineImage {
    if (this.image === undefined) throw new Error('the router has no machine');
    return this.image;
  }
}
