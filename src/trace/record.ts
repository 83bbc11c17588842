// SPDX-License-Identifier: Apache-2.0
// One executed AP instruction as the trace has it: reads it from words of the image, and makes a line of text or of JSON from it.
// Source: native-like/machine/layout.ts (R_*), docs/reference/ap-architecture.md sections 1.3 and 1.11.
import { FC_COUNT, FC_QCI, GR0_APQN, GR0_FC_SHIFT } from '../../native-like/arch/function-codes.ts';
import { FUNCTION_NAMES } from '../../native-like/arch/function-numbers.ts';
import { OPCODE_DQAP, OPCODE_NQAP, OPCODE_PQAP } from '../../native-like/arch/instructions.ts';
import { PSW_CC, PSW_CC_SHIFT } from '../../native-like/arch/psw.ts';
import {
  responseCode,
  STATUS_EMPTY,
  STATUS_FULL,
  STATUS_IRQ,
  STATUS_REPLIES,
} from '../../native-like/arch/status-word.ts';
import type { MachineImage } from '../../native-like/machine/image.ts';
import { C_VCPU, G_FIRST_VCPU, VCPU_WORDS } from '../../native-like/machine/layout.ts';
import { EXECUTE_PROGRAM } from '../../native-like/machine/outcome.ts';
import {
  R_APQN,
  R_BEGUN,
  R_ENDED,
  R_GR0,
  R_GR1,
  R_INSTRUCTION,
  R_PSMID_HIGH,
  R_PSMID_LOW,
  R_PSW,
  R_READY,
  R_TIME,
  R_VCPU,
} from '../../native-like/machine/trace-layout.ts';

/** An executed instruction. */
export interface TraceRecord {
  /** The machine's time, nanoseconds: the beginning of the step the instruction was part of. */
  readonly timeNs: number;
  readonly guest: string;
  readonly vcpu: number;
  /** `TAPQ`, `NQAP` and so on; `PQAP fc=2a` for an unknown function code; for another instruction its word in hexadecimal. */
  readonly instruction: string;
  /** APQN in the form of sysfs; undefined for instructions that name no queue. */
  readonly apqn: string | undefined;
  /** GR0 bits 32-63 before, GR1 bits 32-63 after. */
  readonly gr0: number;
  readonly gr1: number;
  /** Condition code; undefined with a program interruption. */
  readonly cc: number | undefined;
  /** Response code; undefined for QCI, which has no status, and with a program interruption. */
  readonly rc: number | undefined;
  /** Program-interruption code; undefined when the instruction completed. */
  readonly program: number | undefined;
  /** PSMID of NQAP and DQAP, 16 hexadecimal digits; undefined for others. */
  readonly psmid: string | undefined;
}

/** A request that an adapter has taken from a queue. Times are the machine's, in nanoseconds. */
export interface ServiceRecord {
  readonly apqn: string;
  readonly psmid: string;
  readonly acceptedNs: number;
  /** Time when an engine begins with it. */
  readonly begunNs: number;
  /** The reply of the message is available. */
  readonly readyNs: number;
}

export const byTime = (a: TraceRecord, b: TraceRecord): number => a.timeNs - b.timeNs;

const hex = (value: number, digits: number): string =>
  (value >>> 0).toString(16).padStart(digits, '0');

const nameOfInstruction = (word: number, gr0: number): string => {
  const opcode = word >>> 16;
  if (opcode === OPCODE_NQAP) return 'NQAP';
  if (opcode === OPCODE_DQAP) return 'DQAP';
  if (opcode !== OPCODE_PQAP) return hex(word, 8);
  const fc = gr0 >>> GR0_FC_SHIFT;
  return fc < FC_COUNT ? FUNCTION_NAMES[fc] : `PQAP fc=${hex(fc, 2)}`;
};

/** Whether the instruction names a queue and answers with a status. */
const hasStatus = (word: number, gr0: number): boolean => {
  const opcode = word >>> 16;
  if (opcode === OPCODE_NQAP || opcode === OPCODE_DQAP) return true;
  return opcode === OPCODE_PQAP && gr0 >>> GR0_FC_SHIFT !== FC_QCI;
};

