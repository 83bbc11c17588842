// SPDX-License-Identifier: Apache-2.0
// A vCPU of the real machine as programs see it: the guest's view, and its PSW and CR6 in the machine image.
// Source: docs/design.md section 6 (state); z/Architecture PSW bits as named in native-like/machine/layout.ts.

import { LC_MCK_NEW_PSW, LC_PGM_NEW_PSW } from '../../native-like/arch/program-interruptions.ts';
import {
  PSW_BA,
  PSW_CC,
  PSW_CC_SHIFT,
  PSW_DAT,
  PSW_EA,
  PSW_IO,
  PSW_MACHINE_CHECK,
  PSW_PROBLEM,
} from '../../native-like/arch/psw.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  V_CR6,
  V_PSW_ADDRESS_HIGH,
  V_PSW_ADDRESS_LOW,
  V_PSW_MASK_HIGH,
  V_PSW_MASK_LOW,
} from '../../native-like/machine/layout.ts';
import type { ImageCpu } from '../host/context/image-cpu.ts';
import { loadNewPsw } from '../kvm/interruptions.ts';
import type { ProgramCpu, ProgramPsw } from './program-machine.ts';

/** PSW bits 8-11. */
const PSW_KEY = 0x00f00000;
const PSW_KEY_SHIFT = 20;

export class MachineProgramCpu implements ProgramCpu {
  readonly storage: Uint8Array;
  readonly #cpu: ImageCpu;
  readonly #image: MachineImage;
  readonly #block: number;

  constructor(cpu: ImageCpu, image: MachineImage, guest: number) {
    this.#cpu = cpu;
    this.#image = image;
    this.#block = cpu.block;
    this.storage = image.storage(guest);
  }

  wrote = (address: number, bytes: number): void => this.#cpu.wroteStorage(address, bytes);

  grLow(n: number): number {
    return this.#cpu.grLow(n);
  }

  grHigh(n: number): number {
    return this.#cpu.grHigh(n);
  }

  setGr(n: number, high: number, low: number): void {
    this.#cpu.setGr(n, high, low);
  }

  execute(instruction: number): number {
    const ended = this.#cpu.execute(instruction);
    if (ended !== 0 && this.#cpu.loadsNewPsw) loadNewPsw(this.#image, this.#block, LC_PGM_NEW_PSW);
    return ended;
  }

  conditionCode(): number {
    return this.#cpu.conditionCode();
  }

  programInterruption(): number {
    return this.#cpu.programInterruption();
  }

  takeInterruption(): number {
    const word = this.#cpu.takeInterruption();
    if (word !== 0 && this.#cpu.loadsNewPsw) loadNewPsw(this.#image, this.#block);
    return word;
  }

  takeMachineCheck(): boolean {
    const taken = this.#cpu.takeMachineCheck();
    if (taken && this.#cpu.loadsNewPsw) loadNewPsw(this.#image, this.#block, LC_MCK_NEW_PSW);
    return taken;
  }

  readPsw(): ProgramPsw {
    const high = this.#word(V_PSW_MASK_HIGH);
    const basic = (this.#word(V_PSW_MASK_LOW) & PSW_BA) !== 0;
    return {
      p: (high & PSW_PROBLEM) !== 0,
      am: (high & PSW_EA) !== 0 ? 64 : basic ? 31 : 24,
      io: (high & PSW_IO) !== 0,
      mck: (high & PSW_MACHINE_CHECK) !== 0,
      key: (high & PSW_KEY) >>> PSW_KEY_SHIFT,
      dat: (high & PSW_DAT) !== 0,
      cc: (high & PSW_CC) >>> PSW_CC_SHIFT,
      iaHigh: this.#word(V_PSW_ADDRESS_HIGH),
      iaLow: this.#word(V_PSW_ADDRESS_LOW),
      loadsNewPsw: this.#cpu.loadsNewPsw,
      cr6: this.#word(V_CR6),
    };
  }

  changePsw(fields: Partial<ProgramPsw>): void {
    const psw = { ...this.readPsw(), ...fields };
    const changed = PSW_PROBLEM | PSW_EA | PSW_IO | PSW_MACHINE_CHECK | PSW_KEY | PSW_DAT | PSW_CC;
    const high =
      (psw.p ? PSW_PROBLEM : 0) |
      (psw.am === 64 ? PSW_EA : 0) |
      (psw.io ? PSW_IO : 0) |
      (psw.mck ? PSW_MACHINE_CHECK : 0) |
      (psw.key << PSW_KEY_SHIFT) |
      (psw.dat ? PSW_DAT : 0) |
      (psw.cc << PSW_CC_SHIFT);
    this.#set(V_PSW_MASK_HIGH, (this.#word(V_PSW_MASK_HIGH) & ~changed) | high);
    const basic = psw.am === 24 ? 0 : PSW_BA;
    this.#set(V_PSW_MASK_LOW, (this.#word(V_PSW_MASK_LOW) & ~PSW_BA) | basic);
    this.#set(V_PSW_ADDRESS_HIGH, psw.iaHigh);
    this.#set(V_PSW_ADDRESS_LOW, psw.iaLow);
    this.#set(V_CR6, psw.cr6);
    this.#cpu.loadsNewPsw = psw.loadsNewPsw;
  }

  #word(offset: number): number {
    return this.#image.word(this.#block + offset);
  }

  #set(offset: number, value: number): void {
    this.#image.i32[this.#block + offset] = value;
  }
}
