// SPDX-License-Identifier: Apache-2.0
// TEST PENDING INTERRUPTION of a guest, as KVM answers it.
// Source: docs/reference/ap-architecture.md section 6.8 (Linux arch/s390/kvm/priv.c: handle_tpi).
import {
  LC_IO_SUBCHANNEL_ID,
  PGM_ADDRESSING,
  PGM_PRIVILEGED_OPERATION,
  PGM_SPECIFICATION,
} from '../../native-like/arch/program-interruptions.ts';
import { PSW_BA, PSW_EA, PSW_PROBLEM } from '../../native-like/arch/psw.ts';
import { GISA_IPM } from '../../native-like/arch/sie.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  V_CR6,
  V_GR,
  V_INSTRUCTION,
  V_PSW_MASK_HIGH,
  V_PSW_MASK_LOW,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../../native-like/machine/layout.ts';
import { interruptionWord, takePending } from './interruptions.ts';

/** The two-word interruption code of an I/O interruption; the lowcore gets a third. */
const CODE_BYTES = 8;
const LOWCORE_CODE_BYTES = 12;

/** How it ended: condition code 0 or 1, or minus a program-interruption code. */
export type TpiEnding = number;

/** Operand address D2(B2) as a number; above 4 GiB: Infinity. */
const operandAddress = (image: MachineImage, vcpu: number, instruction: number): number => {
  const base = (instruction >>> 12) & 0xf;
  const displacement = instruction & 0xfff;
  if (base === 0) return displacement;
  const sum = (image.word(vcpu + V_GR + 2 * base + 1) >>> 0) + displacement;
  const mode = image.word(vcpu + V_PSW_MASK_HIGH) & PSW_EA;
  if (mode !== 0) {
    return image.word(vcpu + V_GR + 2 * base) !== 0 ? Number.POSITIVE_INFINITY : sum;
  }
  const bits = (image.word(vcpu + V_PSW_MASK_LOW) & PSW_BA) !== 0 ? 0x7fffffff : 0xffffff;
  return sum & bits;
};

/** The operand's last bits decide alignment even where the address as a whole is out of reach. */
const isAligned = (image: MachineImage, vcpu: number, instruction: number): boolean => {
  const base = (instruction >>> 12) & 0xf;
  const low = base === 0 ? 0 : image.word(vcpu + V_GR + 2 * base + 1);
  return ((low + (instruction & 0xfff)) & 3) === 0;
};

/**
 * handle_tpi: takes the pending adapter interruption of highest priority that CR6 allows (the PSW does not matter) and stores its
 * code; a store that fails puts it back.
 */
export const testPendingInterruption = (image: MachineImage, vcpu: number): TpiEnding => {
  const instruction = image.word(vcpu + V_INSTRUCTION);
  if ((image.word(vcpu + V_PSW_MASK_HIGH) & PSW_PROBLEM) !== 0) return -PGM_PRIVILEGED_OPERATION;
  if (!isAligned(image, vcpu, instruction)) return -PGM_SPECIFICATION;
  const address = operandAddress(image, vcpu, instruction);
  const guest = image.guestNumber(image.guestOf(vcpu));
  const isc = takePending(image, guest, image.word(vcpu + V_CR6) >>> 24);
  if (isc < 0) return 0;
  const at = address === 0 ? LC_IO_SUBCHANNEL_ID : address;
  const bytes = address === 0 ? LOWCORE_CODE_BYTES : CODE_BYTES;
  if (at + bytes > image.word(vcpu + V_STORAGE_SIZE)) {
    Atomics.or(image.u8, image.gisa(guest) + GISA_IPM, 0x80 >> isc);
    return -PGM_ADDRESSING;
  }
  const target = image.word(vcpu + V_STORAGE_BYTE) + at;
  image.u8.fill(0, target, target + bytes);
  if (address === 0) image.view.setUint32(target + 8, interruptionWord(isc));
  return 1;
};
