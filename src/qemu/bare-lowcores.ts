// SPDX-License-Identifier: Apache-2.0
// The lowcores of a test kernel. Each CPU may have one of its own, with handlers of its own, which it sets at any time, also in place.
// The hook stands in front of each. What the hook hides, and what an operation exception overwrites, is kept in the hook's part of that
// lowcore.
// Source: z/Architecture (assigned storage locations; a program interruption stores ILC, code, old PSW and breaking-event address).

import { PSW_BA, PSW_EA } from '../../native-like/arch/psw.ts';
import { AREA, HOOK_PSW_MASK, LOWCORE, PSW_BYTES, SCRATCH } from './hook-layout.ts';
import type { GuestRam } from './ram.ts';

/** What an operation exception overwrites, and where the hook keeps what the guest has last seen there. */
const SEEN = [
  { at: LOWCORE.LC_ILC_AND_CODE, kept: SCRATCH.LC_SEEN_CODE, bytes: 4 },
  { at: LOWCORE.LC_BREAKING_EVENT, kept: SCRATCH.LC_SEEN_BREAKING_EVENT, bytes: 8 },
  { at: LOWCORE.LC_PGM_OLD, kept: SCRATCH.LC_SEEN_PGM_OLD, bytes: PSW_BYTES },
] as const;

/** Length of a PSW's mask. */
const MASK_BYTES = 8;

/**
 * Where a guest stores what this file must know of. There is one range for each byte of a hidden mask, since single bits may be cleared.
 */
export const WATCHED: readonly (readonly [address: number, length: number])[] = [
  ...Array.from({ length: MASK_BYTES }, (_, byte) => [LOWCORE.LC_PGM_NEW + byte, 1] as const),
  [LOWCORE.LC_PGM_NEW + MASK_BYTES, MASK_BYTES] as const,
  ...SEEN.map(({ at, bytes }) => [at, bytes] as const),
];

/** The lowcores of one guest that are hooked. */
export class BareLowcores {
  /** Absolute addresses of the lowcores that are known. */
  readonly known = new Set<number>([0]);
  /** Prefixes by CPU address, of CPUs that were seen to get one. */
  readonly prefixes = new Map<number, number>();
  readonly #ram: GuestRam;
  readonly #area: number;
  readonly #psw = Buffer.alloc(PSW_BYTES);
  readonly #own = Buffer.alloc(PSW_BYTES);
  readonly #bytes = Buffer.alloc(PSW_BYTES);

  /** @param area absolute address of the hook area */
  constructor(ram: GuestRam, area: number) {
    this.#ram = ram;
    this.#area = area;
  }

