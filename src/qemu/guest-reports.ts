// SPDX-License-Identifier: Apache-2.0
// Channel reports of one guest of the machine, for a kernel under QEMU that takes them.
// Source: docs/reference/config-change.md sections 2 and 4.

import { G_CRWS, G_MACHINE_CHECK, G_SEI_EVENTS } from '../../native-like/machine/channel-layout.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import { takeCrw } from '../kvm/channel-report.ts';
import { takeEventInformation } from '../kvm/chsc.ts';
import type { ChannelReportService } from './ap-service.ts';

export class GuestReports implements ChannelReportService {
  readonly #image: MachineImage;
  readonly #number: number;

  constructor(image: MachineImage, number: number) {
    this.#image = image;
    this.#number = number;
  }

  get due(): boolean {
    return this.#word(G_MACHINE_CHECK) !== 0;
  }

  get left(): boolean {
    return this.#word(G_CRWS) !== 0 || this.#word(G_SEI_EVENTS) !== 0;
  }

  taken(): void {
    Atomics.store(this.#image.i32, this.#record + G_MACHINE_CHECK, 0);
  }

  nextWord(): number {
    return takeCrw(this.#image, this.#record);
  }

  nextEvent(): Uint8Array | undefined {
    return this.#word(G_SEI_EVENTS) === 0
      ? undefined
      : takeEventInformation(this.#image, this.#record, true);
  }

  get #record(): number {
    return this.#image.guest(this.#number);
  }

  #word(word: number): number {
    return this.#image.word(this.#record + word);
  }
}
