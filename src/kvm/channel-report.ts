// SPDX-License-Identifier: Apache-2.0
// Channel reports of a guest: the event information that its user space keeps, channel report words, the machine check, and STCRW.
// Source: docs/reference/config-change.md section 2 (QEMU hw/s390x/css.c, target/s390x/ioinst.c).
import { CRW_BYTES, CRW_SOURCE_CSS } from '../../native-like/arch/channel-reports.ts';
import {
  PGM_ADDRESSING,
  PGM_PRIVILEGED_OPERATION,
  PGM_SPECIFICATION,
} from '../../native-like/arch/program-interruptions.ts';
import { PSW_PROBLEM } from '../../native-like/arch/psw.ts';
import {
  G_CRWS,
  G_MACHINE_CHECK,
  G_SEI_EVENTS,
  G_SEI_FAULT,
  G_SEI_PENDING,
  G_SEI_UNSEEN,
  G_USER_BUSY,
} from '../../native-like/machine/channel-layout.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  V_INSTRUCTION,
  V_PSW_MASK_HIGH,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../../native-like/machine/layout.ts';
import { isWordAligned, operandAddress } from './operand.ts';
import type { Ending } from './tpi.ts';

/** Bits of G_SEI_FAULT: the low byte is a reporting source to be used in place of 5; the other bits are single errors. */
export const SEI_FAULT_SOURCE = 0xff;
/** The answer says "more" even when no event is left, and an empty queue still answers with an event. */
export const SEI_FAULT_MORE = 0x100;
/** The next event is not told (lost), or is told twice (doubled). */
export const SEI_FAULT_LOST = 0x200;
export const SEI_FAULT_DOUBLED = 0x400;

/** css_generate_css_crws: makes one channel report; no other follows until store event information has fetched all events. */
export const reportCssEvent = (image: MachineImage, record: number): void => {
  const { i32 } = image;
  if (Atomics.exchange(i32, record + G_SEI_PENDING, 1) !== 0) return;
  // css_queue_crw: makes a machine check pending only if no word was waiting.
  if (Atomics.add(i32, record + G_CRWS, 1) === 0) Atomics.store(i32, record + G_MACHINE_CHECK, 1);
};

const queueEvent = (image: MachineImage, record: number): void => {
  Atomics.add(image.i32, record + G_SEI_EVENTS, 1);
  reportCssEvent(image, record);
};

/**
 * The main loop of user space has seen the eventfd and cleared it: one event goes to the tail of the queue, then a channel report is
 * made.
 */
const handleEventfd = (image: MachineImage, record: number): void => {
  const { i32 } = image;
  const fault = Atomics.load(i32, record + G_SEI_FAULT);
  const once = SEI_FAULT_LOST | SEI_FAULT_DOUBLED;
  Atomics.and(i32, record + G_SEI_FAULT, ~once);
  if ((fault & SEI_FAULT_LOST) !== 0) return;
  queueEvent(image, record);
  if ((fault & SEI_FAULT_DOUBLED) !== 0) queueEvent(image, record);
};

/**
 * Tells a guest's user space that the kernel has signalled a configuration change. It takes each signal at once; but while its main loop
 * is busy, signals add up to one that it takes later.
 */
export const signalUser = (image: MachineImage, guest: number): void => {
  const record = image.guest(guest);
  if (image.word(record + G_USER_BUSY) === 0) handleEventfd(image, record);
  else Atomics.add(image.i32, record + G_SEI_UNSEEN, 1);
};

/** Makes the main loop of the guest's user space busy, or lets it look at its eventfds again. */
export const setUserBusy = (image: MachineImage, guest: number, busy: boolean): void => {
  const record = image.guest(guest);
  Atomics.store(image.i32, record + G_USER_BUSY, busy ? 1 : 0);
  if (!busy && Atomics.exchange(image.i32, record + G_SEI_UNSEEN, 0) !== 0)
    handleEventfd(image, record);
};

/** Sets what goes wrong with event information from now on: SEI_FAULT_*, or 0 for nothing. */
export const setEventFault = (image: MachineImage, guest: number, fault: number): void => {
  Atomics.store(image.i32, image.guest(guest) + G_SEI_FAULT, fault);
};

/** Gives the guest an event although nothing has changed. */
export const injectEvent = (image: MachineImage, guest: number): void =>
  queueEvent(image, image.guest(guest));

/** Removes all reports, since the channel subsystem of a guest that starts again has none. */
export const clearReports = (image: MachineImage, guest: number): void => {
  const record = image.guest(guest);
  for (const word of [G_SEI_EVENTS, G_SEI_PENDING, G_CRWS, G_MACHINE_CHECK, G_SEI_UNSEEN])
    Atomics.store(image.i32, record + word, 0);
};

/** Takes one channel report word of the guest with this record. Returns the word, or 0 if there is none. */
export const takeCrw = (image: MachineImage, record: number): number => {
  const { i32 } = image;
  for (let have = Atomics.load(i32, record + G_CRWS); have > 0; ) {
    const seen = Atomics.compareExchange(i32, record + G_CRWS, have, have - 1);
    if (seen === have) return CRW_SOURCE_CSS;
    have = seen;
  }
  return 0;
};

/** STCRW: stores a channel report word with condition code 0, or zeros with condition code 1 if there is none. */
export const storeChannelReportWord = (image: MachineImage, vcpu: number): Ending => {
  const instruction = image.word(vcpu + V_INSTRUCTION);
  if ((image.word(vcpu + V_PSW_MASK_HIGH) & PSW_PROBLEM) !== 0) return -PGM_PRIVILEGED_OPERATION;
  if (!isWordAligned(image, vcpu, instruction)) return -PGM_SPECIFICATION;
  const address = operandAddress(image, vcpu, instruction);
  if (address + CRW_BYTES > image.word(vcpu + V_STORAGE_SIZE)) return -PGM_ADDRESSING;
  const word = takeCrw(image, image.guestOf(vcpu));
  image.view.setUint32(image.word(vcpu + V_STORAGE_BYTE) + address, word);
  return word === 0 ? 1 : 0;
};
