// SPDX-License-Identifier: Apache-2.0
// NQAP: taking a message or a part of one.
// Source: ap-architecture.md 1.8, AD-16, AD-18, AD-19, AD-27, AD-28; P2, P3.

import type { Outcome } from '../vectors/under-test.ts';
import { lowWord } from './bits.ts';
import { segment } from './boundary.ts';
import { targetDomain } from './domain.ts';
import { type Instruction, PGM } from './instruction.ts';
import { accept, refuse } from './status.ts';

const L_BIT = 0x40000000n;
const SPECIAL_BIT = 0x00400000n;
const FACILITY_S = 0x80000000;

export function nqap(i: Instruction): Outcome {
  const queue = i.queue!;
  const { address, length } = i.operand;
  const bytes = Number(length);
  if (queue.full && i.defect('full-before-special')) return refuse(i, 0x10);
  const special =
    (i.gr0 & SPECIAL_BIT) !== 0n && (queue.adapter.config.functions & FACILITY_S) === 0;
  if (special && !i.defect('special-ignored')) return refuse(i, 0x16);
  const early = i.defect('nqap-access-before-full') && !i.inStorage(address, bytes);
  if (queue.full && !early && !i.defect('nqap-never-full')) return refuse(i, 0x10);

  const psmid = psmidOf(i);
  const before =
    queue.open?.psmid === psmid || i.defect('parts-mixed') ? queue.open?.bytes : undefined;
  const already = before?.length ?? 0;
  if (already + bytes > queue.limit && !i.defect('total-limit')) {
    if (!i.defect('total-limit-keeps-parts')) queue.open = undefined;
    return refuse(i, 0x15);
  }
  if (!i.inStorage(address, bytes)) {
    return i.defect('nqap-access') ? accept(i) : i.program(PGM.addressing);
  }

  const taken = segment(i.model, Number(address), bytes);
  const whole = new Uint8Array(already + taken);
  if (before !== undefined) whole.set(before);
  whole.set(i.guest.storage.subarray(Number(address), Number(address) + taken), already);
  const last = (i.gr0 & L_BIT) !== 0n;
  if (taken < bytes) {
    queue.open = { psmid, bytes: whole };
    i.advanceOperand(taken);
    return i.completed(2);
  }
  if (!last && !i.defect('l-bit-ignored')) {
    queue.open = { psmid, bytes: whole };
    if (!i.defect('part-registers-kept')) i.advanceOperand(taken);
    return accept(i, 1);
  }
  if (domainRefused(i, whole)) {
    queue.open = undefined;
    return refuse(i, 0x42);
  }
  queue.open = undefined;
  i.model.accepted(queue, { psmid, bytes: whole });
  if (!i.defect('nqap-registers-kept')) i.advanceOperand(taken);
  return accept(i);
}

/** Bits 32-63 of the R1 pair, even register first. */
function psmidOf(i: Instruction): bigint {
  const high = BigInt(lowWord(i.vcpu.gr[i.r1]));
  return (high << 32n) | BigInt(lowWord(i.vcpu.gr[i.r1 + 1]));
}

/** AD-28; with QCI flag R the request is accepted and the reply says so. */
function domainRefused(i: Instruction, request: Uint8Array): boolean {
  if (i.model.machine.qciFlags.R || i.defect('target-domain')) return false;
  const domain = targetDomain(i.queue!.adapter.config.mode, request);
  if (domain === undefined) return false;
  const masks = i.model.access.effective(i.guest);
  const control = masks.adm.includes(domain) && !i.defect('control-domain-refused');
  return !masks.aqm.includes(domain) && !control;
}
