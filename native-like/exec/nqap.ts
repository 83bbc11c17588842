// SPDX-License-Identifier: Apache-2.0
// NQAP, enqueue: the fast path for a whole message on a queue in plain operation, and everything else.
// Source: docs/reference/ap-architecture.md sections 1.8, 4.5, decisions AD-07, AD-08, AD-18, AD-19, AD-27, AD-28.
// Status: architected; parts, CC 2 and the special bit are choices.

import { FACILITY_APXA } from '../arch/facilities.ts';
import { GR0_APQN, GR0_APQN_NO_APXA } from '../arch/function-codes.ts';
import { FUNCTION_NQAP } from '../arch/function-numbers.ts';
import { RRE_ODD, RRE_R1, RRE_R2 } from '../arch/instructions.ts';
import { PGM_SPECIFICATION } from '../arch/program-interruptions.ts';
import { GR2_S, NQAP_L, NQAP_RESERVED, NQAP_SPECIAL } from '../arch/registers.ts';
import {
  AP_RESPONSE_BUSY,
  AP_RESPONSE_INVALID_DOMAIN,
  AP_RESPONSE_MESSAGE_TOO_BIG,
  AP_RESPONSE_Q_FULL,
  AP_RESPONSE_REQ_FAC_NOT_INST,
} from '../arch/response-codes.ts';
import { STATUS_FULL, STATUS_IRQ, STATUS_REPLIES } from '../arch/status-word.ts';
import {
  ADM_WORDS,
  ATTENTION_DOMAIN,
  ATTENTION_OPEN,
  C_OPTIONS,
  DEVICE_LOOPBACK,
  F_ACTION,
  F_DELAY,
  F_REPLY,
  F_VALUE,
  FAULT_DELAY,
  FAULT_DROP,
  FAULT_REPLY,
  K_MODE,
  K_OPEN_SLOT,
  K_REQUESTS,
  L_ACCEPTED,
  L_DELAY,
  L_FLAGS,
  L_LENGTH,
  L_PLACES,
  L_PSMID_HIGH,
  L_PSMID_LOW,
  L_REPLY,
  L_SENDER,
  L_SEQUENCE,
  MASK_AQM,
  MASK_WORDS,
  OPTION_REFUSE_PARTS,
  Q_ATTENTION,
  Q_COLD,
  Q_DEVICE,
  Q_FREE,
  Q_GR2_HIGH,
  Q_LIMIT,
  Q_REPLY_RING,
  Q_REPLY_TAIL,
  Q_SLOTS_BYTE,
  Q_STATUS,
  RING_BYTES,
  SLOT_BIT_0,
  SLOT_DROP,
  SLOT_HEADER_BYTES,
  SLOT_REORDER,
  SLOT_REPLY,
  SLOT_SPECIAL,
  V_FACILITIES,
  V_GR,
  V_GUEST,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
  V_TRUE_MASKS,
} from '../machine/layout.ts';
import { EXECUTE_COMPLETED } from '../machine/outcome.ts';
import { CONDITION_CC, findQueue, queueCondition, statusWithCode } from './availability.ts';
import { bytesToBoundary, bytesToFault } from './boundary.ts';
import { complete, completeNormal, completeStatus, programInterruption } from './ending.ts';
import { faulty, findMessageFault } from './faults.ts';
import { notify } from './notify.ts';
import { admit } from './pqap.ts';
import { closeIfDone, now, pushRequest, slotByte, slotHeader } from './queue.ts';
import { takeSlots } from './slots.ts';
import { addressHigh, addressMask, copyBytes, fetchGuest, is64BitMode } from './storage.ts';
import { ADM, F64, I32, INDEX, MASKS, markPending, targetDomain, U8 } from './views.ts';

const RING_MASK = RING_BYTES - 1;
/** Target domain of a request that may go to whatever domain its queue has (messages.md 2.4). */
const ANY_DOMAIN = 0xffff;
/** Response code when the machine's pool has no slots left for a queue's first NQAP, which takes slots for the whole queue. */
const NO_SLOTS = AP_RESPONSE_BUSY;

