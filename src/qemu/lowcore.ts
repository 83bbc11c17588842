// SPDX-License-Identifier: Apache-2.0
// Finds a guest's lowcores, decides when its program-new PSW is final, and puts the hook in front of it.
// Source: docs/reference/qemu-attach.md section 5 (rule and order of steps), arch/s390/kernel/setup.c (setup_lowcore).

import { PSW_BA, PSW_DAT, PSW_EA, PSW_MACHINE_CHECK } from '../../native-like/arch/psw.ts';
import { BareLowcores, hookPsw, isHandler } from './bare-lowcores.ts';
import { hookCode } from './hook/hook-image.ts';
import {
  AREA,
  AREA_BYTES,
  LOWCORE,
  MAILBOX_BYTES,
  MAILBOX_COUNT,
  PREFIX_AREA_BYTES,
  PREFIX_LIMIT,
  PSW_BYTES,
  SCRATCH,
  TOD_UNITS_PER_MS,
} from './hook-layout.ts';
import type { GuestRam } from './ram.ts';

/**
 * When a guest's program-new PSW counts as final.
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

/** What the lowcore at absolute zero tells about the guest. */
export type LowcoreState = 'early' | 'final' | 'hooked';

/** Reads a PSW from storage. */
function pswAt(bytes: Buffer, offset: number) {
  const mask0 = bytes.readUInt32BE(offset);
  const mask1 = bytes.readUInt32BE(offset + 4);
  const address = bytes.readUInt32BE(offset + 8) * 0x100000000 + bytes.readUInt32BE(offset + 12);
  const wide = (mask0 & PSW_EA) !== 0 && (mask1 & PSW_BA) !== 0;
  return { mask0, address, wide };
}

/** The lowcore hook of one guest. */
export class LowcoreHook {
  /** Absolute address of the hook area: the last MiB of storage. */
  readonly area: number;
  readonly #ram: GuestRam;
  readonly #rule: HookRule;
  readonly #window = Buffer.alloc(WINDOW);
  readonly #code = Buffer.alloc(AREA.CODE_SIZE);
  /** The lowcores of a test kernel, one by one; undefined for Linux, whose lowcores all have the same PSWs. */
  readonly bare: BareLowcores | undefined;

  constructor(ram: GuestRam, rule: HookRule) {
    this.#ram = ram;
    this.#rule = rule;
    this.area = ram.size - AREA_BYTES;
    if (rule === 'bare') this.bare = new BareLowcores(ram, this.area);
  }

  /** Whether the guest has overwritten the hook's code, so that its exceptions lead nowhere. */
  isOverwritten(): boolean {
    this.#ram.read(this.area, this.#code);
    const code = hookCode();
    return !this.#code.subarray(0, code.length).equals(code);
  }

  /** Absolute address of a CPU's mailbox. */
  mailbox(cpu: number): number {
    return this.area + AREA.AREA_MAILBOXES + cpu * MAILBOX_BYTES;
  }

