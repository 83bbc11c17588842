// SPDX-License-Identifier: Apache-2.0
// Which queues a program may use: partition configuration, CRYCB formats, effective masks, and the QCI block.
// Source: ap-architecture.md 4.2, 6.2, 6.3, AD-23, AD-38.

import { setMaskBit } from './bits.ts';
import type { Model } from './model.ts';
import type { ModelGuest, ModelQueue } from './state.ts';

export interface EffectiveMasks {
  readonly apm: readonly number[];
  readonly aqm: readonly number[];
  readonly adm: readonly number[];
}

export class Access {
  private readonly model: Model;

  constructor(model: Model) {
    this.model = model;
  }

  /** 8-bit APIDs and APQIs: APXA of the machine, and under SIE a format-2 CRYCB. */
  isWide(guest: ModelGuest): boolean {
    if (guest.index === 0) return this.model.machine.apxa;
    if (this.model.defect('crycb-format-ignored')) return this.model.machine.apxa;
    const apxa = this.model.machine.apxa || this.model.defect('format-2-without-apxa-uses-apcb1');
    return guest.config.crycb.format === 2 && apxa;
  }

  /** Partition configuration AND the APCB the machine reads. */
  effective(guest: ModelGuest): EffectiveMasks {
    const { machine, adapters } = this.model;
    const wide = this.isWide(guest);
    const ids = wide ? 256 : 64;
    const domains = wide || this.model.defect('apcb0-aqm-64-bits') ? 256 : 16;
    const host = {
      apm: [...adapters.keys()].filter((id) => id < ids),
      aqm: machine.usageDomains.filter((id) => id < domains),
      adm: machine.controlDomains.filter((id) => id < domains),
    };
    if (guest.index === 0) return host;
    const apcb = guest.apcb[wide ? 1 : 0];
    return {
      apm: host.apm.filter((id) => apcb.apm.has(id) || this.model.defect('apm-not-checked')),
      aqm: host.aqm.filter((id) => apcb.aqm.has(id) || this.model.defect('aqm-not-checked')),
      adm: host.adm.filter((id) => apcb.adm.has(id)),
    };
  }

  /** The queue of an APQN, undefined if it is not available to the guest. */
  queueFor(guest: ModelGuest, apqn: number): ModelQueue | undefined {
    const masks = this.effective(guest);
    if (!masks.apm.includes(apqn >> 8) || !masks.aqm.includes(apqn & 0xff)) return undefined;
    const control = masks.adm.includes(apqn & 0xff);
    if (!control && this.model.defect('usage-needs-control')) return undefined;
    return this.model.queues.get(apqn);
  }

  /** The QCI block as this program sees it, 128 bytes. */
  qciBlock(guest: ModelGuest): Uint8Array {
    const { machine } = this.model;
    const { S, C, R, B } = machine.qciFlags;
    const wide = this.isWide(guest);
    const block = new Uint8Array(128);
    const bind = B && (guest.index === 0 || this.seesBind(guest));
    block[0] = (S ? 0x80 : 0) | (wide ? 0x40 : 0) | (C ? 0x20 : 0) | (R ? 0x10 : 0);
    block[1] = bind ? 0x80 : 0;
    if (wide || this.model.defect('qci-na-nd-for-narrow')) {
      block[4] = machine.na;
      block[5] = machine.nd;
    }
    const masks = this.effective(guest);
    for (const id of masks.apm) setMaskBit(block, 0x10, id);
    for (const id of masks.aqm) setMaskBit(block, 0x30, id);
    const control = this.model.defect('qci-adm-of-host') ? machine.controlDomains : masks.adm;
    for (const id of control) setMaskBit(block, 0x50, id);
    return block;
  }

  /** QCI flag B as the program sees it: 0 for a guest that is not under secure execution. */
  seesBind(guest: ModelGuest): boolean {
    if (!this.model.machine.qciFlags.B) return false;
    if (this.model.defect('bind-flag-for-all')) return true;
    return guest.index === 0 || guest.config.secureExecution !== undefined;
  }
}
