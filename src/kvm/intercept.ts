// SPDX-License-Identifier: Apache-2.0
// What KVM does with an intercepted AP instruction: handle_pqap in its exact order. It uses nothing but the machine image, so that a
// vCPU's own thread can do it.
// Source: docs/reference/ap-architecture.md section 3.3, docs/reference/vfio-ap.md section 5.1 (Linux arch/s390/kvm/priv.c).
import { FACILITY_AP, FACILITY_APFT, FACILITY_AQIC } from '../../native-like/arch/facilities.ts';
import {
  FC_AQIC,
  GR0_APQN_NO_APXA,
  GR0_FC_SHIFT,
  GR0_RESERVED,
  GR0_T,
} from '../../native-like/arch/function-codes.ts';
import {
  OPCODE_CHSC,
  OPCODE_DQAP,
  OPCODE_NQAP,
  OPCODE_PQAP,
  OPCODE_STCRW,
  OPCODE_TPI,
} from '../../native-like/arch/instructions.ts';
import {
  PGM_OPERATION,
  PGM_PRIVILEGED_OPERATION,
  PGM_SPECIFICATION,
} from '../../native-like/arch/program-interruptions.ts';
import { PSW_CC, PSW_CC_SHIFT, PSW_PROBLEM } from '../../native-like/arch/psw.ts';
import { CRYCBD_APXA } from '../../native-like/arch/sie.ts';
import { STATUS_RC_MASK } from '../../native-like/arch/status-word.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  C_HOST_SWITCHES,
  G_CRYCBD,
  G_FACILITIES,
  G_HOOK,
  HOST_KEEPS_CC,
  HOST_STRICT_STATUS,
  V_FACILITIES,
  V_GR,
  V_INSTRUCTION,
  V_PSW_ADDRESS_LOW,
  V_PSW_MASK_HIGH,
  VIRTUAL_HOOK,
} from '../../native-like/machine/layout.ts';
import { EXECUTE_COMPLETED } from '../../native-like/machine/outcome.ts';
import type { Kernel } from '../lpar/kernel.ts';
import { storeChannelReportWord } from './channel-report.ts';
import { channelSubsystemCall } from './chsc.ts';
import { type Ending, testPendingInterruption } from './tpi.ts';

/** Answers of the hook: handled (the status is in GR1), or -EOPNOTSUPP, with which the instruction goes to user space. */
export const HOOK_HANDLED = 0;
export const HOOK_UNSUPPORTED = -1;

/** A PQAP hook. It is called with the vCPU's block and the number of the mdev whose hook is set. */
export type PqapHandler = (vcpu: number, mdev: number) => number;

/** Executes an intercepted AP instruction of a guest with a virtual mdev. Returns what the kernel's `execute` returns. */
export type VirtualHandler = (vcpu: number) => number;

/** Handlers of the instructions about the channel subsystem. Each instruction ends with a condition code or a program interruption. */
const CHANNEL_INSTRUCTIONS: ReadonlyMap<number, (image: MachineImage, vcpu: number) => Ending> =
  new Map([
    [OPCODE_TPI, testPendingInterruption],
    [OPCODE_STCRW, storeChannelReportWord],
    [OPCODE_CHSC, channelSubsystemCall],
  ]);

const AP_OPCODES: ReadonlySet<number> = new Set([OPCODE_PQAP, OPCODE_NQAP, OPCODE_DQAP]);

/** Status word with response code 01. */
const STATUS_NOT_AVAILABLE = 0x00010000;

/** Makes the tests of the handler for AQIC in their order. Returns the program-interruption code of the first that is true, or 0. */
export const aqicException = (image: MachineImage, vcpu: number): number => {
  const gr0 = image.word(vcpu + V_GR + 1);
  const facilities = image.word(vcpu + V_FACILITIES);
  const crycbd = image.word(image.guestOf(vcpu) + G_CRYCBD);
  const hostHasAp = (image.word(image.guest(0) + G_FACILITIES) & FACILITY_AP) !== 0;
  // Steps 1 to 3 lead to user space. It knows no AP instruction and injects an operation exception.
  if (!hostHasAp || (facilities & FACILITY_AP) === 0) return PGM_OPERATION;
  if (gr0 >>> GR0_FC_SHIFT !== FC_AQIC) return PGM_OPERATION;
  if ((image.word(vcpu + V_PSW_MASK_HIGH) & PSW_PROBLEM) !== 0) return PGM_PRIVILEGED_OPERATION;
  if ((gr0 & GR0_RESERVED) !== 0) return PGM_SPECIFICATION;
  if ((gr0 & GR0_T) !== 0 && (facilities & FACILITY_APFT) === 0) return PGM_SPECIFICATION;
  if ((crycbd & CRYCBD_APXA) === 0 && (gr0 & GR0_APQN_NO_APXA) !== 0) return PGM_SPECIFICATION;
  return (facilities & FACILITY_AQIC) === 0 ? PGM_SPECIFICATION : 0;
};

