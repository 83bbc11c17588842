// SPDX-License-Identifier: Apache-2.0
// CHANNEL SUBSYSTEM CALL of a guest. Store event information is answered as QEMU does for AP; every other command is unknown.
// Source: docs/reference/config-change.md section 2 (QEMU target/s390x/ioinst.c: ioinst_handle_chsc_sei; hw/vfio/ap.c).

import {
  CHSC_CODE,
  CHSC_CODE_NOTHING_STORED,
  CHSC_CODE_STORED,
  CHSC_CODE_UNKNOWN_COMMAND,
  CHSC_COMMAND,
  CHSC_COMMAND_SEI,
  CHSC_REQUEST_BYTES_MAX,
  CHSC_REQUEST_BYTES_MIN,
  CHSC_RESPONSE_BYTES_MIN,
  SEI_BYTES,
  SEI_CONTENT,
  SEI_CONTENT_AP_CONFIGURATION,
  SEI_FLAG_MORE,
  SEI_FLAGS,
  SEI_SOURCE,
  SEI_SOURCE_AP,
} from '../../native-like/arch/channel-reports.ts';
import { FACILITY_AP } from '../../native-like/arch/facilities.ts';
import { PAGE_BYTES } from '../../native-like/arch/limits.ts';
import {
  PGM_ADDRESSING,
  PGM_OPERAND,
  PGM_PRIVILEGED_OPERATION,
  PGM_SPECIFICATION,
} from '../../native-like/arch/program-interruptions.ts';
import { PSW_PROBLEM } from '../../native-like/arch/psw.ts';
import {
  G_SEI_EVENTS,
  G_SEI_FAULT,
  G_SEI_PENDING,
} from '../../native-like/machine/channel-layout.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import {
  V_FACILITIES,
  V_GR,
  V_INSTRUCTION,
  V_PSW_MASK_HIGH,
  V_STORAGE_BYTE,
  V_STORAGE_SIZE,
} from '../../native-like/machine/layout.ts';
import { reportCssEvent, SEI_FAULT_MORE, SEI_FAULT_SOURCE } from './channel-report.ts';
import { addressIn } from './operand.ts';
import type { Ending } from './tpi.ts';

/** Takes one event. Returns how many are left, or -1 if there was none. */
const takeEvent = (image: MachineImage, record: number): number => {
  const { i32 } = image;
  for (let have = Atomics.load(i32, record + G_SEI_EVENTS); have > 0; ) {
    const seen = Atomics.compareExchange(i32, record + G_SEI_EVENTS, have, have - 1);
    if (seen === have) return have - 1;
    have = seen;
  }
  return -1;
};

/** A response of `bytes` bytes with a response code. */
const response = (bytes: number, code: number): Uint8Array => {
  const answer = new Uint8Array(bytes);
  const view = new DataView(answer.buffer);
  view.setUint16(0, bytes);
  view.setUint16(CHSC_CODE, code);
  return answer;
};

/**
 * Takes the next event of a guest, as chsc_sei_nt0_get_event and its caller do. NT2 (zPCI) has no events here.
 *
 * @param record word index of the guest's record
 * @param hasAp whether the CPU model has AP
 * @returns the response block
 */
export const takeEventInformation = (
  image: MachineImage,
  record: number,
  hasAp: boolean,
): Uint8Array => {
  const fault = Atomics.load(image.i32, record + G_SEI_FAULT);
  const endless = (fault & SEI_FAULT_MORE) !== 0;
  const left = hasAp ? takeEvent(image, record) : -1;
  if (left < 0 && !(hasAp && endless))
    return response(CHSC_RESPONSE_BYTES_MIN, CHSC_CODE_NOTHING_STORED);
  const more = left > 0 || endless;
  if (!more) {
    Atomics.store(image.i32, record + G_SEI_PENDING, 0);
    // An event that came just before found the flag still set and made no report, so it is reported now.
    if (Atomics.load(image.i32, record + G_SEI_EVENTS) !== 0) reportCssEvent(image, record);
  }
  const answer = response(SEI_BYTES, CHSC_CODE_STORED);
  answer[SEI_FLAGS] = more ? SEI_FLAG_MORE : 0;
  answer[SEI_SOURCE] = fault & SEI_FAULT_SOURCE || SEI_SOURCE_AP;
  answer[SEI_CONTENT] = SEI_CONTENT_AP_CONFIGURATION;
  return answer;
};

/** CHSC: ends with condition code 0 and a response block, whatever the command was. */
export const channelSubsystemCall = (image: MachineImage, vcpu: number): Ending => {
  const r1 = (image.word(vcpu + V_INSTRUCTION) >>> 4) & 0xf;
  if ((image.word(vcpu + V_PSW_MASK_HIGH) & PSW_PROBLEM) !== 0) return -PGM_PRIVILEGED_OPERATION;
  if ((image.word(vcpu + V_GR + 2 * r1 + 1) & (PAGE_BYTES - 1)) !== 0) return -PGM_SPECIFICATION;
  const address = addressIn(image, vcpu, r1);
  if (address + PAGE_BYTES > image.word(vcpu + V_STORAGE_SIZE)) return -PGM_ADDRESSING;
  const at = image.word(vcpu + V_STORAGE_BYTE) + address;
  const length = image.view.getUint16(at);
  const legal =
    length >= CHSC_REQUEST_BYTES_MIN && length <= CHSC_REQUEST_BYTES_MAX && (length & 7) === 0;
  if (!legal) return -PGM_OPERAND;
  // Whether the answer fits behind the request: at least twelve bytes of the page must be left.
  const room = at + length + SEI_BYTES <= at + PAGE_BYTES;
  const hasAp = (image.word(vcpu + V_FACILITIES) & FACILITY_AP) !== 0;
  const answer =
    image.view.getUint16(at + CHSC_COMMAND) === CHSC_COMMAND_SEI && room
      ? takeEventInformation(image, image.guestOf(vcpu), hasAp)
      : response(CHSC_RESPONSE_BYTES_MIN, CHSC_CODE_UNKNOWN_COMMAND);
  image.u8.set(answer, at + length);
  return 0;
};