/** NQAP when the masks allow the APQN and GR0 has nothing unusual: takes the message. What needs more checks goes to `nqapSlow`. */
export const enqueue = (v: number, instruction: number, gr0: number): number => {
  const q = I32[INDEX + (gr0 & GR0_APQN)];
  const free = I32[q + Q_FREE];
  const r2 = (v + V_GR + ((instruction & RRE_R2) << 1)) | 0;
  const length = I32[r2 + 3];
  const address = I32[r2 + 1];
  if (
    I32[q + Q_ATTENTION] !== 0 ||
    free === 0 ||
    (I32[r2] | I32[r2 + 2]) !== 0 ||
    length <= 0 ||
    length > I32[q + Q_LIMIT] ||
    address < 0 ||
    address > ((I32[v + V_STORAGE_SIZE] - length) | 0) ||
    I32[q + Q_SLOTS_BYTE] === 0
  ) {
    return nqapSlow(v, instruction);
  }
  const slot = Math.clz32(free);
  const at = slotByte(q, slot);
  const header = at >>> 2;
  const r1 = (v + V_GR + ((instruction & RRE_R1) >>> 3)) | 0;
  I32[header + L_PSMID_HIGH] = I32[r1 + 1];
  I32[header + L_PSMID_LOW] = I32[r1 + 3];
  I32[header + L_LENGTH] = length;
  I32[r2 + 1] = (address + length) | 0;
  I32[r2 + 3] = 0;
  const source = (I32[v + V_STORAGE_BYTE] + address) | 0;
  accept(v, q, slot, free & ~(SLOT_BIT_0 >>> slot), header);
  copyBytes((at + SLOT_HEADER_BYTES) | 0, source, length);
  return EXECUTE_COMPLETED;
};

/** Puts the message in `slot` on the queue; `free` has the slots that are left. Ends the instruction with the state before any reply. */
const accept = (v: number, q: number, slot: number, free: number, header: number): void => {
  I32[q + Q_FREE] = free;
  const status =
    (I32[q + Q_STATUS] & (STATUS_REPLIES | STATUS_IRQ)) | (free === 0 ? STATUS_FULL : 0);
  completeNormal(v, status);
  const cold = I32[q + Q_COLD];
  const requests = (I32[cold + K_REQUESTS] + 1) | 0;
  I32[cold + K_REQUESTS] = requests;
  if (I32[q + Q_DEVICE] === DEVICE_LOOPBACK) {
    const tail = I32[q + Q_REPLY_TAIL];
    U8[((q + Q_REPLY_RING) << 2) + (tail & RING_MASK)] = slot;
    I32[q + Q_REPLY_TAIL] = (tail + 1) | 0;
    I32[q + Q_STATUS] = status | STATUS_REPLIES;
    if ((status & STATUS_IRQ) !== 0) notify(q);
  } else {
    I32[q + Q_STATUS] = status;
    waitForAdapter(v, q, slot, header, requests);
  }
};

/** Puts the message among the requests that wait for the adapter. */
const waitForAdapter = (
  v: number,
  q: number,
  slot: number,
  header: number,
  sequence: number,
): void => {
  I32[header + L_FLAGS] = 0;
  I32[header + L_SENDER] = I32[v + V_TRUE_MASKS];
  I32[header + L_SEQUENCE] = sequence;
  F64[(header + L_ACCEPTED) >> 1] = now();
  F64[(header + L_DELAY) >> 1] = 0;
  pushRequest(q, slot);
  markPending(q);
};

/** NQAP with all that the fast path does not do, checked in the order of AD-15. */
export const nqapSlow = (v: number, instruction: number): number => {
  const ended = admit(v, instruction);
  if (ended !== 0) return ended - 1;
  const gr0 = I32[v + V_GR + 1];
  if (!reservedLegal(v, gr0) || (instruction & RRE_ODD) !== 0)
    return programInterruption(v, PGM_SPECIFICATION);
  const q = findQueue(v, gr0);
  const r2 = v + V_GR + ((instruction & RRE_R2) << 1);
  const length = operandLength(v, q, r2);
  if (length === 0) return programInterruption(v, PGM_SPECIFICATION);
  const condition = queueCondition(v, q, gr0 & GR0_APQN, FUNCTION_NQAP);
  if (condition >= CONDITION_CC) return complete(v, condition - CONDITION_CC);
  if (condition !== 0) return completeStatus(v, statusWithCode(q, condition));
  return takeMessage(v, q, instruction, gr0, r2, length);
};

