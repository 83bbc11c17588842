// SPDX-License-Identifier: Apache-2.0
// AQIC, interruption control, as the host executes it. Under SIE the instruction is intercepted before it gets here.
// Source: docs/reference/ap-architecture.md section 1.6, decisions AD-17, AD-21, AD-32, AD-33. Status: architected; delay a choice.
import { PAGE_BYTES } from '../arch/limits.ts';
import {
  AQIC_GF_MASK,
  AQIC_GISA_MASK,
  AQIC_GISC_MASK,
  AQIC_GISC_SHIFT,
  AQIC_IR,
  AQIC_ISC_MASK,
} from '../arch/registers.ts';
import {
  AP_RESPONSE_BUSY,
  AP_RESPONSE_INVALID_ADDRESS,
  AP_RESPONSE_INVALID_GISA,
  AP_RESPONSE_NORMAL,
  AP_RESPONSE_OTHERWISE_CHANGED,
} from '../arch/response-codes.ts';
import { GISA0_BYTES, GISA1_BYTES } from '../arch/sie.ts';
import { STATUS_IRQ } from '../arch/status-word.ts';
import {
  ATTENTION_AQIC,
  C_GUESTS,
  C_TIME_AQIC,
  G_EXTERNAL,
  GISA_ADDRESS_BASE,
  GISA_ADDRESS_STRIDE,
  GISA_STRIDE_BYTE,
  GUEST_WORDS,
  K_AQIC_AFTER,
  K_AQIC_DUE,
  K_AQIC_ENABLE,
  K_GISA_BYTE,
  K_ISC,
  K_NIB_BYTE,
  K_NOTIFY_GUEST,
  K_REQUESTS,
  K_SAVED_NIB,
  Q_ATTENTION,
  Q_COLD,
  Q_STATUS,
  V_GR,
  V_GUEST,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../machine/layout.ts';
import { statusWithCode } from './availability.ts';
import { completeStatus } from './ending.ts';
import { now, settle } from './queue.ts';
import { addressHigh, addressMask } from './storage.ts';
import { F64, GISAS_BYTE, GUESTS, I32, markPending } from './views.ts';

/** The control word designates no GISA: the notification is for the host. */
const GISA_NONE = 0;
/** Value of K_NIB_BYTE when the notification byte lies in storage behind the external accessor, which has no offset in the image. */
const NIB_OUTSIDE = -1;
/** The GISA's origin or format is one that AQIC refuses. */
const GISA_BAD = -1;

/**
 * Finds the GISA at host address `origin`: its offset in the image, GISA_NONE or GISA_BAD. `bytes` is the length of its format; the
 * program's own storage has `size` bytes and begins at image offset `storage`. An address where KVM keeps a guest's GISA means that
 * guest's.
 */
const locateGisa = (origin: number, bytes: number, storage: number, size: number): number => {
  const offset = origin - GISA_ADDRESS_BASE;
  if (
    offset >= 0 &&
    offset % GISA_ADDRESS_STRIDE === 0 &&
    offset / GISA_ADDRESS_STRIDE < I32[C_GUESTS]
  ) {
    return GISAS_BYTE + (offset / GISA_ADDRESS_STRIDE) * GISA_STRIDE_BYTE;
  }
  return origin <= size - bytes ? storage + origin : GISA_BAD;
};

/** Image offset of the GISA that a control word designates, GISA_NONE or GISA_BAD (AD-32, AD-33). */
const designatedGisa = (v: number, high: number, low: number): number => {
  if ((high & AQIC_GF_MASK) >= 2) return GISA_BAD;
  const origin = low & AQIC_GISA_MASK;
  if (origin === 0) return (high & AQIC_GISC_MASK) !== 0 ? GISA_BAD : GISA_NONE;
  const bytes = (high & AQIC_GF_MASK) === 1 ? GISA1_BYTES : GISA0_BYTES;
  return locateGisa(origin, bytes, I32[v + V_STORAGE_BYTE], I32[v + V_STORAGE_SIZE]);
};

/** Begins the change of the I bit, which ends after the configured delay. Without a delay it has ended before the next instruction. */
const startChange = (q: number, enable: boolean): void => {
  const cold = I32[q + Q_COLD];
  const delay = F64[C_TIME_AQIC >> 1];
  I32[cold + K_AQIC_ENABLE] = enable ? 1 : 0;
  I32[cold + K_AQIC_AFTER] = I32[cold + K_REQUESTS];
  F64[(cold + K_AQIC_DUE) >> 1] = now() + delay;
  I32[q + Q_ATTENTION] = I32[q + Q_ATTENTION] | ATTENTION_AQIC;
  markPending(q);
  if (delay === 0) settle(q, now());
};

/** Begins to disable the interruptions of an operational queue. Returns the response code. */
export const beginDisable = (q: number): number => {
  if ((I32[q + Q_ATTENTION] & ATTENTION_AQIC) !== 0) return AP_RESPONSE_BUSY;
  if ((I32[q + Q_STATUS] & STATUS_IRQ) === 0) return AP_RESPONSE_OTHERWISE_CHANGED;
  startChange(q, false);
  return AP_RESPONSE_NORMAL;
};

/**
 * Begins to enable the interruptions of an operational queue. `nib` is the notification byte's offset in the image (-1: it lies behind
 * the external accessor), `gisa` the offset of the GISA (0: none), `isc` the sub-class to make pending, and `guest` the record of the
 * guest that is notified. Returns the response code.
 */
export const enableInterruptions = (
  q: number,
  nib: number,
  gisa: number,
  isc: number,
  guest: number,
): number => {
  if ((I32[q + Q_ATTENTION] & ATTENTION_AQIC) !== 0) return AP_RESPONSE_BUSY;
  if ((I32[q + Q_STATUS] & STATUS_IRQ) !== 0) return AP_RESPONSE_OTHERWISE_CHANGED;
  const cold = I32[q + Q_COLD];
  I32[cold + K_NIB_BYTE] = nib;
  I32[cold + K_GISA_BYTE] = gisa;
  I32[cold + K_ISC] = isc;
  I32[cold + K_NOTIFY_GUEST] = guest;
  startChange(q, true);
  return AP_RESPONSE_NORMAL;
};

/** Enables interruptions for a program whose storage is outside the image. Such a program has no guests, so that no GISA can be meant. */
const enableOutside = (v: number, q: number, nib: number, gisa: number, isc: number): number => {
  if (gisa !== GISA_NONE) return AP_RESPONSE_INVALID_GISA;
  const code = enableInterruptions(q, NIB_OUTSIDE, 0, isc, I32[v + V_GUEST]);
  if (code === AP_RESPONSE_NORMAL) I32[I32[q + Q_COLD] + K_SAVED_NIB] = nib;
  return code;
};

/** Enables interruptions with the operands in the registers. They are checked in this order: response code 05, 07, 06, 08. */
const enableByRegisters = (v: number, q: number): number => {
  if ((I32[q + Q_ATTENTION] & ATTENTION_AQIC) !== 0) return AP_RESPONSE_BUSY;
  if ((I32[q + Q_STATUS] & STATUS_IRQ) !== 0) return AP_RESPONSE_OTHERWISE_CHANGED;
  const nibLow = I32[v + V_GR + 5] & addressMask(v);
  const nibHigh = addressHigh(v, I32[v + V_GR + 4]);
  const pages = I32[I32[v + V_GUEST] + G_EXTERNAL];
  const beyond = pages === 0 ? nibLow >= I32[v + V_STORAGE_SIZE] : nibLow / PAGE_BYTES >= pages;
  if (nibHigh !== 0 || nibLow <= 0 || beyond) return AP_RESPONSE_INVALID_ADDRESS;
  const high = I32[v + V_GR + 2];
  const low = I32[v + V_GR + 3];
  const gisa = designatedGisa(v, high, low);
  if (gisa === GISA_BAD) return AP_RESPONSE_INVALID_GISA;
  if (pages !== 0) return enableOutside(v, q, nibLow, gisa, low & AQIC_ISC_MASK);
  const nib = I32[v + V_STORAGE_BYTE] + nibLow;
  if (gisa === GISA_NONE)
    return enableInterruptions(q, nib, 0, low & AQIC_ISC_MASK, I32[v + V_GUEST]);
  const kvmGuest = gisa < I32[v + V_STORAGE_BYTE] ? (gisa - GISAS_BYTE) / GISA_STRIDE_BYTE : 0;
  const gisc = (high & AQIC_GISC_MASK) >>> AQIC_GISC_SHIFT;
  return enableInterruptions(q, nib, gisa, gisc, GUESTS + kvmGuest * GUEST_WORDS);
};

/** Executes AQIC for the host. `rc` is the response code that the queue's state asks for. */
export const aqic = (v: number, q: number, rc: number): number => {
  if (rc !== AP_RESPONSE_NORMAL) return completeStatus(v, statusWithCode(q, rc));
  // The I bit changes only when the delay is over, so an accepted request still shows the old one.
  const before = statusWithCode(q, AP_RESPONSE_NORMAL);
  const code = (I32[v + V_GR + 2] & AQIC_IR) !== 0 ? enableByRegisters(v, q) : beginDisable(q);
  return completeStatus(v, code === AP_RESPONSE_NORMAL ? before : statusWithCode(q, code));
};
