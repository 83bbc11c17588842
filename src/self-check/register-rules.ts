// SPDX-License-Identifier: Apache-2.0
// Rules about what an instruction leaves in registers and storage: GR1 is a status word, reserved bits are 0, QCI is in shape.
// Source: docs/reference/ap-architecture.md sections 1.10, 1.11, 4.2, decisions AD-09, AD-11, AD-12, AD-18.
import { FC_AQIC, FC_QCI, FC_TAPQ, GR0_FC_SHIFT } from '../../native-like/arch/function-codes.ts';
import { OPCODE_PQAP } from '../../native-like/arch/instructions.ts';
import { PSW_BA, PSW_EA } from '../../native-like/arch/psw.ts';
import {
  QCI_ADM,
  QCI_BYTES,
  QCI_FLAG_ROWS,
  QCI_MASK_BYTES,
  QCI_ND,
} from '../../native-like/arch/qci.ts';
import {
  responseCode,
  STATUS_ASYNC,
  STATUS_FLAGS,
  STATUS_RESERVED,
} from '../../native-like/arch/status-word.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_HOST_SWITCHES,
  HOST_KEEPS_CC,
  V_GR,
  V_PSW_MASK_HIGH,
  V_PSW_MASK_LOW,
} from '../../native-like/machine/layout.ts';
import type { Action, Ending } from './action.ts';
import { hex, type Violation, violated } from './rules.ts';

/** Response codes that show the queue's flags; both asynchronous errors (AD-12). */
const CODES_WITH_FLAGS: readonly number[] = [0x00, 0x02, 0x10];
const ASYNC_CODES: readonly number[] = [0x35, 0x36];
const QCI_FLAGS_DEFINED = QCI_FLAG_ROWS.reduce((all, row) => all | row.mask, 0);

/** Registers an instruction starts with. */
export interface Operands {
  readonly gr0: number;
  readonly gr2Low: number;
  /** KVM answers itself, in the way VD-06 says: no hook is set. */
  readonly withoutHook: boolean;
}

const badStatus = (status: number, why: string): Violation =>
  violated('status-register', `GR1 is ${hex(status)}: ${why}`);

const checkStatusWord = (status: number): Violation | undefined => {
  const rc = responseCode(status);
  if ((status & STATUS_RESERVED) !== 0) return badStatus(status, 'reserved bits');
  if ((status & STATUS_FLAGS) !== 0 && !CODES_WITH_FLAGS.includes(rc))
    return badStatus(status, 'flags with this response code');
  if (((status & STATUS_ASYNC) !== 0) !== ASYNC_CODES.includes(rc))
    return badStatus(status, 'A with this response code');
  return undefined;
};

/** GR1 after an instruction that stores it. */
const checkGr1 = (
  image: MachineImage,
  action: Action,
  cc: number,
  free: boolean,
): Violation | undefined => {
  const high = image.word(action.vcpu + V_GR + 2);
  const status = image.word(action.vcpu + V_GR + 3);
  if (high !== 0) return violated('status-register', `GR1 has ${hex(high)} in bits 0-31`);
  const found = checkStatusWord(status);
  if (found !== undefined || free) return found;
  const wanted = responseCode(status) === 0 ? 0 : 3;
  return cc === wanted ? undefined : badStatus(status, `CC ${cc}`);
};

const addressBits = (image: MachineImage, vcpu: number): number => {
  if ((image.word(vcpu + V_PSW_MASK_HIGH) & PSW_EA) !== 0) return 0xffffffff;
  return (image.word(vcpu + V_PSW_MASK_LOW) & PSW_BA) !== 0 ? 0x7fffffff : 0x00ffffff;
};

/** Checks the 128 bytes that a QCI has stored. */
const checkQci = (
  image: MachineImage,
  action: Action,
  operands: Operands,
): Violation | undefined => {
  const at = (operands.gr2Low & addressBits(image, action.vcpu)) >>> 0;
  const block = image.storage(action.guest).subarray(at, at + QCI_BYTES);
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  if ((view.getInt32(0) & ~QCI_FLAGS_DEFINED) !== 0)
    return violated('qci', `flags are ${hex(view.getInt32(0))}`);
  const reserved = [
    ...block.subarray(QCI_ND + 1, 16),
    ...block.subarray(QCI_ADM + QCI_MASK_BYTES, QCI_BYTES),
  ];
  return reserved.every((byte) => byte === 0)
    ? undefined
    : violated('qci', `reserved bytes are ${reserved.map((byte) => hex(byte, 2)).join('')}`);
};

/** Checks registers after an instruction that ended without program interruption. */
export const checkRegisters = (
  image: MachineImage,
  action: Action,
  operands: Operands,
  ending: Ending,
): Violation | undefined => {
  if (ending.program !== 0 || ending.cc === 2) return undefined;
  const opcode = action.word >>> 16;
  const fc = opcode === OPCODE_PQAP ? operands.gr0 >>> GR0_FC_SHIFT : FC_TAPQ;
  if (opcode === OPCODE_PQAP && fc === FC_QCI) return checkQci(image, action, operands);
  // AD-10a: a part of a reply leaves GR1; so does an injected CC 1.
  if (ending.cc === 1) return undefined;
  const intercepted = fc === FC_AQIC && action.guest !== 0;
  if (intercepted && operands.withoutHook) return undefined;
  const keeps = intercepted && (image.word(C_HOST_SWITCHES) & HOST_KEEPS_CC) !== 0;
  return checkGr1(image, action, ending.cc, keeps);
};
