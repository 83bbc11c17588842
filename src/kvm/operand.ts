// SPDX-License-Identifier: Apache-2.0
// The operand address D2(B2) of an intercepted instruction in S format.
// Source: z/Architecture Principles of Operation, "Address Generation". Status: architected.
import { PSW_BA, PSW_EA } from '../../native-like/arch/psw.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import { V_GR, V_PSW_MASK_HIGH, V_PSW_MASK_LOW } from '../../native-like/machine/layout.ts';

/** Contents of general register `n` as an address in the vCPU's addressing mode; Infinity above 4 GiB. */
export const addressIn = (
  image: MachineImage,
  vcpu: number,
  n: number,
  displacement = 0,
): number => {
  const sum = (image.word(vcpu + V_GR + 2 * n + 1) >>> 0) + displacement;
  const mode = image.word(vcpu + V_PSW_MASK_HIGH) & PSW_EA;
  if (mode !== 0) return image.word(vcpu + V_GR + 2 * n) !== 0 ? Number.POSITIVE_INFINITY : sum;
  const bits = (image.word(vcpu + V_PSW_MASK_LOW) & PSW_BA) !== 0 ? 0x7fffffff : 0xffffff;
  return sum & bits;
};

/** The operand address; Infinity above 4 GiB. */
export const operandAddress = (image: MachineImage, vcpu: number, instruction: number): number => {
  const base = (instruction >>> 12) & 0xf;
  const displacement = instruction & 0xfff;
  return base === 0 ? displacement : addressIn(image, vcpu, base, displacement);
};

/** Whether the operand address is a multiple of four. The low half decides this even for an address above 4 GiB. */
export const isWordAligned = (image: MachineImage, vcpu: number, instruction: number): boolean => {
  const base = (instruction >>> 12) & 0xf;
  const low = base === 0 ? 0 : image.word(vcpu + V_GR + 2 * base + 1);
  return ((low + (instruction & 0xfff)) & 3) === 0;
};
