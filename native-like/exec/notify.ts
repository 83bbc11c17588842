// SPDX-License-Identifier: Apache-2.0
// What the machine does when a reply becomes available on a queue with interruptions enabled.
// Source: docs/reference/ap-architecture.md section 6.8, decisions AD-21b, AD-22, AD-34.
// Status: inferred from Linux.
import { GIB_ORIGIN_EMPTY, GISA_IAM, GISA_IPM, GISA_NEXT_ALERT } from '../arch/sie.ts';
import {
  C_CLOCKS,
  C_GIB,
  CLOCK_STRIDE,
  G_FIRST_VCPU,
  G_VCPUS,
  GIB_ALERT_ISC,
  GIB_HOST_PENDING,
  GISA_ADDRESS_BASE,
  GISA_ADDRESS_STRIDE,
  GISA_STRIDE_BYTE,
  K_GISA_BYTE,
  K_ISC,
  K_NIB_BYTE,
  K_NOTIFY_GUEST,
  Q_COLD,
  T_DOORBELL,
  V_EVENT,
  VCPU_WORDS,
} from '../machine/layout.ts';
import {
  BYTES,
  external,
  GISAS_BYTE,
  GUESTS,
  I32,
  LOCK_OWNER,
  RUNNERS,
  U8,
  VCPUS,
} from './views.ts';

/** Value the machine stores into a notification byte (AD-22). */
const NOTIFICATION = 0x01;

/**
 * Puts a GISA at the head of the alert list; the host is interrupted only when the list was empty (AD-34). Since the host may take the
 * list at any moment, the GISA points to the rest of the list before it becomes the head. A GISA whose link is its own address is not on
 * the list.
 */
const alert = (gisa: number): void => {
  const guest = (gisa - GISAS_BYTE) / GISA_STRIDE_BYTE;
  const address = GISA_ADDRESS_BASE + guest * GISA_ADDRESS_STRIDE;
  if (BYTES.getInt32(gisa + GISA_NEXT_ALERT) !== address) return;
  let origin = Atomics.load(I32, C_GIB);
  for (;;) {
    BYTES.setInt32(gisa + GISA_NEXT_ALERT, origin);
    const found = Atomics.compareExchange(I32, C_GIB, origin, address);
    if (found === origin) break;
    origin = found;
  }
  if (origin === GIB_ORIGIN_EMPTY) {
    Atomics.or(I32, C_GIB + GIB_HOST_PENDING, 0x80 >> I32[C_GIB + GIB_ALERT_ISC]);
  }
};

/** Wakes the thread that runs a vCPU unless it is this thread. `runner` is the thread's number plus 1; 0 means none. */
const ringThread = (runner: number): void => {
  if (runner === 0 || runner === LOCK_OWNER) return;
  const doorbell = C_CLOCKS + (runner - 1) * CLOCK_STRIDE + T_DOORBELL;
  Atomics.store(I32, doorbell, 1);
  Atomics.notify(I32, doorbell);
};

/** Tells all vCPUs of a guest that an interruption may be pending. */
const wakeVcpus = (guest: number): void => {
  const first = I32[guest + G_FIRST_VCPU];
  const end = first + I32[guest + G_VCPUS];
  for (let vcpu = first; vcpu < end; vcpu++) {
    I32[VCPUS + vcpu * VCPU_WORDS + V_EVENT] = 1;
    ringThread(I32[RUNNERS + vcpu]);
  }
};

/** Makes an adapter interruption of sub-class `isc` pending in the GISA at byte `gisa`. */
export const makePending = (gisa: number, isc: number, guest: number): void => {
  const bit = 0x80 >> isc;
  Atomics.or(U8, gisa + GISA_IPM, bit);
  // Both GISA formats keep the interruption alert mask at the same place. When several threads get here, only the one that clears the
  // mask alerts.
  if ((U8[gisa + GISA_IAM] & bit) !== 0) {
    if ((Atomics.exchange(U8, gisa + GISA_IAM, 0) & bit) !== 0) alert(gisa);
  }
  wakeVcpus(guest);
};

/** Notifies the program of a reply: sets the notification byte, then makes the interruption pending. */
export const notify = (q: number): void => {
  const cold = I32[q + Q_COLD];
  const nib = I32[cold + K_NIB_BYTE];
  if (nib > 0) U8[nib] = NOTIFICATION;
  else if (nib < 0 && external !== undefined) external.notify(cold);
  const gisa = I32[cold + K_GISA_BYTE];
  const isc = I32[cold + K_ISC];
  if (gisa !== 0) makePending(gisa, isc, I32[cold + K_NOTIFY_GUEST] || GUESTS);
  else Atomics.or(I32, C_GIB + GIB_HOST_PENDING, 0x80 >> isc);
};