  /**
   * Puts the hook in front of the program-new PSW of a lowcore. Takes over what the guest has changed in the hook's PSW.
   *
   * @param stored address in the lowcore to which the guest has just stored; without it, only what differs counts as a change
   */
  take(lowcore: number, stored = -1): void {
    this.known.add(lowcore);
    this.#ram.read(lowcore + LOWCORE.LC_PGM_NEW, this.#psw);
    if (this.#isHook(AREA.program)) this.#takeChange(lowcore, stored - LOWCORE.LC_PGM_NEW);
    else if (isHandler(this.#psw)) this.#ram.write(lowcore + SCRATCH.LC_OWN_PROGRAM, this.#psw);
    else return;
    this.#ram.write(lowcore + LOWCORE.LC_PGM_NEW, hookPsw(this.#area + AREA.program));
  }

  /**
   * Makes the next restart of a CPU with this lowcore enter the hook. If the restart is not ours, the hook goes on at the guest's own
   * PSW.
   */
  armRestart(lowcore: number): void {
    this.#ram.read(lowcore + LOWCORE.LC_RESTART_NEW, this.#psw);
    if (this.#isHook(AREA.restart)) return;
    this.#ram.write(lowcore + SCRATCH.LC_OWN_RESTART, this.#psw);
    this.#ram.write(lowcore + LOWCORE.LC_RESTART_NEW, hookPsw(this.#area + AREA.restart));
  }

  /** Lets the guest see its own restart-new PSW again. */
  disarmRestart(lowcore: number): void {
    this.#ram.read(lowcore + LOWCORE.LC_RESTART_NEW, this.#psw);
    if (!this.#isHook(AREA.restart)) return;
    this.#copy(lowcore + SCRATCH.LC_OWN_RESTART, lowcore + LOWCORE.LC_RESTART_NEW, PSW_BYTES);
  }

  /** Begins to handle a lowcore that was not hooked before. */
  adopt(lowcore: number): void {
    this.#ram.write(lowcore + SCRATCH.LC_OWN_PROGRAM, Buffer.alloc(2 * PSW_BYTES));
    this.see(lowcore);
    this.take(lowcore);
  }

  /** Whether a lowcore has a handler for program interruptions, the guest's or the hook. */
  hasHandler(lowcore: number): boolean {
    this.#ram.read(lowcore + LOWCORE.LC_PGM_NEW, this.#psw);
    return isHandler(this.#psw);
  }

  isHooked(lowcore: number): boolean {
    this.#ram.read(lowcore + LOWCORE.LC_PGM_NEW, this.#psw);
    return this.#isHook(AREA.program);
  }

  /** Notes that the guest has stored something that an operation exception overwrites. */
  see(lowcore: number): void {
    for (const { at, kept, bytes } of SEEN) this.#copy(lowcore + at, lowcore + kept, bytes);
  }

  /** Puts back what the operation exception has overwritten, because the instruction has completed without an exception. */
  restore(lowcore: number): void {
    for (const { at, kept, bytes } of SEEN) this.#copy(lowcore + kept, lowcore + at, bytes);
  }

  /** Puts the guest's own PSWs back into every lowcore. */
  remove(): void {
    for (const lowcore of this.known) {
      this.disarmRestart(lowcore);
      if (this.isHooked(lowcore))
        this.#copy(lowcore + SCRATCH.LC_OWN_PROGRAM, lowcore + LOWCORE.LC_PGM_NEW, PSW_BYTES);
    }
  }

  #isHook(hook: number): boolean {
    return addressOf(this.#psw) === this.#area + hook;
  }

  /**
   * Takes over a change of the mask in place, made by a program that saw the hook's mask. A bit that differs from the hook's mask was set
   * or cleared. A byte that was stored without any visible change has cleared what is hidden there.
   */
  #takeChange(lowcore: number, byte: number): void {
    const own = lowcore + SCRATCH.LC_OWN_PROGRAM;
    this.#ram.read(own, this.#own);
    const hook = hookPsw(0);
    let changed = false;
    for (let n = 0; n < MASK_BYTES; n++) {
      const difference = this.#psw[n] ^ hook[n];
      const cleared = n === byte && difference === 0;
      const value = cleared ? hook[n] : this.#own[n] ^ difference;
      changed ||= value !== this.#own[n];
      this.#own[n] = value;
    }
    if (changed) this.#ram.write(own, this.#own);
  }

  #copy(from: number, to: number, bytes: number): void {
    this.#ram.read(from, this.#bytes, 0, bytes);
    this.#ram.write(to, this.#bytes, 0, bytes);
  }
}

/** The PSW that enters the hook at an absolute address. */
export function hookPsw(address: number): Buffer {
  const psw = Buffer.alloc(PSW_BYTES);
  psw.writeUInt32BE(HOOK_PSW_MASK[0], 0);
  psw.writeUInt32BE(HOOK_PSW_MASK[1], 4);
  psw.writeBigUInt64BE(BigInt(address), 8);
  return psw;
}

/** Whether a PSW can be that of a handler: it has 64-bit addressing and an address. */
export function isHandler(psw: Buffer): boolean {
  const wide = (psw.readUInt32BE(0) & PSW_EA) !== 0 && (psw.readUInt32BE(4) & PSW_BA) !== 0;
  return wide && addressOf(psw) !== 0;
}

function addressOf(psw: Buffer): number {
  return psw.readUInt32BE(8) * 0x100000000 + psw.readUInt32BE(12);
}
