// SPDX-License-Identifier: Apache-2.0
// Channel reports of a guest: event information kept by its user space, channel report words, the machine check, and STCRW.
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

/** G_SEI_FAULT: bits 0-7 the reporting source in place of 5; then single faults. */
export const SEI_FAULT_SOURCE = 0xff;
/** The answer says "more" even when the queue is empty, and the queue never is. */
export const SEI_FAULT_MORE = 0x100;
/** The next event is not told, or told twice. */
export const SEI_FAULT_LOST = 0x200;
export const SEI_FAULT_DOUBLED = 0x400;

/** css_generate_css_crws: one channel report until store event information has drained the events. */
export const reportCssEvent = (image: MachineImage, record: number): void => {
  const { i32 } = image;
  if (Atomics.exchange(i32, record + G_SEI_PENDING, 1) !== 0) return;
  // css_queue_crw: a machine check only where the guest had drained the words.
  if (Atomics.add(i32, record + G_CRWS, 1) === 0) Atomics.store(i32, record + G_MACHINE_CHECK, 1);
};

const queueEvent = (image: MachineImage, record: number): void => {
  Atomics.add(image.i32, record + G_SEI_EVENTS, 1);
  reportCssEvent(image, record);
};

/** The user's main loop has seen the eventfd and cleared it: one event at the tail of the queue, then the channel report. */
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
 * The kernel has signalled a configuration change of the guest: its user space takes it at once, or, while its main loop is busy,
 * later and as one.
 */
export const signalUser = (image: MachineImage, guest: number): void => {
  const record = image.guest(guest);
  if (image.word(record + G_USER_BUSY) === 0) handleEventfd(image, record);
  else Atomics.add(image.i32, record + G_SEI_UNSEEN, 1);
};

/** The main loop of the guest's user space becomes busy, or looks at its eventfds again. */
export const setUserBusy = (image: MachineImage, guest: number, busy: boolean): void => {
  const record = image.guest(guest);
  Atomics.store(image.i32, record + G_USER_BUSY, busy ? 1 : 0);
  if (!busy && Atomics.exchange(image.i32, record + G_SEI_UNSEEN, 0) !== 0)
    handleEventfd(image, record);
};

/** Declares what goes wrong with event information from now on (SEI_FAULT_*); 0: nothing. */
export const setEventFault = (image: MachineImage, guest: number, fault: number): void => {
  Atomics.store(image.i32, image.guest(guest) + G_SEI_FAULT, fault);
};

/** An event though nothing has changed. */
export const injectEvent = (image: MachineImage, guest: number): void =>
  queueEvent(image, image.guest(guest));

/** A guest that starts again has a channel subsystem without reports. */
export const clearReports = (image: MachineImage, guest: number): void => {
  const record = image.guest(guest);
  for (const word of [G_SEI_EVENTS, G_SEI_PENDING, G_CRWS, G_MACHINE_CHECK, G_SEI_UNSEEN])
    Atomics.store(image.i32, record + word, 0);
};

/** Takes one channel report word of a guest (its record): the word, or 0 when there is none. */
export const takeCrw = (image: MachineImage, record: number): number => {
  const { i32 } = image;
  for (let have = Atomics.load(i32, record + G_CRWS); have > 0; ) {
    const seen = Atomics.compareExchange(i32, record + G_CRWS, have, have - 1);
    if (seen === have) return CRW_SOURCE_CSS;
    have = seen;
  }
  return 0;
};

/** STCRW: condition code 0 with a word, 1 with zeros when there is none. */
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
