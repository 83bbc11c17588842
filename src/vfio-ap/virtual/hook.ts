// SPDX-License-Identifier: Apache-2.0
// KVM's hook for guests with a virtual mdev: every AP instruction is intercepted, and executed here on the guest's virtual queues.
// Source: docs/reference/vfio-ap.md section 8.3 (V-03, V-08 to V-11).

import { FACILITY_AP, FACILITY_SIE } from '../../../native-like/arch/facilities.ts';
import {
  FC_AQIC,
  FC_QCI,
  FC_RAPQ,
  FC_ZAPQ,
  GR0_APQN,
  GR0_FC_SHIFT,
} from '../../../native-like/arch/function-codes.ts';
import { INSTRUCTION_BYTES, OPCODE_PQAP } from '../../../native-like/arch/instructions.ts';
import { PAGE_BYTES } from '../../../native-like/arch/limits.ts';
import { PSW_CC, PSW_CC_SHIFT } from '../../../native-like/arch/psw.ts';
import { AQIC_IR, AQIC_ISC_MASK } from '../../../native-like/arch/registers.ts';
import {
  AP_RESPONSE_INVALID_ADDRESS,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_Q_NOT_AVAIL,
} from '../../../native-like/arch/response-codes.ts';
import { STATUS_RC_MASK, STATUS_RC_SHIFT } from '../../../native-like/arch/status-word.ts';
import type { MachineImage } from '../../../native-like/machine/image.ts';
import {
  G_EXTERNAL,
  G_GISA_FORMAT,
  G_STORAGE_BYTE,
  G_STORAGE_SIZE,
  K_SAVED_NIB,
  V_FACILITIES,
  V_GR,
  V_INSTRUCTION,
  V_PSW_ADDRESS_LOW,
  V_PSW_MASK_HIGH,
} from '../../../native-like/machine/layout.ts';
import { EXECUTE_COMPLETED } from '../../../native-like/machine/outcome.ts';
import { findVirtualQueue } from '../../../native-like/machine/virtual-image.ts';
import { E_QUEUE } from '../../../native-like/machine/virtual-layout.ts';
import { aqicException } from '../../kvm/intercept.ts';
import type { Kernel } from '../../lpar/kernel.ts';
import type { VirtualEngine } from './engine.ts';

/** Value of K_NIB_BYTE when the notification byte is behind the external accessor; its address is in K_SAVED_NIB. */
const NIB_EXTERNAL = -1;

export class VirtualHook {
  readonly #image: MachineImage;
  readonly #kernel: Kernel;
  readonly #engine: VirtualEngine;

  constructor(image: MachineImage, kernel: Kernel, engine: VirtualEngine) {
    this.#image = image;
    this.#kernel = kernel;
    this.#engine = engine;
  }

  /** Executes the intercepted instruction of the vCPU block at `vcpu`. Returns EXECUTE_COMPLETED or EXECUTE_PROGRAM. */
  execute = (vcpu: number): number => {
    const { i32 } = this.#image;
    const instruction = this.#image.word(vcpu + V_INSTRUCTION);
    const facilities = this.#image.word(vcpu + V_FACILITIES);
    const gr0 = this.#image.word(vcpu + V_GR + 1);
    const isPqap = instruction >>> 16 === OPCODE_PQAP;
    const fc = isPqap ? gr0 >>> GR0_FC_SHIFT : -1;
    const entry = fc === FC_QCI ? 0 : this.#entry(vcpu, gr0);
    const q = entry === 0 ? this.#image.queueRecord(0) : this.#image.word(entry + E_QUEUE);
    i32[vcpu + V_FACILITIES] = (facilities | FACILITY_AP) & ~FACILITY_SIE;
    this.#kernel.lockQueue(q);
    try {
      if (entry !== 0) this.#engine.refresh(entry);
      if (fc === FC_AQIC) return this.#aqic(vcpu, q);
      this.#stepBack(vcpu);
      const ended = this.#kernel.executeIntercepted(vcpu, instruction, q);
      const isReset = fc === FC_RAPQ || fc === FC_ZAPQ;
      if (isReset && entry !== 0 && this.#accepted(vcpu, ended)) this.#engine.discard(entry);
      return ended;
    } finally {
      this.#kernel.unlockQueue(q);
      i32[vcpu + V_FACILITIES] = facilities;
      this.#engine.pump();
    }
  };

  #entry(vcpu: number, gr0: number): number {
    const guest = this.#image.guestNumber(this.#image.guestOf(vcpu));
    return findVirtualQueue(this.#image, guest, gr0 & GR0_APQN);
  }

  /** Sets the instruction address back to the instruction, since the interception has moved it past that. */
  #stepBack(vcpu: number): void {
    const address = this.#image.word(vcpu + V_PSW_ADDRESS_LOW) - INSTRUCTION_BYTES;
    this.#image.i32[vcpu + V_PSW_ADDRESS_LOW] = address | 0;
  }

