// SPDX-License-Identifier: Apache-2.0
// Finds a guest's lowcores, tells when its program-new PSW is final, and puts the hook in front of it.
// Source: docs/reference/qemu-attach.md section 5 (rule and order of steps), arch/s390/kernel/setup.c (setup_lowcore).

import { hookCode } from './hook/hook-image.ts';
import {
  AREA,
  AREA_BYTES,
  HOOK_PSW_MASK,
  LOWCORE,
  LOWCORE_BYTES,
  MAILBOX_BYTES,
  MAILBOX_COUNT,
  PREFIX_LIMIT,
  PSW_BASIC,
  PSW_BYTES,
  PSW_DAT,
  PSW_EXTENDED,
  PSW_MACHINE_CHECK,
  TOD_UNITS_PER_MS,
} from './layout.ts';
import type { GuestRam } from './ram.ts';

/**
 * How a guest looks whose program-new PSW is final.
 *
 * - `linux`: the PSW runs with DAT and the restart PSW is set too; the early stages of a kernel have neither.
 * - `bare`: any program-new PSW with 64-bit addressing and an address. For kernels that run with DAT off.
 */
export type HookRule = 'linux' | 'bare';

/** Lowest address of a handler of Linux: the kernel image begins at 1 MiB. */
const LINUX_LOWEST = 0x100000;

/** Restart-new and program-new PSW are read together. */
const WINDOW = LOWCORE.LC_PGM_NEW + 16 - LOWCORE.LC_RESTART_NEW;
const PROGRAM_AT = LOWCORE.LC_PGM_NEW - LOWCORE.LC_RESTART_NEW;

/** What the lowcore at absolute zero says about the guest. */
export type LowcoreState = 'early' | 'final' | 'hooked';

/** A PSW as it stands in storage. */
function pswAt(bytes: Buffer, offset: number) {
  const mask0 = bytes.readUInt32BE(offset);
  const mask1 = bytes.readUInt32BE(offset + 4);
  const address = bytes.readUInt32BE(offset + 8) * 0x100000000 + bytes.readUInt32BE(offset + 12);
  const wide = (mask0 & PSW_EXTENDED) !== 0 && (mask1 & PSW_BASIC) !== 0;
  return { mask0, address, wide };
}

/** The lowcore hook of one guest. */
export class LowcoreHook {
  /** Absolute address of the hook area: the last MiB of storage. */
  readonly area: number;
  readonly #ram: GuestRam;
  readonly #rule: HookRule;
  readonly #window = Buffer.alloc(WINDOW);

  constructor(ram: GuestRam, rule: HookRule) {
    this.#ram = ram;
    this.#rule = rule;
    this.area = ram.size - AREA_BYTES;
  }

  /** Absolute address of a CPU's mailbox. */
  mailbox(cpu: number): number {
    return this.area + AREA.AREA_MAILBOXES + cpu * MAILBOX_BYTES;
  }

