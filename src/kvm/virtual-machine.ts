// SPDX-License-Identifier: Apache-2.0
// A KVM guest in the machine image: its CRYCB and masks, its PQAP hook, its facilities.
// Source: docs/reference/ap-architecture.md sections 6.2, 6.4, 6.5 (Linux arch/s390/kvm/kvm-s390.c).
import {
  APCB0_ADM,
  APCB0_APM,
  APCB0_AQM,
  APCB0_BYTES,
  APCB1_ADM,
  APCB1_APM,
  APCB1_AQM,
  APCB1_BYTES,
  CRYCB_APCB0,
  CRYCB_APCB1,
  CRYCB_FORMAT_2,
  CRYCBD_FORMAT,
  GISA_NEXT_ALERT,
  GISA0_BYTES,
  GISA1_BYTES,
} from '../../native-like/arch/sie.ts';
import { deriveEffectiveMasks, setFacilities } from '../../native-like/machine/guest-setup.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_QCI_FLAGS,
  G_CRYCBD,
  G_GISA_FORMAT,
  G_HOOK,
  G_PIN_LIMIT,
  G_SECRET_LIST,
  G_SECRETS,
  GISA_ADDRESS_BASE,
  GISA_ADDRESS_STRIDE,
  SECRETS_MAX,
  VIRTUAL_HOOK,
} from '../../native-like/machine/layout.ts';
import { ApemuError } from '../errors.ts';
import { type PutBack, rememberList } from '../lpar/remember.ts';
import { crycbFormat, type GuestModel, guestFacilities } from './guest-facilities.ts';
import type { KvmVm, PqapHook } from './vm.ts';

/** Address at which KVM would have put the CRYCB of a guest: at 0x800 of its sie_page2 (section 6.2). */
const CRYCB_ADDRESS_BASE = GISA_ADDRESS_BASE - 0x100;

export interface VirtualMachineOptions extends GuestModel {
  readonly name: string;
  /** Number in the image, from 1. */
  readonly number: number;
  readonly gisaFormat: 0 | 1 | 'none';
  /** Secret indexes that a secure-execution guest may associate. */
  readonly secrets: readonly number[];
}

/** Runs `change` while all vCPUs of one guest are out of interpretive execution. */
export type GuestExclusive = (guest: number, change: () => void) => void;

export class VirtualMachine implements KvmVm {
  readonly name: string;
  readonly number: number;
  readonly #image: MachineImage;
  readonly #exclusive: GuestExclusive;
  /** Called at points at which vCPUs may do something, for those who explore interleavings. */
  onStep: (what: string) => void = () => {};
  readonly #changed: (() => void)[] = [];
  readonly #msax3: boolean;
  #hook: PqapHook | null = null;

  constructor(image: MachineImage, options: VirtualMachineOptions, exclusive: GuestExclusive) {
    this.name = options.name;
    this.number = options.number;
    this.#image = image;
    this.#exclusive = exclusive;
    this.#msax3 = options.facilities.includes(76);
    const flags = image.word(C_QCI_FLAGS);
    const format = crycbFormat(options.facilities, flags);
    const record = image.guest(this.number);
    const address = CRYCB_ADDRESS_BASE + this.number * GISA_ADDRESS_STRIDE;
    // Without interpretation and without MSAX3 there is no CRYCB (section 6.4, first row).
    image.i32[record + G_CRYCBD] = options.apie || this.#msax3 ? address | format : 0;
    this.#writeSecrets(options.secrets);
    setFacilities(image, this.number, guestFacilities(options, flags, format));
    const { aiv, gisaFormat } = options;
    this.#initialiseGisa(aiv && gisaFormat !== 'none' ? gisaFormat : -1);
    deriveEffectiveMasks(image, this.number);
  }

  /** Limits the number of pages that are pinned for the guest (RLIMIT_MEMLOCK of its user space); undefined for no limit. */
  limitPins(pages: number | undefined): void {
    const limit = pages === undefined ? 0 : pages + 1;
    this.#image.i32[this.#image.guest(this.number) + G_PIN_LIMIT] = limit;
  }

  get crycbd(): number {
    return this.#image.word(this.#image.guest(this.number) + G_CRYCBD);
  }

  /** Whether the guest has STFLE 76. */
  get hasMsax3(): boolean {
    return this.#msax3;
  }

