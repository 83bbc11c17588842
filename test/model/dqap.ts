// SPDX-License-Identifier: Apache-2.0
// DQAP: delivering a reply, whole or in parts.
// Source: ap-architecture.md 1.9, AD-10, AD-10a, AD-10b, AD-16, AD-18; P4, P8, P9.

import type { Outcome } from '../vectors/under-test.ts';
import { fieldOf, MASK32 } from './bits.ts';
import { segment } from './boundary.ts';
import { type Instruction, PGM } from './instruction.ts';
import type { ModelQueue } from './state.ts';
import { accept, refuse, statusWord } from './status.ts';

const FIRST_BIT = 0x80000000n;

export function dqap(i: Instruction): Outcome {
  const queue = i.queue!;
  if (queue.replies.length === 0 && i.defect('rc-10-before-13')) return refuse(i, 0x10);
  const resume = (i.gr0 & FIRST_BIT) === 0n;
  if (resume && !i.defect('no-rc-13')) {
    if (fieldOf(i.gr0, 36, 39) !== 1) return refuse(i, 0x13);
    if (queue.partial === undefined && !i.defect('token-without-partial')) return refuse(i, 0x13);
  }
  const reply = queue.replies[0];
  if (reply === undefined) return refuse(i, 0x10);
  const startOver = !resume && !i.defect('no-start-over');
  const from = startOver || queue.partial === undefined ? { position: 0, parts: 0 } : queue.partial;

  const { address, length } = i.operand;
  const rest = reply.bytes.length - from.position;
  const room = Math.min(Number(length), rest);
  if (i.defect('dqap-tests-whole-buffer') && !i.inStorage(address, Number(length))) {
    return i.program(PGM.addressing);
  }
  const bytes = segment(i.model, Number(address), room);
  if (!i.inStorage(address, bytes)) {
    return i.defect('dqap-access') ? i.completed(0) : i.program(PGM.addressing);
  }
  const part = reply.bytes.subarray(from.position, from.position + bytes);
  if (!i.defect('dqap-not-stored')) i.guest.storage.set(part, Number(address));
  i.advanceOperand(bytes);
  if (bytes < rest) {
    queue.partial = { position: from.position + bytes, parts: from.parts + 1 };
    if (i.defect('partial-removes')) queue.replies.shift();
    deliverPart(i, queue, rest - bytes);
    return i.completed(bytes < room || i.defect('cc-2-for-cc-1') ? 2 : 1);
  }
  complete(i, queue, reply.psmid);
  return accept(i);
}

/** CC 1 or 2: bytes left in GR2, token in GR0; GR1 and R1 stay (AD-10a). */
function deliverPart(i: Instruction, queue: ModelQueue, left: number): void {
  const { gr } = i.vcpu;
  if (!i.defect('no-residual')) gr[2] = BigInt(left);
  if (i.defect('part-sets-status')) gr[1] = BigInt(statusWord(i.model, queue, 0));
  const kept = i.gr0 & ~(FIRST_BIT | 0x0f000000n | 0x003f0000n);
  const parts = i.defect('token-parts') ? 1 : queue.partial!.parts;
  if (!i.defect('no-token')) gr[0] = kept | 0x01000000n | (BigInt(parts & 63) << 16n);
}

function complete(i: Instruction, queue: ModelQueue, psmid: bigint): void {
  const { gr } = i.vcpu;
  queue.partial = undefined;
  if (!i.defect('reply-not-removed')) queue.replies.shift();
  if (!i.defect('psmid-not-returned')) {
    const kept = i.defect('psmid-high-kept') ? gr[i.r1] & ~MASK32 : 0n;
    gr[i.r1] = kept | (psmid >> 32n);
    gr[i.r1 + 1] = psmid & MASK32;
  }
  if (!i.defect('residual-kept')) gr[2] = 0n;
}