const reservedLegal = (v: number, gr0: number): boolean => {
  if ((gr0 & NQAP_RESERVED) !== 0) return false;
  if ((gr0 & NQAP_L) === 0 && (I32[C_OPTIONS] & OPTION_REFUSE_PARTS) !== 0) return false;
  return (I32[v + V_FACILITIES] & FACILITY_APXA) !== 0 || (gr0 & GR0_APQN_NO_APXA) === 0;
};

/**
 * Length in the register pair at `r2` if it is legal on queue `q`, else 0 (AD-08). In 24- and 31-bit mode bits 0-31 do not
 * count (AD-02).
 */
export const operandLength = (v: number, q: number, r2: number): number => {
  const length = I32[r2 + 3];
  if (is64BitMode(v) && I32[r2 + 2] !== 0) return 0;
  return length > 0 && length <= I32[q + Q_LIMIT] ? length : 0;
};

/** Slot for a new part: the open message's, or else a free one. Returns -1 when the queue is full. */
const slotFor = (q: number, open: number): number => {
  if (open !== 0) return open - 1;
  const free = I32[q + Q_FREE];
  return free === 0 ? -1 : Math.clz32(free);
};

/** Makes the checks of NQAP itself, then copies the message. */
const takeMessage = (
  v: number,
  q: number,
  instruction: number,
  gr0: number,
  r2: number,
  length: number,
): number => {
  if ((gr0 & NQAP_SPECIAL) !== 0 && (I32[q + Q_GR2_HIGH] & GR2_S) === 0) {
    return completeStatus(v, statusWithCode(q, AP_RESPONSE_REQ_FAC_NOT_INST));
  }
  const r1 = v + V_GR + ((instruction & RRE_R1) >>> 3);
  const open = openMessage(q, I32[r1 + 1], I32[r1 + 3]);
  const slot = slotFor(q, open);
  if (slot < 0) return completeStatus(v, statusWithCode(q, AP_RESPONSE_Q_FULL));
  if (I32[q + Q_SLOTS_BYTE] === 0 && !takeSlots(q))
    return completeStatus(v, statusWithCode(q, NO_SLOTS));
  const header = slotHeader(q, slot);
  const had = open === 0 ? 0 : I32[header + L_LENGTH];
  if (had + length > I32[q + Q_LIMIT]) {
    I32[I32[q + Q_COLD] + K_OPEN_SLOT] = 0;
    return completeStatus(v, statusWithCode(q, AP_RESPONSE_MESSAGE_TOO_BIG));
  }
  return copyPart(v, q, slot, gr0, r1, r2, had, length);
};

/** K_OPEN_SLOT when parts of a message with this PSMID are being collected, else 0 (AD-19). */
const openMessage = (q: number, psmidHigh: number, psmidLow: number): number => {
  const open = I32[I32[q + Q_COLD] + K_OPEN_SLOT];
  if (open === 0) return 0;
  const header = slotHeader(q, open - 1);
  const same = I32[header + L_PSMID_HIGH] === psmidHigh && I32[header + L_PSMID_LOW] === psmidLow;
  return same ? open : 0;
};

/** Moves one part into its slot and ends the instruction. */
const copyPart = (
  v: number,
  q: number,
  slot: number,
  gr0: number,
  r1: number,
  r2: number,
  had: number,
  length: number,
): number => {
  const header = slotHeader(q, slot);
  const low = I32[r2 + 1] & addressMask(v);
  const most = bytesToBoundary(low, length);
  const bytes = bytesToFault(v, q, gr0 & GR0_APQN, FUNCTION_NQAP, low, most);
  const payload = (header << 2) + SLOT_HEADER_BYTES;
  const code = fetchGuest(v, addressHigh(v, I32[r2]), low, length, bytes, payload + had);
  if (code !== 0) return programInterruption(v, code);
  const last = (gr0 & NQAP_L) !== 0;
  if (bytes === length && last && !domainAllowed(v, q, payload, had + length)) {
    I32[I32[q + Q_COLD] + K_OPEN_SLOT] = 0;
    return completeStatus(v, statusWithCode(q, AP_RESPONSE_INVALID_DOMAIN));
  }
  I32[header + L_PSMID_HIGH] = I32[r1 + 1];
  I32[header + L_PSMID_LOW] = I32[r1 + 3];
  I32[header + L_LENGTH] = had + bytes;
  advanceOperand(v, r2, bytes);
  if (bytes < length || !last) return partTaken(v, q, slot, bytes < length ? 2 : 1);
  return acceptSlow(v, q, slot, header, gr0);
};