  /** VSIE_RESTART: has `action` run after each change of the masks, while the vCPUs are still out of interpretive execution. */
  onMasksChanged(action: () => void): void {
    this.#changed.push(action);
  }

  getPqapHook(): PqapHook | null {
    return this.#hook;
  }

  setPqapHook(hook: PqapHook | null): void {
    this.onStep('before hook write');
    this.#hook = hook;
    const word = hook === null ? 0 : hook.number | (hook.virtual === true ? VIRTUAL_HOOK : 0);
    Atomics.store(this.#image.i32, this.#image.guest(this.number) + G_HOOK, word);
    this.onStep('after hook write');
  }

  /** Remembers what the image does not contain; calling the result puts it back. */
  remember(): PutBack {
    const hook = this.#hook;
    const changed = rememberList(this.#changed);
    return () => {
      this.#hook = hook;
      changed();
    };
  }

  setCryptoMasks(apm: Uint8Array, aqm: Uint8Array, adm: Uint8Array): void {
    this.onStep('before CRYCB write');
    this.#exclusive(this.number, () => this.#writeMasks(apm, aqm, adm));
    this.onStep('after CRYCB write');
  }

  clearCryptoMasks(): void {
    this.onStep('before CRYCB clear');
    this.#exclusive(this.number, () => {
      const crycb = this.#image.crycb(this.number);
      this.#image.u8.fill(0, crycb + CRYCB_APCB0, crycb + CRYCB_APCB0 + APCB0_BYTES);
      this.#image.u8.fill(0, crycb + CRYCB_APCB1, crycb + CRYCB_APCB1 + APCB1_BYTES);
      this.#deriveMasks();
    });
    this.onStep('after CRYCB clear');
  }

  /** kvm_arch_crypto_set_masks: with format 2 writes all bytes into APCB1, else the first 8, 2 and 2 bytes into APCB0. */
  #writeMasks(apm: Uint8Array, aqm: Uint8Array, adm: Uint8Array): void {
    const { u8 } = this.#image;
    const crycb = this.#image.crycb(this.number);
    if ((this.crycbd & CRYCBD_FORMAT) === CRYCB_FORMAT_2) {
      u8.set(apm, crycb + CRYCB_APCB1 + APCB1_APM);
      u8.set(aqm, crycb + CRYCB_APCB1 + APCB1_AQM);
      u8.set(adm, crycb + CRYCB_APCB1 + APCB1_ADM);
    } else {
      u8.set(apm.subarray(0, 8), crycb + CRYCB_APCB0 + APCB0_APM);
      u8.set(aqm.subarray(0, 2), crycb + CRYCB_APCB0 + APCB0_AQM);
      u8.set(adm.subarray(0, 2), crycb + CRYCB_APCB0 + APCB0_ADM);
    }
    this.#deriveMasks();
  }

  #deriveMasks(): void {
    deriveEffectiveMasks(this.#image, this.number);
    for (const action of this.#changed) action();
  }

  #writeSecrets(secrets: readonly number[]): void {
    if (secrets.length > SECRETS_MAX) {
      throw new ApemuError(
        'APEMU_ERR_KVM_SECRETS',
        `guest ${this.name} has ${secrets.length} secrets (expected at most ${SECRETS_MAX})`,
      );
    }
    const record = this.#image.guest(this.number);
    this.#image.i32[record + G_SECRETS] = secrets.length;
    secrets.forEach((secret, n) => {
      this.#image.i32[record + G_SECRET_LIST + n] = secret;
    });
  }

  /** kvm_s390_gisa_init: clears the block and sets next_alert to the GISA's own address. */
  #initialiseGisa(format: number): void {
    const image = this.#image;
    image.i32[image.guest(this.number) + G_GISA_FORMAT] = format;
    if (format < 0) return;
    const gisa = image.gisa(this.number);
    image.u8.fill(0, gisa, gisa + (format === 1 ? GISA1_BYTES : GISA0_BYTES));
    image.view.setInt32(gisa + GISA_NEXT_ALERT, gisaAddress(this.number));
  }
}

/** Host address of a guest's GISA. */
export const gisaAddress = (guest: number): number =>
  GISA_ADDRESS_BASE + guest * GISA_ADDRESS_STRIDE;