  #accepted(vcpu: number, ended: number): boolean {
    const status = this.#image.word(vcpu + V_GR + 3);
    return ended === EXECUTE_COMPLETED && (status & STATUS_RC_MASK) === 0;
  }

  /** Executes AQIC. The engine itself notifies, with the guest's GISA (V-10). */
  #aqic(vcpu: number, q: number): number {
    const code = aqicException(this.#image, vcpu);
    if (code !== 0) {
      this.#stepBack(vcpu);
      return this.#kernel.programInterruption(vcpu, code);
    }
    const status = this.#aqicStatus(vcpu, q);
    const { i32 } = this.#image;
    i32[vcpu + V_GR + 2] = 0;
    i32[vcpu + V_GR + 3] = status;
    const cc = (status & STATUS_RC_MASK) === 0 ? 0 : 3;
    const psw = this.#image.word(vcpu + V_PSW_MASK_HIGH) & ~PSW_CC;
    i32[vcpu + V_PSW_MASK_HIGH] = psw | (cc << PSW_CC_SHIFT);
    return EXECUTE_COMPLETED;
  }

  #aqicStatus(vcpu: number, q: number): number {
    if (q === this.#image.queueRecord(0)) return AP_RESPONSE_Q_NOT_AVAIL << STATUS_RC_SHIFT;
    const apqn = this.#image.word(vcpu + V_GR + 1) & GR0_APQN;
    const state = this.#kernel.queueCondition(vcpu, q, apqn, FC_AQIC);
    if (state !== AP_RESPONSE_NORMAL) return this.#kernel.statusWithCode(q, state & 0xff);
    const before = this.#kernel.statusWithCode(q, AP_RESPONSE_NORMAL);
    const enables = (this.#image.word(vcpu + V_GR + 2) & AQIC_IR) !== 0;
    const rc = enables ? this.#enable(vcpu, q) : this.#kernel.beginDisable(q);
    return rc === AP_RESPONSE_NORMAL ? before : this.#kernel.statusWithCode(q, rc);
  }

  #enable(vcpu: number, q: number): number {
    const image = this.#image;
    const record = image.guestOf(vcpu);
    const guest = image.guestNumber(record);
    const pages = image.word(record + G_EXTERNAL);
    const size = pages === 0 ? image.word(record + G_STORAGE_SIZE) : pages * PAGE_BYTES;
    const nib = image.word(vcpu + V_GR + 5);
    const outside = image.word(vcpu + V_GR + 4) !== 0 || nib === 0 || nib >>> 0 >= size;
    // Without a GISA, the engine cannot interrupt the guest (VD-22).
    if (outside || image.word(record + G_GISA_FORMAT) < 0) return AP_RESPONSE_INVALID_ADDRESS;
    const at = pages === 0 ? image.word(record + G_STORAGE_BYTE) + nib : NIB_EXTERNAL;
    const isc = image.word(vcpu + V_GR + 3) & AQIC_ISC_MASK;
    const rc = this.#kernel.enableInterruptions(q, at, image.gisa(guest), isc, record);
    if (rc === AP_RESPONSE_NORMAL) image.i32[image.cold(q) + K_SAVED_NIB] = nib;
    return rc;
  }
}