/** Handles instruction interceptions, for one machine and thread. */
export class InterceptHandler {
  readonly #image: MachineImage;
  readonly #kernel: Kernel;
  readonly #hook: PqapHandler;
  readonly #virtual: VirtualHandler | undefined;

  constructor(image: MachineImage, kernel: Kernel, hook: PqapHandler, virtual?: VirtualHandler) {
    this.#image = image;
    this.#kernel = kernel;
    this.#hook = hook;
    this.#virtual = virtual;
  }

  /** Handles the instruction interception of `vcpu`. Returns EXECUTE_COMPLETED or EXECUTE_PROGRAM. */
  handle(vcpu: number): number {
    const opcode = this.#image.word(vcpu + V_INSTRUCTION) >>> 16;
    const channel = CHANNEL_INSTRUCTIONS.get(opcode);
    if (channel !== undefined) {
      const ending = channel(this.#image, vcpu);
      return ending < 0 ? this.#inject(vcpu, -ending) : this.#conditionCode(vcpu, ending);
    }
    if (this.#virtual !== undefined && AP_OPCODES.has(opcode) && this.#isVirtual(vcpu))
      return this.#virtual(vcpu);
    const code = opcode === OPCODE_PQAP ? aqicException(this.#image, vcpu) : PGM_OPERATION;
    if (code !== 0) return this.#inject(vcpu, code);
    const mdev = Atomics.load(this.#image.i32, this.#image.guestOf(vcpu) + G_HOOK);
    if (mdev === 0) return this.#noHook(vcpu);
    if (this.#hook(vcpu, mdev) !== HOOK_HANDLED) return this.#inject(vcpu, PGM_OPERATION);
    const refused = (this.#image.word(vcpu + V_GR + 3) & STATUS_RC_MASK) !== 0;
    const keep = !refused && (this.#image.word(C_HOST_SWITCHES) & HOST_KEEPS_CC) !== 0;
    return keep ? EXECUTE_COMPLETED : this.#conditionCode(vcpu, refused ? 3 : 0);
  }

  /** Whether the guest has a virtual mdev, whose hook executes all its AP instructions (vfio-ap.md V-03). */
  #isVirtual(vcpu: number): boolean {
    const hook = Atomics.load(this.#image.i32, this.#image.guestOf(vcpu) + G_HOOK);
    return (hook & VIRTUAL_HOOK) !== 0;
  }

  /**
   * Step 10: there is no hook. With Linux's mistake, the 4-byte status is stored into bits 0-31 of GR1, and bits 32-63 keep the operand
   * (VD-06).
   */
  #noHook(vcpu: number): number {
    const strict = (this.#image.word(C_HOST_SWITCHES) & HOST_STRICT_STATUS) !== 0;
    this.#image.i32[vcpu + V_GR + 2] = strict ? 0 : STATUS_NOT_AVAILABLE;
    if (strict) this.#image.i32[vcpu + V_GR + 3] = STATUS_NOT_AVAILABLE;
    return this.#conditionCode(vcpu, 3);
  }

  #conditionCode(vcpu: number, cc: number): number {
    const mask = this.#image.word(vcpu + V_PSW_MASK_HIGH) & ~PSW_CC;
    this.#image.i32[vcpu + V_PSW_MASK_HIGH] = mask | (cc << PSW_CC_SHIFT);
    return EXECUTE_COMPLETED;
  }

  /** Injects a program interruption. Its old PSW has to point to the instruction, but the interception has moved the address past it. */
  #inject(vcpu: number, code: number): number {
    this.#image.i32[vcpu + V_PSW_ADDRESS_LOW] =
      (this.#image.word(vcpu + V_PSW_ADDRESS_LOW) - 4) | 0;
    return this.#kernel.programInterruption(vcpu, code);
  }
}
