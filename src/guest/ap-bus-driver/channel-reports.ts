// SPDX-License-Identifier: Apache-2.0
// Channel reports as a Linux guest takes them: machine check, channel report words, event information, a forced scan of the AP bus.
// Source: docs/reference/config-change.md section 3 (Linux drivers/s390/cio: crw.c, chsc.c: chsc_process_crw, chsc_process_sei_ap_cfg_chg).

import { OPCODE_CHSC, OPCODE_STCRW } from '../../../native-like/arch/instructions.ts';
import { COMPLETED } from '../cpu.ts';
import { type Bus, crash } from './bus.ts';
import { forceScan } from './scan.ts';
import { REPORT_EVENTS, REPORT_NONE, REPORT_WORDS } from './state.ts';

/** Register that has the operand's address. */
const BASE = 3;
const STCRW = (OPCODE_STCRW << 16) | (BASE << 12);
const CHSC = (OPCODE_CHSC << 16) | (BASE << 4);
/** Reporting-source code of the channel subsystem, bits 4-7 of the word. */
const CRW_SOURCE_MASK = 0x0f000000;
const CRW_SOURCE_CSS = 0x0b000000;
/** Store event information: request of 16 bytes with every bit of the selection mask, response behind it. */
const SEI_REQUEST = Uint8Array.of(0, 0x10, 0, 0x0e, 0, 0, 0, 0, ...new Array<number>(8).fill(0xff));
const RESPONSE = SEI_REQUEST.length;
const RESPONSE_OK = 1;
const RESPONSE_CODE = RESPONSE + 2;
const NOTIFICATION_TYPE = RESPONSE + 7;
const FLAGS = RESPONSE + 8;
const FLAG_MORE = 0x80;
const REPORTING_SOURCE = RESPONSE + 10;
const SOURCE_AP = 5;
const CONTENT_CODE = RESPONSE + 11;
const CONTENT_AP_CONFIGURATION = 3;
/** Work on reports in one step: "more" for ever keeps this thread busy, and nobody else. */
const INSTRUCTIONS_PER_STEP = 16;

/** Executes an instruction about the channel subsystem; its condition code. */
const execute = (bus: Bus, instruction: number, what: string): number => {
  const { ap, state } = bus;
  ap.executed++;
  ap.cpu.setGr(BASE, 0, state.reportAddress);
  if (ap.cpu.execute(instruction) === COMPLETED) return ap.cpu.conditionCode();
  ap.programInterruption = ap.cpu.programInterruption();
  crash(bus, what);
  return 3;
};

/** One channel report word: one of the channel subsystem asks for the event information. */
const nextWord = (bus: Bus): void => {
  const { state, storage } = bus;
  const cc = execute(bus, STCRW, 'STCRW');
  const at = state.reportAddress;
  if (cc !== 0) state.reportPart = REPORT_NONE;
  else if ((((storage[at] << 24) ^ CRW_SOURCE_CSS) & CRW_SOURCE_MASK) === 0)
    state.reportPart = REPORT_EVENTS;
};

/** One store event information. Whatever is not an AP configuration change of the AP is ignored. */
const nextEvent = (bus: Bus): void => {
  const { state, storage } = bus;
  const at = state.reportAddress;
  storage.set(SEI_REQUEST, at);
  execute(bus, CHSC, 'CHSC');
  state.reportPart = REPORT_WORDS;
  if (((storage[at + RESPONSE_CODE] << 8) | storage[at + RESPONSE_CODE + 1]) !== RESPONSE_OK)
    return;
  const configured =
    storage[at + NOTIFICATION_TYPE] === 0 &&
    storage[at + CONTENT_CODE] === CONTENT_AP_CONFIGURATION;
  if (configured && storage[at + REPORTING_SOURCE] === SOURCE_AP) {
    state.configEvents++;
    forceScan(state);
  }
  if ((storage[at + FLAGS] & FLAG_MORE) !== 0) state.reportPart = REPORT_EVENTS;
};

/** Takes a machine check and goes on with what it reported. Returns false when more is left for the next step. */
export const takeChannelReports = (bus: Bus): boolean => {
  const { state } = bus;
  if (bus.ap.cpu.takeMachineCheck() && state.reportPart === REPORT_NONE)
    state.reportPart = REPORT_WORDS;
  for (let n = 0; n < INSTRUCTIONS_PER_STEP && state.reportPart !== REPORT_NONE; n++) {
    if (state.crashed !== '') return true;
    if (state.reportPart === REPORT_WORDS) nextWord(bus);
    else nextEvent(bus);
  }
  return state.reportPart === REPORT_NONE;
};
