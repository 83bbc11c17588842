// SPDX-License-Identifier: Apache-2.0
// Adapter interruptions of a guest: what is pending in its GISA, and delivery to a vCPU that is enabled for it.
// Source: docs/reference/ap-architecture.md section 6.8 (Linux arch/s390/kvm/interrupt.c, __deliver_io).
import {
  LC_IO_NEW_PSW,
  LC_IO_OLD_PSW,
  LC_IO_PARAMETER,
  LC_IO_SUBCHANNEL_ID,
  LC_IO_WORD,
} from '../../native-like/arch/program-interruptions.ts';
import { PSW_IO } from '../../native-like/arch/psw.ts';
import {
  GISA_IPM,
  IO_INT_WORD_ADAPTER,
  IO_INT_WORD_ISC_SHIFT,
} from '../../native-like/arch/sie.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_GIB,
  GIB_HOST_PENDING,
  V_CR6,
  V_PSW_MASK_HIGH,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../../native-like/machine/layout.ts';

/** Bytes of lowcore a delivery writes into. */
const LOWCORE_BYTES = 0x200;

/** Interruption word of an adapter interruption of sub-class `isc`, as an unsigned number. */
export const interruptionWord = (isc: number): number =>
  (IO_INT_WORD_ADAPTER | (isc << IO_INT_WORD_ISC_SHIFT)) >>> 0;

/** Sub-classes pending for a guest, 0x80 >> isc; the host's own for guest 0. */
export const pendingMask = (image: MachineImage, guest: number): number => {
  if (guest === 0) return Atomics.load(image.i32, C_GIB + GIB_HOST_PENDING) & 0xff;
  return Atomics.load(image.u8, image.gisa(guest) + GISA_IPM);
};

/** Takes one sub-class off the pending ones. Returns whether it was there. */
export const clearPending = (image: MachineImage, guest: number, isc: number): boolean => {
  const bit = 0x80 >> isc;
  if (guest === 0) return (Atomics.and(image.i32, C_GIB + GIB_HOST_PENDING, ~bit) & bit) !== 0;
  return (Atomics.and(image.u8, image.gisa(guest) + GISA_IPM, ~bit & 0xff) & bit) !== 0;
};

/** Takes the pending interruption of highest priority (lowest ISC) in `enabled` (0x80 >> isc). Returns its ISC, or -1. */
export const takePending = (image: MachineImage, guest: number, enabled: number): number => {
  let candidates = pendingMask(image, guest) & enabled;
  while (candidates !== 0) {
    const isc = Math.clz32(candidates) - 24;
    if (clearPending(image, guest, isc)) return isc;
    candidates &= ~(0x80 >> isc);
  }
  return -1;
};

/** Sub-classes the vCPU is enabled for: PSW bit 6 and CR6 bits 32-39. */
export const enabledMask = (image: MachineImage, vcpu: number): number =>
  (image.word(vcpu + V_PSW_MASK_HIGH) & PSW_IO) === 0 ? 0 : image.word(vcpu + V_CR6) >>> 24;

/**
 * Delivers one pending adapter interruption to the vCPU: lowcore fields and I/O old PSW. The PSW stays; `loadIoNewPsw` does the
 * rest for a vCPU that runs its own code. Returns the interruption word, or 0 when nothing can be delivered.
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
  for (let n = 0; n < 4; n++) view.setInt32(lowcore + LC_IO_OLD_PSW + 4 * n, image.word(vcpu + n));
};

/** Loads the PSW at a lowcore offset (LC_IO_NEW_PSW, LC_PGM_NEW_PSW). */
export const loadNewPsw = (
  image: MachineImage,
  vcpu: number,
  offset: number = LC_IO_NEW_PSW,
): void => {
  const lowcore = image.word(vcpu + V_STORAGE_BYTE);
  const { view } = image;
  for (let n = 0; n < 4; n++) image.i32[vcpu + n] = view.getInt32(lowcore + offset + 4 * n);
};
