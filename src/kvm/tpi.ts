// SPDX-License-Identifier: Apache-2.0
// TEST PENDING INTERRUPTION of a guest, as KVM answers it.
// Source: docs/reference/ap-architecture.md section 6.8 (Linux arch/s390/kvm/priv.c: handle_tpi).
import {
  LC_IO_SUBCHANNEL_ID,
  PGM_ADDRESSING,
  PGM_PRIVILEGED_OPERATION,
  PGM_SPECIFICATION,
} from '../../native-like/arch/program-interruptions.ts';
import { PSW_PROBLEM } from '../../native-like/arch/psw.ts';
import { GISA_IPM } from '../../native-like/arch/sie.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  V_CR6,
  V_INSTRUCTION,
  V_PSW_MASK_HIGH,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../../native-like/machine/layout.ts';
import { interruptionWord, takePending } from './interruptions.ts';
import { isWordAligned, operandAddress } from './operand.ts';

/** Length of the interruption code that TPI stores at its operand: two words. In the lowcore there is a third. */
const CODE_BYTES = 8;
const LOWCORE_CODE_BYTES = 12;

/** How an intercepted instruction ended: a condition code, or a program-interruption code as a negative number. */
export type Ending = number;

/**
 * handle_tpi: takes the pending adapter interruption of highest priority that CR6 allows, whatever the PSW, and stores its code. If the
 * store fails, the interruption is pending again.
 */
export const testPendingInterruption = (image: MachineImage, vcpu: number): Ending => {
  const instruction = image.word(vcpu + V_INSTRUCTION);
  if ((image.word(vcpu + V_PSW_MASK_HIGH) & PSW_PROBLEM) !== 0) return -PGM_PRIVILEGED_OPERATION;
  if (!isWordAligned(image, vcpu, instruction)) return -PGM_SPECIFICATION;
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
