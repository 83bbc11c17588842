// SPDX-License-Identifier: Apache-2.0
// A whole machine for tests of KVM and the AQIC hook: instructions with raw registers, and what KVM and vfio_ap hold.

import { PSW_CC, PSW_CC_SHIFT, PSW_IO, PSW_PROBLEM } from '../../native-like/arch/psw.ts';
import { GISA_IAM, GISA_IPM } from '../../native-like/arch/sie.ts';
import { STATUS_IRQ } from '../../native-like/arch/status-word.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import * as L from '../../native-like/machine/layout.ts';
import { createMachine, type Machine } from '../../src/index.ts';

/** Any part of a configuration. */
export type Raw = Record<string, unknown>;

/** Two loopback adapters, two domains; Guest1 has adapter 5, Guest2 has adapter 6. Resets and AQIC at the default times. */
export const configuration = (over: {
  readonly kernel?: string;
  readonly guest1?: Raw;
  readonly guest2?: Raw;
  readonly machine?: Raw;
  readonly host?: Raw;
}): Raw => ({
  apemu: 1,
  machine: {
    profile: 'z16',
    adapters: {
      5: { type: 'CEX8', mode: 'loopback' },
      6: { type: 'CEX8', mode: 'loopback' },
    },
    usageDomains: [4, 0x47],
    controlDomains: [4, 0x47],
    ...over.machine,
  },
  host: { kernel: over.kernel ?? 'current', ...over.host },
  guests: {
    Guest1: {
      vcpus: 2,
      memory: '256KiB',
      mdev: { adapters: [5], domains: [4, 0x47] },
      ...over.guest1,
    },
    Guest2: {
      vcpus: 1,
      memory: '256KiB',
      mdev: { adapters: [6], domains: [4, 0x47] },
      ...over.guest2,
    },
  },
});

export const PQAP = 0xb2af0000 | 0;
export const FC_AQIC = 3 << 24;

/** How an instruction ended and what GR1 holds. */
export interface Ending {
  readonly cc: number | undefined;
  readonly pgm: number | undefined;
  /** Halves of GR1. */
  readonly high: number;
  readonly low: number;
  /** Response code in bits 40-47 of GR1. */
  readonly rc: number;
}

/** One PQAP with these low halves of GR0 to GR2 (high halves: GR1 `high`, else zero). */
export interface Registers {
  readonly gr0: number;
  readonly gr1High?: number;
  readonly gr1Low?: number;
  readonly gr2?: number;
  readonly gr2High?: number;
}

/** What is held on behalf of a guest and a queue. */
export interface Held {
  readonly pins: number;
  readonly iscs: readonly number[];
  readonly alertMask: number;
  readonly nib: number;
  readonly isc: number | undefined;
  /** I bit of the queue now. */
  readonly irq: boolean;
}

export class Bench {
  readonly machine: Machine;

  private constructor(machine: Machine) {
    this.machine = machine;
  }

  static async create(over: Parameters<typeof configuration>[0] = {}): Promise<Bench> {
    return new Bench(await createMachine(configuration(over)));
  }

  get image(): MachineImage {
    return this.machine.image;
  }

  close(): void {
    this.machine.close();
  }

  block(guest = 'Guest1', vcpu = 0): number {
    return this.machine.guest(guest).cpu(vcpu).cpu.block;
  }

  pqap(registers: Registers, guest = 'Guest1', vcpu = 0): Ending {
    const { cpu } = this.machine.guest(guest).cpu(vcpu);
    cpu.setGr(0, 0, registers.gr0);
    cpu.setGr(1, registers.gr1High ?? 0, registers.gr1Low ?? 0);
    cpu.setGr(2, registers.gr2High ?? 0, registers.gr2 ?? 0);
    const interrupted = cpu.execute(PQAP) !== 0;
    return {
      cc: interrupted ? undefined : cpu.conditionCode(),
      pgm: interrupted ? cpu.programInterruption() : undefined,
      high: cpu.grHigh(1) >>> 0,
      low: cpu.grLow(1) >>> 0,
      rc: (cpu.grLow(1) >>> 16) & 0xff,
    };
  }

  /** AQIC enable. */
  enable(apqn: number, isc: number, nib: number, guest = 'Guest1'): Ending {
    return this.pqap({ gr0: FC_AQIC | apqn, gr1High: 0x8000, gr1Low: isc, gr2: nib }, guest);
  }

  /** AQIC disable. */
  disable(apqn: number, guest = 'Guest1'): Ending {
    return this.pqap({ gr0: FC_AQIC | apqn }, guest);
  }

  held(apqn: number, guest = 'Guest1'): Held {
    const { image } = this;
    const record = image.guest(this.machine.guest(guest).number);
    const q = image.queue(apqn);
    const cold = image.cold(q);
    const isc = image.word(cold + L.K_SAVED_ISC) & 0xff;
    return {
      pins: image.word(record + L.G_PINS),
      iscs: Array.from({ length: 8 }, (_, n) => image.word(record + L.G_ISC_COUNTS + n)),
      alertMask: image.word(record + L.G_ALERT_MASK),
      nib: image.word(cold + L.K_SAVED_NIB),
      isc: isc === 0 ? undefined : isc - 1,
      irq: (image.word(q + L.Q_STATUS) & STATUS_IRQ) !== 0,
    };
  }

  /** IPM and IAM of a guest's GISA. */
  gisa(guest = 'Guest1'): { readonly ipm: number; readonly iam: number } {
    const at = this.image.gisa(this.machine.guest(guest).number);
    return {
      ipm: this.image.u8[at + GISA_IPM],
      iam: this.image.u8[at + GISA_IAM],
    };
  }

  /** Sets a vCPU's PSW condition code, or problem state. */
  psw(
    change: { readonly cc?: number; readonly problem?: boolean; readonly io?: boolean },
    guest = 'Guest1',
  ): void {
    const at = this.block(guest) + L.V_PSW_MASK_HIGH;
    let mask = this.image.word(at);
    if (change.cc !== undefined) mask = (mask & ~PSW_CC) | (change.cc << PSW_CC_SHIFT);
    if (change.problem !== undefined)
      mask = change.problem ? mask | PSW_PROBLEM : mask & ~PSW_PROBLEM;
    if (change.io !== undefined) mask = change.io ? mask | PSW_IO : mask & ~PSW_IO;
    this.image.i32[at] = mask;
  }

  /** The next `count` AQICs (or other instructions) of the host on this queue end with `rc`. */
  fault(apqn: number, rc: number, count = 1, on: 'aqic' | 'tapq' | 'zapq' = 'aqic'): void {
    this.machine.fault({
      guest: undefined,
      apqn,
      on,
      effect: { kind: 'rc', rc },
      trigger: { kind: 'count', count },
    });
  }

  /** Facility word of a guest's vCPUs without (or with) these bits. */
  facilities(change: (word: number) => number, guest = 'Guest1'): void {
    const handle = this.machine.guest(guest);
    for (let n = 0; n < handle.vcpus; n++) {
      const at = handle.cpu(n).cpu.block + L.V_FACILITIES;
      this.image.i32[at] = change(this.image.word(at));
    }
  }
}
