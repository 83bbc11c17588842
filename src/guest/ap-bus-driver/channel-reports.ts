// SPDX-License-Identifier: Apache-2.0
// Channel reports as a Linux guest takes them: machine check, channel report words, event information, a forced scan of the AP bus.
// Source: docs/reference/config-change.md section 3 (Linux drivers/s390/cio: crw.c, chsc.c: chsc_process_crw, chsc_process_sei_ap_cfg_chg).

import {
  CHSC_CODE,
  CHSC_CODE_STORED,
  CHSC_COMMAND,
  CHSC_COMMAND_SEI,
  CHSC_REQUEST_BYTES_MIN,
  CRW_SOURCE_CSS,
  CRW_SOURCE_MASK,
  SEI_CONTENT,
  SEI_CONTENT_AP_CONFIGURATION,
  SEI_FLAG_MORE,
  SEI_FLAGS,
  SEI_NOTIFICATION_TYPE,
  SEI_SOURCE,
  SEI_SOURCE_AP,
} from '../../../native-like/arch/channel-reports.ts';
import { OPCODE_CHSC, OPCODE_STCRW } from '../../../native-like/arch/instructions.ts';
import { COMPLETED } from '../cpu.ts';
import { type Bus, crash } from './bus.ts';
import { forceScan } from './scan.ts';
import { REPORT_EVENTS, REPORT_NONE, REPORT_WORDS } from './state.ts';

/** Number of the register with the address of the operand. */
const BASE = 3;
const STCRW = (OPCODE_STCRW << 16) | (BASE << 12);
const CHSC = (OPCODE_CHSC << 16) | (BASE << 4);
/** Store event information: a request of 16 bytes with all bits of the selection mask on. The response follows it. */
const SEI_REQUEST = new Uint8Array(CHSC_REQUEST_BYTES_MIN).fill(0xff, 8);
SEI_REQUEST[1] = CHSC_REQUEST_BYTES_MIN;
SEI_REQUEST[CHSC_COMMAND + 1] = CHSC_COMMAND_SEI;

/** Number of instructions for reports in one step. If the answer is "more" for ever, only this work is kept busy by it. */
const INSTRUCTIONS_PER_STEP = 16;

/** Executes an instruction about the channel subsystem. Returns the condition code. */
const execute = (bus: Bus, instruction: number, what: string): number => {
  const { ap, state } = bus;
  ap.executed++;
  ap.cpu.setGr(BASE, 0, state.reportAddress);
  if (ap.cpu.execute(instruction) === COMPLETED) return ap.cpu.conditionCode();
  ap.programInterruption = ap.cpu.programInterruption();
  crash(bus, what);
  return 3;
};

/** Takes one channel report word. One about the channel subsystem makes the driver ask for event information. */
const nextWord = (bus: Bus): void => {
  const { state, storage } = bus;
  const cc = execute(bus, STCRW, 'STCRW');
  const at = state.reportAddress;
  if (cc !== 0) state.reportPart = REPORT_NONE;
  else if ((((storage[at] << 24) ^ CRW_SOURCE_CSS) & CRW_SOURCE_MASK) === 0)
    state.reportPart = REPORT_EVENTS;
};

/** Takes one piece of event information. Everything but a change of the AP configuration is ignored. */
const nextEvent = (bus: Bus): void => {
  const { state, storage } = bus;
  const at = state.reportAddress;
  storage.set(SEI_REQUEST, at);
  execute(bus, CHSC, 'CHSC');
  state.reportPart = REPORT_WORDS;
  const response = storage.subarray(at + CHSC_REQUEST_BYTES_MIN);
  if (((response[CHSC_CODE] << 8) | response[CHSC_CODE + 1]) !== CHSC_CODE_STORED) return;
  const configured =
    response[SEI_NOTIFICATION_TYPE] === 0 && response[SEI_CONTENT] === SEI_CONTENT_AP_CONFIGURATION;
  if (configured && response[SEI_SOURCE] === SEI_SOURCE_AP) {
    state.configEvents++;
    forceScan(state);
  }
  if ((response[SEI_FLAGS] & SEI_FLAG_MORE) !== 0) state.reportPart = REPORT_EVENTS;
};

/** Takes a machine check, and handles what it has reported. Returns false if there is more to do in the next step. */
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
