// SPDX-License-Identifier: Apache-2.0
// Finds STCRW and CHSC in the text of the kernel that runs: it lies in one piece around the handler of program interruptions.
// Source: z/Architecture (STORE CHANNEL REPORT WORD, CHANNEL SUBSYSTEM CALL); Linux drivers/s390/cio (ioasm.c, chsc.c).

import { OPCODE_CHSC, OPCODE_STCRW } from '../../native-like/arch/instructions.ts';
import { type TranslationContext, Translator } from './dat.ts';
import { AREA, MAILBOX } from './hook-layout.ts';
import type { LowcoreHook } from './lowcore.ts';
import type { GuestRam } from './ram.ts';

/** So far from the handler the kernel's text reaches at most. */
const REACH = 0x1800000;

/** Whether an instruction is STCRW, or CHSC with its unused fields zero. */
export const isReportInstruction = (text: Buffer, at = 0): boolean => {
  const opcode = text.readUInt16BE(at);
  if (opcode === OPCODE_STCRW) return true;
  return opcode === OPCODE_CHSC && (text.readUInt16BE(at + 2) & 0xff0f) === 0;
};

/**
 * Logical addresses of what may be such instructions; data that look alike are never executed.
 *
 * @param mailbox of a CPU that waits in the hook: its control registers tell how the kernel's addresses are translated
 */
export function findReportInstructions(
  ram: GuestRam,
  hook: LowcoreHook,
  mailbox: number,
): bigint[] {
  const handler = Buffer.alloc(16);
  ram.read(hook.area + AREA.original_program, handler);
  const context: TranslationContext = {
    psw: new Uint32Array([0, 1, 2, 3].map((n) => handler.readUInt32BE(4 * n))),
    cr: new Uint32Array(32),
    prefix: ram.readWord(mailbox + MAILBOX.MB_RST_PREFIX),
  };
  for (let n = 0; n < 32; n++) context.cr[n] = ram.readWord(mailbox + MAILBOX.MB_RST_CR + 4 * n);
  const translator = new Translator(ram);
  if (translator.translate(context, context.psw[2], context.psw[3], false) !== 0) return [];
  const physical = translator.absolute;
  const offset = handler.readBigUInt64BE(8) - BigInt(physical);
  const start = Math.max(0, physical - REACH);
  const text = Buffer.alloc(Math.min(hook.area, physical + REACH) - start);
  ram.read(start, text);
  const found: bigint[] = [];
  for (let at = 0; at + 4 <= text.length; at += 2)
    if (text[at] === 0xb2 && isReportInstruction(text, at)) found.push(BigInt(start + at) + offset);
  return found;
}
