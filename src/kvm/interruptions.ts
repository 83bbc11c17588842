// SPDX-License-Identifier: Apache-2.0
// Interruptions of a guest, from adapters and channel reports: which are pending in its GISA, and how they are delivered to a vCPU that
// is enabled.
// Source: docs/reference/ap-architecture.md section 6.8 (Linux arch/s390/kvm/interrupt.c, __deliver_io).
import {
  LC_IO_NEW_PSW,
  LC_IO_OLD_PSW,
  LC_IO_PARAMETER,
  LC_IO_SUBCHANNEL_ID,
  LC_IO_WORD,
  LC_MCK_CODE,
  LC_MCK_OLD_PSW,
} from '../../native-like/arch/program-interruptions.ts';
import { LOWCORE_BYTES, PSW_IO, PSW_MACHINE_CHECK } from '../../native-like/arch/psw.ts';
import {
  GISA_IPM,
  IO_INT_WORD_ADAPTER,
  IO_INT_WORD_ISC_SHIFT,
} from '../../native-like/arch/sie.ts';
import { G_MACHINE_CHECK } from '../../native-like/machine/channel-layout.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_GIB,
  GIB_HOST_PENDING,
  V_CR6,
  V_PSW_MASK_HIGH,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../../native-like/machine/layout.ts';

/** Interruption word of an adapter interruption with sub-class `isc`, as an unsigned number. */
export const interruptionWord = (isc: number): number =>
  (IO_INT_WORD_ADAPTER | (isc << IO_INT_WORD_ISC_SHIFT)) >>> 0;

/** Mask of the sub-classes pending for a guest (0x80 >> isc); for guest 0 those of the host. */
export const pendingMask = (image: MachineImage, guest: number): number => {
  if (guest === 0) return Atomics.load(image.i32, C_GIB + GIB_HOST_PENDING) & 0xff;
  return Atomics.load(image.u8, image.gisa(guest) + GISA_IPM);
};

/** Takes one sub-class off those pending. Returns whether it was pending. */
export const clearPending = (image: MachineImage, guest: number, isc: number): boolean => {
  const bit = 0x80 >> isc;
  if (guest === 0) return (Atomics.and(image.i32, C_GIB + GIB_HOST_PENDING, ~bit) & bit) !== 0;
  return (Atomics.and(image.u8, image.gisa(guest) + GISA_IPM, ~bit & 0xff) & bit) !== 0;
};

/** Takes the pending interruption of highest priority, that is, the lowest ISC in `enabled` (0x80 >> isc). Returns its ISC, or -1. */
export const takePending = (image: MachineImage, guest: number, enabled: number): number => {
  let candidates = pendingMask(image, guest) & enabled;
  while (candidates !== 0) {
    const isc = Math.clz32(candidates) - 24;
    if (clearPending(image, guest, isc)) return isc;
    candidates &= ~(0x80 >> isc);
  }
  return -1;
};

/** Mask of the sub-classes for which the vCPU is enabled, by PSW bit 6 and CR6 bits 32-39. */
export const enabledMask = (image: MachineImage, vcpu: number): number =>
  (image.word(vcpu + V_PSW_MASK_HIGH) & PSW_IO) === 0 ? 0 : image.word(vcpu + V_CR6) >>> 24;

/**
 * Delivers one pending adapter interruption to the vCPU: stores the lowcore fields and the I/O old PSW. The PSW itself stays; for a vCPU
 * that runs its own code, `loadIoNewPsw` loads the new one. Returns the interruption word, or 0 if nothing can be delivered.
 */
export const deliver = (image: MachineImage, vcpu: number): number => {
  const guest = image.guestNumber(image.guestOf(vcpu));
  const isc = takePending(image, guest, enabledMask(image, vcpu));
  if (isc < 0) return 0;
  const word = interruptionWord(isc);
  if (image.word(vcpu + V_STORAGE_SIZE) >= LOWCORE_BYTES) storeLowcore(image, vcpu, word);
  return word;
};

const storeLowcore = (image: MachineImage, vcpu: number, word: number): void => {
  const lowcore = image.word(vcpu + V_STORAGE_BYTE);
  const { view } = image;
  view.setUint32(lowcore + LC_IO_SUBCHANNEL_ID, 0);
  view.setUint32(lowcore + LC_IO_PARAMETER, 0);
  view.setUint32(lowcore + LC_IO_WORD, word);
  storeOldPsw(image, vcpu, LC_IO_OLD_PSW);
};

const storeOldPsw = (image: MachineImage, vcpu: number, offset: number): void => {
  const at = image.word(vcpu + V_STORAGE_BYTE) + offset;
  for (let n = 0; n < 4; n++) image.view.setInt32(at + 4 * n, image.word(vcpu + n));
};

/** Loads the PSW that is at a lowcore offset (LC_IO_NEW_PSW, LC_PGM_NEW_PSW). */
export const loadNewPsw = (
  image: MachineImage,
  vcpu: number,
  offset: number = LC_IO_NEW_PSW,
): void => {
  const lowcore = image.word(vcpu + V_STORAGE_BYTE);
  const { view } = image;
  for (let n = 0; n < 4; n++) image.i32[vcpu + n] = view.getInt32(lowcore + offset + 4 * n);
};

/**
 * Machine-check interruption code of a channel report: bit 9, and the validity bits that user space sets with it (QEMU
 * s390_build_validity_mcic; decision VD-61).
 */
export const MCIC_HIGH = 0x00400f1d;
export const MCIC_LOW = 0x40330000;

/** Whether a machine check is pending that the vCPU would take. */
export const machineCheckDue = (image: MachineImage, vcpu: number): boolean =>
  (image.word(vcpu + V_PSW_MASK_HIGH) & PSW_MACHINE_CHECK) !== 0 &&
  image.word(image.guestOf(vcpu) + G_MACHINE_CHECK) !== 0;

/**
 * Delivers the pending channel-report machine check to a vCPU that is enabled for it: stores code and old PSW in the lowcore. Returns
 * whether there was one. The PSW itself stays, as with `deliver`.
 */
export const deliverMachineCheck = (image: MachineImage, vcpu: number): boolean => {
  if (!machineCheckDue(image, vcpu)) return false;
  const record = image.guestOf(vcpu);
  if (Atomics.exchange(image.i32, record + G_MACHINE_CHECK, 0) === 0) return false;
  if (image.word(vcpu + V_STORAGE_SIZE) < LOWCORE_BYTES) return true;
  const lowcore = image.word(vcpu + V_STORAGE_BYTE);
  image.view.setUint32(lowcore + LC_MCK_CODE, MCIC_HIGH);
  image.view.setUint32(lowcore + LC_MCK_CODE + 4, MCIC_LOW);
  storeOldPsw(image, vcpu, LC_MCK_OLD_PSW);
  return true;
};