const apqnText = (apqn: number): string =>
  `${hex((apqn & GR0_APQN) >>> 8, 2)}.${hex(apqn & 0xff, 4)}`;

const psmidAt = (image: MachineImage, at: number): string =>
  hex(image.word(at + R_PSMID_HIGH), 8) + hex(image.word(at + R_PSMID_LOW), 8);

/** Whether the record at word index `at` is one of an instruction. */
export const isInstruction = (image: MachineImage, at: number): boolean =>
  image.word(at + R_VCPU) !== 0;

/** The request at word index `at` of the image. */
export const readService = (image: MachineImage, at: number): ServiceRecord => ({
  apqn: apqnText(image.word(at + R_APQN)),
  psmid: psmidAt(image, at),
  acceptedNs: image.f64[(at + R_TIME) >> 1],
  begunNs: image.f64[(at + R_BEGUN) >> 1],
  readyNs: image.f64[(at + R_READY) >> 1],
});

/** The instruction at word index `at` of the image. */
export const readRecord = (
  image: MachineImage,
  at: number,
  nameOf: (guest: number) => string,
): TraceRecord => {
  const vcpu = image.word(at + R_VCPU);
  const word = image.word(at + R_INSTRUCTION);
  const gr0 = image.word(at + R_GR0);
  const gr1 = image.word(at + R_GR1);
  const ended = image.word(at + R_ENDED);
  const record = image.guestOf(vcpu);
  const completed = (ended & 0xff) !== EXECUTE_PROGRAM;
  const status = hasStatus(word, gr0);
  return {
    timeNs: image.f64[(at + R_TIME) >> 1],
    guest: nameOf(image.guestNumber(record)),
    vcpu: (vcpu - image.word(C_VCPU)) / VCPU_WORDS - image.word(record + G_FIRST_VCPU),
    instruction: nameOfInstruction(word, gr0),
    apqn: status ? apqnText(gr0) : undefined,
    gr0,
    gr1,
    cc: completed ? (image.word(at + R_PSW) & PSW_CC) >>> PSW_CC_SHIFT : undefined,
    rc: completed && status ? responseCode(gr1) : undefined,
    program: completed ? undefined : ended >>> 8,
    psmid: word >>> 16 === OPCODE_PQAP || !status ? undefined : psmidAt(image, at),
  };
};

const FLAGS: readonly (readonly [number, string])[] = [
  [STATUS_EMPTY, 'E'],
  [STATUS_REPLIES, 'R'],
  [STATUS_FULL, 'F'],
  [STATUS_IRQ, 'I'],
];

/** `-R--`: queue empty, replies waiting, queue full, interruptions enabled. */
const flagsOf = (status: number): string =>
  FLAGS.map(([bit, letter]) => ((status & bit) !== 0 ? letter : '-')).join('');

/** The outcome in words: `cc=0 rc=00 E---`, `pgm=0006`. */
export const outcomeOf = ({ cc, rc, program, gr1 }: TraceRecord): string => {
  if (program !== undefined) return `pgm=${hex(program, 4)}`;
  return rc === undefined ? `cc=${cc}` : `cc=${cc} rc=${hex(rc, 2)} ${flagsOf(gr1)}`;
};

/** A line of text, with its end: time in seconds, vCPU, instruction, queue, how it ended, GR0 before. */
export const recordText = (record: TraceRecord): string => {
  const { timeNs, guest, vcpu, instruction, apqn = '', gr0 } = record;
  const time = (timeNs / 1e9).toFixed(9).padStart(14);
  const head = `${time} ${guest}.${vcpu} ${instruction.padEnd(4)} ${apqn.padEnd(7)}`;
  return `${head} ${outcomeOf(record).padEnd(15)} gr0=${hex(gr0, 8)}\n`;
};

/** A line of JSON, with its end. Codes and registers are hexadecimal texts. */
export const recordJson = (record: TraceRecord): string => {
  const { rc, program, gr0, gr1, ...rest } = record;
  return `${JSON.stringify({
    ...rest,
    ...(rc === undefined ? {} : { rc: hex(rc, 2) }),
    ...(program === undefined ? {} : { program: hex(program, 4) }),
    gr0: hex(gr0, 8),
    gr1: hex(gr1, 8),
  })}\n`;
};
