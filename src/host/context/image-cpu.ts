// SPDX-License-Identifier: Apache-2.0
// One vCPU of the machine image as guest code sees it: registers, instructions with their intercepts, storage, interruptions.
// Source: docs/design.md sections 3 and 4.
import {
  facilityWord,
  STFLE_APFT,
  STFLE_AQIC,
  STFLE_MSAX3,
  STFLE_QCI,
} from '../../../native-like/arch/facilities.ts';
import { PSW_CC, PSW_CC_SHIFT } from '../../../native-like/arch/psw.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  C_CLOCKS,
  CLOCK_STRIDE,
  V_EVENT,
  V_EXIT,
  V_FACILITIES,
  V_GR,
  V_PSW_MASK_HIGH,
} from '../../../native-like/machine/layout.ts';
import { EXECUTE_INTERCEPT } from '../../../native-like/machine/outcome.ts';
import type { Cpu } from '../../guest/cpu.ts';
import type { InterceptHandler } from '../../kvm/intercept.ts';
import { deliver } from '../../kvm/interruptions.ts';
import type { Kernel } from '../../lpar/kernel.ts';

const KNOWN_FACILITIES: readonly number[] = [STFLE_QCI, STFLE_APFT, STFLE_AQIC, STFLE_MSAX3];

export interface ImageCpuOptions {
  readonly image: MachineImage;
  readonly kernel: Kernel;
  readonly intercepts: InterceptHandler;
  /** Number of the guest in the image and of its vCPU. */
  readonly guest: number;
  readonly vcpu: number;
  readonly thread: number;
  /** Runs after each instruction (stepped mode: adapters take what is new). */
  readonly after?: () => void;
  /** Runs before an instruction when the vCPU's event word is set (pooled mode: out of interpretive execution and back). */
  readonly event?: (vcpu: number) => void;
  /** Other threads use the guest's queues too. */
  readonly shared?: boolean;
  /** Each instruction leaves a trace record. */
  readonly traced?: boolean;
}

export class ImageCpu implements Cpu {
  /** Word index of the vCPU block. */
  readonly block: number;
  readonly storage: Uint8Array;
  /** Instructions executed since the start. */
  executed = 0;
  readonly #image: MachineImage;
  readonly #i32: Int32Array;
  readonly #kernel: Kernel;
  readonly #intercepts: InterceptHandler;
  readonly #clock: number;
  readonly #shared: boolean;
  readonly #traced: boolean;
  readonly #after: (() => void) | undefined;
  readonly #event: ((vcpu: number) => void) | undefined;

  constructor(options: ImageCpuOptions) {
    this.#image = options.image;
    this.#i32 = options.image.i32;
    this.#kernel = options.kernel;
    this.#intercepts = options.intercepts;
    this.#clock = (C_CLOCKS + options.thread * CLOCK_STRIDE) / 2;
    this.#after = options.after;
    this.#shared = options.shared ?? false;
    this.#traced = options.traced ?? false;
    this.#event = options.event;
    this.block = options.image.vcpu(options.guest, options.vcpu);
    this.storage = options.image.storage(options.guest);
  }

  grLow(n: number): number {
    return this.#i32[this.block + V_GR + 2 * n + 1] as number;
  }

  grHigh(n: number): number {
    return this.#i32[this.block + V_GR + 2 * n] as number;
  }

  setGr(n: number, high: number, low: number): void {
    const at = this.block + V_GR + 2 * n;
    this.#i32[at] = high;
    this.#i32[at + 1] = low;
  }

  execute(instruction: number): number {
    if (this.#event !== undefined && this.#i32[this.block + V_EVENT] !== 0) this.#event(this.block);
    this.executed++;
    let ended = this.#executeOnce(instruction);
    if (ended === EXECUTE_INTERCEPT) {
      ended = this.#intercepts.handle(this.block);
      if (this.#traced) this.#kernel.trace(this.block, instruction, this.grLow(0), ended);
    }
    if (this.#after !== undefined) this.#after();
    return ended;
  }

  #executeOnce(instruction: number): number {
    if (this.#traced) return this.#kernel.executeTraced(this.block, instruction, this.#shared);
    return this.#shared
      ? this.#kernel.executeShared(this.block, instruction)
      : this.#kernel.execute(this.block, instruction);
  }

  conditionCode(): number {
    return ((this.#i32[this.block + V_PSW_MASK_HIGH] as number) & PSW_CC) >>> PSW_CC_SHIFT;
  }

  programInterruption(): number {
    return this.#i32[this.block + V_EXIT] as number;
  }

  facility(bit: number): boolean {
    if (!KNOWN_FACILITIES.includes(bit)) return false;
    const mask = facilityWord([bit]);
    return ((this.#i32[this.block + V_FACILITIES] as number) & mask) !== 0;
  }

  takeInterruption(): number {
    return deliver(this.#image, this.block);
  }

  nowNs(): number {
    return this.#image.f64[this.#clock] as number;
  }
}