/** Updates an address and length pair by `bytes` (AD-02: bits 0-31 change in 64-bit mode only). */
export const advanceOperand = (v: number, r2: number, bytes: number): void => {
  const mask = addressMask(v);
  const next = ((I32[r2 + 1] & mask) + bytes) & mask;
  I32[r2 + 1] = next;
  if (mask === -1 && next >>> 0 < bytes) I32[r2] = (I32[r2] + 1) | 0;
  I32[r2 + 3] = I32[r2 + 3] - bytes;
};

/** Condition code 1 (part taken) or 2 (boundary): the message stays open and is not yet on the queue. */
const partTaken = (v: number, q: number, slot: number, cc: number): number => {
  I32[I32[q + Q_COLD] + K_OPEN_SLOT] = slot + 1;
  I32[q + Q_ATTENTION] = I32[q + Q_ATTENTION] | ATTENTION_OPEN;
  if (cc === 2) return complete(v, 2);
  I32[v + V_GR + 2] = 0;
  I32[v + V_GR + 3] = statusWithCode(q, 0);
  return complete(v, 1);
};

/** Accepts a complete message, with all that the fast path leaves out. */
const acceptSlow = (v: number, q: number, slot: number, header: number, gr0: number): number => {
  const cold = I32[q + Q_COLD];
  // Only one message can be open at a time. A complete message ends it, whether it is that one or another (AD-19).
  I32[cold + K_OPEN_SLOT] = 0;
  closeIfDone(q, cold);
  accept(v, q, slot, I32[q + Q_FREE] & ~(SLOT_BIT_0 >>> slot), header);
  if ((gr0 & NQAP_SPECIAL) !== 0) I32[header + L_FLAGS] = SLOT_SPECIAL;
  else I32[header + L_FLAGS] = 0;
  const guest = I32[v + V_GUEST];
  if (faulty(q, guest)) {
    const fault = findMessageFault(guest, gr0 & GR0_APQN, FUNCTION_NQAP, q, header);
    if (fault !== 0) markMessage(header, fault);
  }
  return EXECUTE_COMPLETED;
};

/** Notes in a message's header what a fault does to it. It shows when the reply is due. */
export const markMessage = (header: number, fault: number): void => {
  const action = I32[fault + F_ACTION];
  if (action === FAULT_DELAY) {
    F64[(header + L_DELAY) >> 1] = F64[(fault + F_DELAY) >> 1];
    return;
  }
  if (action === FAULT_REPLY) {
    I32[header + L_REPLY] = I32[fault + F_VALUE];
    I32[header + L_REPLY + 1] = I32[fault + F_REPLY];
    I32[header + L_REPLY + 2] = I32[fault + F_REPLY + 1];
    I32[header + L_FLAGS] = I32[header + L_FLAGS] | SLOT_REPLY;
    return;
  }
  const flag = action === FAULT_DROP ? SLOT_DROP : SLOT_REORDER;
  I32[header + L_FLAGS] = I32[header + L_FLAGS] | flag;
  I32[header + L_PLACES] = I32[fault + F_VALUE];
};

/** Whether the message's target domain is a usage or control domain of this program (AD-28). */
const domainAllowed = (v: number, q: number, payload: number, length: number): boolean => {
  const checked = (I32[q + Q_ATTENTION] & ATTENTION_DOMAIN) !== 0;
  if (!checked || targetDomain === undefined) return true;
  const domain = targetDomain(I32[I32[q + Q_COLD] + K_MODE], payload, length);
  if (domain < 0 || domain === ANY_DOMAIN) return true;
  if (domain > 255) return false;
  const masks = I32[v + V_TRUE_MASKS];
  const usage = I32[masks + MASK_AQM + (domain >>> 5)] << (domain & 31);
  const adm = ADM + (((masks - MASKS) / MASK_WORDS) | 0) * ADM_WORDS;
  return usage < 0 || I32[adm + (domain >>> 5)] << (domain & 31) < 0;
};