  /** Looks at the lowcore at absolute zero. */
  state(): LowcoreState {
    this.#ram.read(LOWCORE.LC_RESTART_NEW, this.#window);
    const program = pswAt(this.#window, PROGRAM_AT);
    if (this.bare !== undefined && this.#isAnyHooked(this.bare)) return 'hooked';
    if (!program.wide || program.address === 0) return 'early';
    if (program.address === this.area + AREA.program) return 'hooked';
    if (this.bare !== undefined) return 'final';
    const restart = pswAt(this.#window, 0);
    const final =
      (program.mask0 & PSW_DAT) !== 0 &&
      program.address >= LINUX_LOWEST &&
      restart.wide &&
      restart.address > LINUX_LOWEST;
    return final ? 'final' : 'early';
  }

  /**
   * Writes the hook area and points every lowcore at it. Linux must be stopped.
   *
   * @param patienceMs how long a vCPU waits for an answer before it goes to the guest's own handler
   * @param known lowcores of a test kernel that have handlers
   * @returns the absolute addresses of the lowcores hooked; none if a Linux kernel has not set its prefix yet: it fills the lowcore at
   * absolute zero before the one it runs with, and nothing has been changed then
   */
  install(patienceMs: number, known: readonly number[] = [0]): number[] {
    this.#ram.read(LOWCORE.LC_RESTART_NEW, this.#window);
    if (this.bare !== undefined) return this.#installBare(this.bare, patienceMs, known);
    const found = this.#prefixes();
    if (found.length === 0) return [];
    this.#writeArea(patienceMs);
    for (const lowcore of [0, ...found]) {
      this.#ram.write(lowcore + LOWCORE.LC_PGM_NEW, hookPsw(this.area + AREA.program));
      this.#ram.write(lowcore + LOWCORE.LC_RESTART_NEW, hookPsw(this.area + AREA.restart));
      // A CPU without PSWs of its own uses those of the hook area.
      this.#ram.write(lowcore + SCRATCH.LC_OWN_PROGRAM, Buffer.alloc(2 * PSW_BYTES));
    }
    return [0, ...found];
  }

  #installBare(lowcores: BareLowcores, patienceMs: number, known: readonly number[]): number[] {
    this.#writeArea(patienceMs);
    for (const lowcore of known) lowcores.adopt(lowcore);
    // The search takes milliseconds, in which a running guest could change its lowcores.
    for (const lowcore of this.#prefixes())
      if (!lowcores.known.has(lowcore)) lowcores.adopt(lowcore);
    return [...lowcores.known];
  }

  /** Whether any lowcore is hooked, since a CPU of a test kernel may use another one than that at absolute zero. */
  #isAnyHooked(lowcores: BareLowcores): boolean {
    for (const lowcore of lowcores.known) if (lowcores.isHooked(lowcore)) return true;
    return false;
  }

  /** Attaches to a guest that was hooked by an emulator which has gone. A request that still waits in a mailbox is served. */
  adopt(patienceMs: number): void {
    this.#ram.write(this.area + AREA.patience, patience(patienceMs));
    this.clearSilent();
  }

  /** Releases the guest: puts its own PSWs back into every lowcore, and lets vCPUs in the hook go on. */
  remove(): void {
    if (this.bare !== undefined) {
      this.bare.remove();
      this.silence();
      return;
    }
    const lowcores = this.hooked();
    const originals = Buffer.alloc(32);
    this.#ram.read(this.area + AREA.original_program, originals);
    for (const lowcore of lowcores) {
      this.#ram.write(lowcore + LOWCORE.LC_PGM_NEW, originals, 0, 16);
      this.#ram.write(lowcore + LOWCORE.LC_RESTART_NEW, originals, 16, 16);
    }
    this.silence();
  }

  /** Absolute addresses of all lowcores that point at the hook, including those of CPUs that were started since. */
  hooked(): number[] {
    if (this.bare !== undefined) return [...this.bare.known];
    this.#ram.read(LOWCORE.LC_RESTART_NEW, this.#window);
    return [0, ...this.#prefixes()];
  }

  /** Makes vCPUs wait for the emulator no longer: their AP instructions go to the guest's own handler. */
  silence(): void {
    this.#ram.write(this.area + AREA.silent, Uint8Array.of(1));
  }

  /**
   * Makes the next restart of a CPU enter the hook. For Linux it always does; a test kernel sees its own PSW at other times.
   *
   * @returns false if it would not, because the guest has set a restart PSW since
   */
  armRestart(lowcore: number): boolean {
    this.bare?.armRestart(lowcore);
    const address = this.area + AREA.restart;
    const at = lowcore + LOWCORE.LC_RESTART_NEW + 8;
    const high = Math.floor(address / 0x100000000);
    return this.#ram.readWord(at) === high && this.#ram.readWord(at + 4) === address % 0x100000000;
  }

  /** Whether a vCPU has waited in vain and now passes AP instructions to the guest's own handler. */
  isSilent(): boolean {
    return this.#ram.readWord(this.area + AREA.silent) !== 0;
  }

  /** Makes vCPUs wait for the emulator again. */
  clearSilent(): void {
    this.#ram.write(this.area + AREA.silent, Uint8Array.of(0));
  }

  /** Addresses of blocks below 2 GiB that look like the lowcore at absolute zero: the prefix areas of the running CPUs. */
  #prefixes(): number[] {
    const found: number[] = [];
    const end = Math.min(this.area, PREFIX_LIMIT);
    const candidate = Buffer.alloc(WINDOW);
    for (let block = PREFIX_AREA_BYTES; block < end; block += PREFIX_AREA_BYTES) {
      this.#ram.read(block + LOWCORE.LC_RESTART_NEW, candidate);
      if (isHandler(this.#window.subarray(PROGRAM_AT)) && sameHandlers(candidate, this.#window))
        found.push(block);
    }
    return found;
  }

  #writeArea(patienceMs: number): void {
    const image = Buffer.alloc(AREA.AREA_MAILBOXES + MAILBOX_BYTES * MAILBOX_COUNT);
    hookCode().copy(image);
    this.#window.copy(image, AREA.original_program, PROGRAM_AT, WINDOW);
    this.#window.copy(image, AREA.original_restart, 0, 16);
    if (this.#rule === 'linux') {
      // 6.12 adds this bit to the PSW in use later (traps.c, trap_init), so that the saved one does not have it.
      const mask0 = image.readUInt32BE(AREA.original_program);
      image.writeUInt32BE((mask0 | PSW_MACHINE_CHECK) >>> 0, AREA.original_program);
    }
    patience(patienceMs).copy(image, AREA.patience);
    this.#ram.write(this.area, image);
  }
}

/**
 * Whether two lowcores have the same program-new and restart-new PSWs. Linux 6.12 enables machine checks in the program-new PSW of the
 * lowcore it runs with soon after it has set it (traps.c, trap_init), but not in the one at absolute zero.
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
