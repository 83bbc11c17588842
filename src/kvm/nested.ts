// SPDX-License-Identifier: Apache-2.0
// A guest of a guest. Its vCPUs execute AP instructions through the shadow CRYCB, which is rebuilt whenever the masks of the outer guest
// change.
// Source: docs/reference/ap-architecture.md section 6.6, docs/reference/vfio-ap.md VD-23 (Linux arch/s390/kvm/vsie.c).
import { FACILITY_AP } from '../../native-like/arch/facilities.ts';
import { CRYCB_BYTES, CRYCBD_FORMAT, ECA_APIE } from '../../native-like/arch/sie.ts';
import { deriveEffectiveMasks, setFacilities } from '../../native-like/machine/guest-setup.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  G_CRYCBD,
  G_FACILITIES,
  G_GISA_FORMAT,
  G_STORAGE_BYTE,
  G_STORAGE_SIZE,
  G_VCPUS,
  GISA_ADDRESS_BASE,
  GISA_ADDRESS_STRIDE,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../../native-like/machine/layout.ts';
import type { Kernel } from '../lpar/kernel.ts';
import type { PutBack } from '../lpar/remember.ts';
import { shadowCrycb } from './shadow-crycb.ts';
import type { VirtualMachine } from './virtual-machine.ts';

/** Address at which KVM would have put the shadow CRYCB: on the page that belongs to the nested guest's number. */
const SHADOW_ADDRESS_BASE = GISA_ADDRESS_BASE - 0x100;

/** What the hypervisor in the outer guest has put into the state description of its guest. */
export interface InnerState {
  readonly crycbd: number;
  readonly eca: number;
  /** Whether key wrapping (any of ECB3.AES, ECB3.DEA and ECD.ECC) is on at both levels. */
  readonly wrapping?: boolean;
  /** The part of the outer guest's storage that is the inner guest's storage. */
  readonly storage: { readonly address: number; readonly bytes: number };
  /** Bits of the facility word that the hypervisor takes away from the inner guest. */
  readonly hidden?: number;
}

export class NestedGuest {
  readonly outer: VirtualMachine;
  /** Number in the image. */
  readonly number: number;
  /** How often the shadow was built: at each entry, and at each change of the outer guest's masks (VSIE_RESTART). */
  built = 0;
  readonly #image: MachineImage;
  readonly #kernel: Kernel;
  #state: InnerState | undefined;
  #validity: number | undefined;

  constructor(image: MachineImage, kernel: Kernel, outer: VirtualMachine, number: number) {
    this.outer = outer;
    this.number = number;
    this.#image = image;
    this.#kernel = kernel;
    image.i32[image.guest(number) + G_GISA_FORMAT] = -1;
    outer.onMasksChanged(() => this.#rebuild());
  }

  /** Validity-interception reason of the last entry; undefined if the entry was successful. */
  get validity(): number | undefined {
    return this.#validity;
  }

  /** Remembers what the image does not contain; calling the result puts it back. */
  remember(): PutBack {
    const [state, validity, built] = [this.#state, this.#validity, this.built];
    return () => {
      this.#state = state;
      this.#validity = validity;
      this.built = built;
    };
  }

  /** Enters SIE for the hypervisor in the outer guest. Returns the validity-interception reason, or undefined if the guest runs. */
  enter(state: InnerState): number | undefined {
    this.#state = state;
    const { i32 } = this.#image;
    const outer = this.#image.guest(this.outer.number);
    const start = this.#image.word(outer + G_STORAGE_BYTE) + state.storage.address;
    const record = this.#image.guest(this.number);
    i32[record + G_STORAGE_BYTE] = start;
    i32[record + G_STORAGE_SIZE] = state.storage.bytes;
    for (let n = 0; n < this.#image.word(record + G_VCPUS); n++) {
      const vcpu = this.#image.vcpu(this.number, n);
      i32[vcpu + V_STORAGE_BYTE] = start;
      i32[vcpu + V_STORAGE_SIZE] = state.storage.bytes;
    }
    this.#rebuild();
    return this.#validity;
  }

  /** Ends the inner guest. */
  leave(): void {
    this.#state = undefined;
    this.#write(0, new Uint8Array(CRYCB_BYTES));
  }

  /**
   * Executes one instruction of vCPU `n`. Returns EXECUTE_COMPLETED, EXECUTE_PROGRAM, or EXECUTE_INTERCEPT: then it is up to the
   * hypervisor in the outer guest (always for AQIC). Throws RangeError if the guest is not entered.
   */
  execute(n: number, instruction: number): number {
    if (this.#state === undefined || this.#validity !== undefined)
      throw new RangeError(`nested guest ${this.number} is not inside interpretive execution`);
    return this.#kernel.execute(this.#image.vcpu(this.number, n), instruction);
  }

  #rebuild(): void {
    const state = this.#state;
    if (state === undefined) return;
    this.built++;
    const outerFacilities = this.#image.word(this.#image.guest(this.outer.number) + G_FACILITIES);
    const apie = (state.eca & ECA_APIE) !== 0 && (outerFacilities & FACILITY_AP) !== 0;
    const outerCrycb = this.#image.crycb(this.outer.number);
    const result = shadowCrycb({
      innerCrycbd: state.crycbd,
      apie,
      wrapping: state.wrapping ?? false,
      msax3: this.outer.hasMsax3,
      read: (address, bytes) => this.#readOuter(address, bytes),
      outerFormat: this.outer.crycbd & CRYCBD_FORMAT,
      outerCrycb: this.#image.u8.slice(outerCrycb, outerCrycb + CRYCB_BYTES),
    });
    this.#validity = result.validity;
    if (result.validity !== undefined) {
      this.#write(0, new Uint8Array(CRYCB_BYTES));
      return;
    }
    const address = SHADOW_ADDRESS_BASE + this.number * GISA_ADDRESS_STRIDE;
    const hidden = (state.hidden ?? 0) | (apie ? 0 : FACILITY_AP);
    setFacilities(this.#image, this.number, outerFacilities & ~hidden);
    this.#write(result.format === 0 ? 0 : address | result.format, result.crycb);
  }

  #write(crycbd: number, crycb: Uint8Array): void {
    this.#image.i32[this.#image.guest(this.number) + G_CRYCBD] = crycbd;
    this.#image.u8.set(crycb, this.#image.crycb(this.number));
    deriveEffectiveMasks(this.#image, this.number);
  }

  #readOuter(address: number, bytes: number): Uint8Array | undefined {
    const storage = this.#image.storage(this.outer.number);
    return address + bytes <= storage.length ? storage.slice(address, address + bytes) : undefined;
  }
}
