// SPDX-License-Identifier: Apache-2.0
// Finds instructions in the text of the kernel that runs: it lies in one piece around the handler of program interruptions.
// Source: z/Architecture (STORE CHANNEL REPORT WORD, CHANNEL SUBSYSTEM CALL); Linux drivers/s390/cio (ioasm.c, chsc.c).

import { OPCODE_CHSC, OPCODE_STCRW } from '../../native-like/arch/instructions.ts';
import { type TranslationContext, Translator } from './dat.ts';
import { AREA, MAILBOX } from './hook-layout.ts';
import type { LowcoreHook } from './lowcore.ts';
import type { GuestRam } from './ram.ts';

/** Bytes from the handler to the end of the kernel's text, at most. */
const REACH = 0x1800000;

/** Whether an instruction is STCRW, or CHSC whose unused fields are zero. */
export const isReportInstruction = (text: Buffer, at = 0): boolean => {
  if (text[at] !== 0xb2) return false;
  const opcode = text.readUInt16BE(at);
  if (opcode === OPCODE_STCRW) return true;
  return opcode === OPCODE_CHSC && (text.readUInt16BE(at + 2) & 0xff0f) === 0;
};

/** Which of a CPU's mailbox fields tell how the kernel's addresses are translated. */
const REGISTERS = {
  /** A CPU that waits in the hook after a restart. */
  restart: { cr: MAILBOX.MB_RST_CR, prefix: MAILBOX.MB_RST_PREFIX },
  /** A CPU that has executed an AP instruction. */
  program: { cr: MAILBOX.MB_CR, prefix: MAILBOX.MB_PREFIX },
} as const;

/**
 * Logical addresses of what may be such instructions. Data that look alike do no harm, since they are never executed.
 *
 * @param wanted says of bytes and a place in them whether an instruction stands there
 * @param mailbox of a CPU that has been in the hook, by the way `came` says
 */
export function findInText(
  ram: GuestRam,
  hook: LowcoreHook,
  mailbox: number,
  came: keyof typeof REGISTERS,
  wanted: (text: Buffer, at: number) => boolean,
): bigint[] {
  const handler = Buffer.alloc(16);
  ram.read(hook.area + AREA.original_program, handler);
  const registers = REGISTERS[came];
  const context: TranslationContext = {
    psw: new Uint32Array([0, 1, 2, 3].map((n) => handler.readUInt32BE(4 * n))),
    cr: new Uint32Array(32),
    prefix: ram.readWord(mailbox + registers.prefix),
  };
  for (let n = 0; n < 32; n++) context.cr[n] = ram.readWord(mailbox + registers.cr + 4 * n);
  const translator = new Translator(ram);
  if (translator.translate(context, context.psw[2], context.psw[3], false) !== 0) return [];
  const physical = translator.absolute;
  const offset = handler.readBigUInt64BE(8) - BigInt(physical);
  const start = Math.max(0, physical - REACH);
  const text = Buffer.alloc(Math.min(hook.area, physical + REACH) - start);
  ram.read(start, text);
  const found: bigint[] = [];
  for (let at = 0; at + LONGEST <= text.length; at += 2)
    if (wanted(text, at)) found.push(BigInt(start + at) + offset);
  return found;
}

/** Bytes of the longest instruction. */
const LONGEST = 6;