  /** Looks at the lowcore at absolute zero. */
  state(): LowcoreState {
    this.#ram.read(LOWCORE.LC_RESTART_NEW, this.#window);
    const program = pswAt(this.#window, PROGRAM_AT);
    if (!program.wide || program.address === 0) return 'early';
    if (program.address === this.area + AREA.program) return 'hooked';
    if (this.#rule === 'bare') return 'final';
    const restart = pswAt(this.#window, 0);
    const final =
      (program.mask0 & PSW_DAT) !== 0 &&
      program.address >= LINUX_LOWEST &&
      restart.wide &&
      restart.address > LINUX_LOWEST;
    return final ? 'final' : 'early';
  }

  /**
   * Writes the hook area and points every lowcore at it. A Linux guest is stopped.
   *
   * @param patienceMs how long a vCPU waits for an answer before it goes to the guest's own handler
   * @returns the absolute addresses of the lowcores hooked; none when a Linux kernel has not set its prefix yet: it fills the
   *   lowcore at absolute zero before the one it runs with, and nothing has been changed then
   */
  install(patienceMs: number): number[] {
    this.#ram.read(LOWCORE.LC_RESTART_NEW, this.#window);
    const running = this.#rule === 'bare';
    const found = running ? [] : this.#prefixes();
    if (!running && found.length === 0) return [];
    this.#writeArea(patienceMs);
    this.#patch(0);
    // The search takes milliseconds, which a guest that runs would use.
    const prefixes = running ? this.#prefixes() : found;
    for (const lowcore of prefixes) this.#patch(lowcore);
    return [0, ...prefixes];
  }

  #patch(lowcore: number): void {
    this.#ram.write(lowcore + LOWCORE.LC_PGM_NEW, hookPsw(this.area + AREA.program));
    this.#ram.write(lowcore + LOWCORE.LC_RESTART_NEW, hookPsw(this.area + AREA.restart));
  }

  /** A test kernel has set its program-new PSW anew: exceptions go on there from now on. */
  renew(): void {
    this.#ram.read(LOWCORE.LC_RESTART_NEW, this.#window);
    this.#ram.write(this.area + AREA.original_program, this.#window, PROGRAM_AT, PSW_BYTES);
    this.#ram.write(LOWCORE.LC_PGM_NEW, hookPsw(this.area + AREA.program));
  }

  /** Attaches to a guest that an emulator which has gone hooked: a request that still waits in a mailbox is served. */
  adopt(patienceMs: number): void {
    this.#ram.write(this.area + AREA.patience, patience(patienceMs));
    this.clearSilent();
  }

  /** Lets the guest go: its own PSWs stand in every lowcore again, and a vCPU in the hook no longer waits. */
  remove(): void {
    const lowcores = this.hooked();
    const originals = Buffer.alloc(32);
    this.#ram.read(this.area + AREA.original_program, originals);
    for (const lowcore of lowcores) {
      this.#ram.write(lowcore + LOWCORE.LC_PGM_NEW, originals, 0, 16);
      this.#ram.write(lowcore + LOWCORE.LC_RESTART_NEW, originals, 16, 16);
    }
    this.silence();
  }

  /** Absolute addresses of all lowcores that point at the hook, those of CPUs started since included. */
  hooked(): number[] {
    this.#ram.read(LOWCORE.LC_RESTART_NEW, this.#window);
    return [0, ...this.#prefixes()];
  }

  /** No vCPU waits for the emulator any more: AP instructions go to the guest's own handler. */
  silence(): void {
    this.#ram.write(this.area + AREA.silent, Uint8Array.of(1));
  }

  /** True when a restart of a CPU with this lowcore would enter the hook; a bare guest may have set its own restart PSW since. */
  catchesRestart(lowcore: number): boolean {
    const address = this.area + AREA.restart;
    const at = lowcore + LOWCORE.LC_RESTART_NEW + 8;
    const high = Math.floor(address / 0x100000000);
    return this.#ram.readWord(at) === high && this.#ram.readWord(at + 4) === address % 0x100000000;
  }

  /** True when a vCPU has waited in vain and now passes AP instructions to the guest's own handler. */
  isSilent(): boolean {
    return this.#ram.readWord(this.area + AREA.silent) !== 0;
  }

  /** Makes vCPUs wait for the emulator again. */
  clearSilent(): void {
    this.#ram.write(this.area + AREA.silent, Uint8Array.of(0));
  }

  /** Blocks below 2 GiB that look like the lowcore at absolute zero: the prefix areas of the running CPUs. */
  #prefixes(): number[] {
    const found: number[] = [];
    const end = Math.min(this.area, PREFIX_LIMIT);
    const candidate = Buffer.alloc(WINDOW);
    for (let block = LOWCORE_BYTES; block < end; block += LOWCORE_BYTES) {
      this.#ram.read(block + LOWCORE.LC_RESTART_NEW, candidate);
      if (sameHandlers(candidate, this.#window)) found.push(block);
    }
    return found;
  }

  #writeArea(patienceMs: number): void {
    const image = Buffer.alloc(AREA.AREA_MAILBOXES + MAILBOX_BYTES * MAILBOX_COUNT);
    hookCode().copy(image);
    this.#window.copy(image, AREA.original_program, PROGRAM_AT, WINDOW);
    this.#window.copy(image, AREA.original_restart, 0, 16);
    if (this.#rule === 'linux') {
      // 6.12 adds this bit to the live PSW later (traps.c, trap_init); the saved one would miss it.
      const mask0 = image.readUInt32BE(AREA.original_program);
      image.writeUInt32BE((mask0 | PSW_MACHINE_CHECK) >>> 0, AREA.original_program);
    }
    patience(patienceMs).copy(image, AREA.patience);
    this.#ram.write(this.area, image);
  }
}

/**
 * Whether two lowcores have the same program-new and restart-new PSWs. Linux 6.12 enables machine checks in the program-new PSW of
 * the lowcore it runs with soon after it has set it (traps.c, trap_init), and leaves the one at absolute zero alone.
 */
function sameHandlers(one: Buffer, other: Buffer): boolean {
  const difference = one.readUInt32BE(PROGRAM_AT) ^ other.readUInt32BE(PROGRAM_AT);
  return (
    (difference & ~PSW_MACHINE_CHECK) === 0 &&
    one.compare(other, PROGRAM_AT + 4, WINDOW, PROGRAM_AT + 4, WINDOW) === 0 &&
    one.compare(other, 0, 16, 0, 16) === 0
  );
}

function patience(ms: number): Buffer {
  const units = Buffer.alloc(8);
  units.writeBigUInt64BE(BigInt(Math.round(ms)) * BigInt(TOD_UNITS_PER_MS));
  return units;
}

function hookPsw(address: number): Buffer {
  const psw = Buffer.alloc(16);
  psw.writeUInt32BE(HOOK_PSW_MASK[0], 0);
  psw.writeUInt32BE(HOOK_PSW_MASK[1], 4);
  psw.writeBigUInt64BE(BigInt(address), 8);
  return psw;
}
