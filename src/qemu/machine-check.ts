// SPDX-License-Identifier: Apache-2.0
// Makes the channel-report machine check of a stock kernel: a CPU that a restart has brought into the hook is changed into one that a
// machine check has interrupted, with its registers where the machine would have stored them.
// Source: z/Architecture, machine-check interruption and store status; QEMU target/s390x/tcg/excp_helper.c (do_mchk_interrupt: which
// fields
// a channel report has); decision VD-61 (code).

import {
  LC_MCK_CODE,
  LC_MCK_NEW_PSW,
  LC_MCK_OLD_PSW,
} from '../../native-like/arch/program-interruptions.ts';
import { PSW_MACHINE_CHECK } from '../../native-like/arch/psw.ts';
import { MCIC_HIGH, MCIC_LOW } from '../kvm/interruptions.ts';
import type { DebugStub } from './debug-stub.ts';
import { MAILBOX, PSW_BYTES, SCRATCH } from './hook-layout.ts';
import type { GuestRam } from './ram.ts';

/** Bit of control register 14 that enables channel reports. */
const CR14_CHANNEL_REPORT = 0x10000000;

/** Bit for "vector registers are stored". */
const VECTORS_VALID = 0x00000040;
/** Bit for "CPU timer is stored". It is not, so the guest uses the time it has seen last. */
const CPU_TIMER_VALID = 0x00020000;

/** Assigned storage locations. */
const LC_SAVE_AREAS = { floating: 0x1200, general: 0x1280, access: 0x1340, control: 0x1380 };
const LC_FLOATING_CONTROL = 0x131c;
/** Lowcore address of the address of the extended save area, whose low bits are a length. */
const LC_EXTENDED_SAVE_AREA = 0x11b0;
const EXTENDED_MASK = 0xfffffc00;

/** Numbers of registers in the debug stub's target description. */
const STUB = { access: 18, floatingControl: 34, floating: 35, vectorLow: 51, vectorHigh: 67 };
const REGISTERS_OF_A_KIND = 16;

/** Whether a CPU with this PSW (high word) and control register 14 (low word) takes a channel-report machine check. */
export const takesChannelReport = (pswHigh: number, cr14: number): boolean =>
  (pswHigh & PSW_MACHINE_CHECK) !== 0 && (cr14 & CR14_CHANNEL_REPORT) !== 0;

/** Reads consecutive registers, from `first` on, of the CPU that is selected in the stub. */
async function registers(
  stub: Pick<DebugStub, 'ask'>,
  first: number,
  bytes: number,
): Promise<Buffer> {
  const texts: string[] = [];
  for (let n = 0; n < REGISTERS_OF_A_KIND; n++) {
    const text = await stub.ask(`p${(first + n).toString(16)}`);
    texts.push(/^[0-9a-f]+$/.test(text) ? text.padStart(2 * bytes, '0') : '00'.repeat(bytes));
  }
  return Buffer.from(texts.join(''), 'hex');
}

/**
 * Stores what a machine check stores, for a CPU that waits in the hook's restart routine, and makes the routine go on at the guest's
 * handler. The guest stands still.
 *
 * @param cpu CPU address
 * @param prefix absolute address of its lowcore
 * @param mailbox absolute address of its mailbox
 */
export async function storeMachineCheck(
  stub: Pick<DebugStub, 'ask'>,
  ram: GuestRam,
  {
    cpu,
    prefix,
    mailbox,
  }: { readonly cpu: number; readonly prefix: number; readonly mailbox: number },
): Promise<void> {
  await stub.ask(`Hg${(cpu + 1).toString(16)}`);
  const floating = await registers(stub, STUB.floating, 8);
  ram.write(prefix + LC_SAVE_AREAS.floating, floating);
  ram.write(prefix + LC_SAVE_AREAS.access, await registers(stub, STUB.access, 4));
  const control = await stub.ask(`p${STUB.floatingControl.toString(16)}`);
  ram.write(
    prefix + LC_FLOATING_CONTROL,
    Buffer.from(control.padStart(8, '0'), 'hex').subarray(-4),
  );
  copy(ram, mailbox + MAILBOX.MB_RST_CR, prefix + LC_SAVE_AREAS.control, 128);
  copy(ram, prefix + SCRATCH.LC_RST_SAVE, prefix + LC_SAVE_AREAS.general, 128);
  const vectors = await storeVectors(stub, ram, prefix, floating);
  ram.writeWord(prefix + LC_MCK_CODE, MCIC_HIGH | (vectors ? VECTORS_VALID : 0));
  ram.writeWord(prefix + LC_MCK_CODE + 4, MCIC_LOW & ~CPU_TIMER_VALID);
  copy(ram, prefix + SCRATCH.LC_RST_PSW, prefix + LC_MCK_OLD_PSW, PSW_BYTES);
  copy(ram, prefix + LC_MCK_NEW_PSW, prefix + SCRATCH.LC_RST_PSW, PSW_BYTES);
}

/**
 * Stores the vector registers. Registers 0 to 15 begin with the floating-point registers.
 *
 * @returns false if the guest has no place for them
 */
async function storeVectors(
  stub: Pick<DebugStub, 'ask'>,
  ram: GuestRam,
  prefix: number,
  floating: Buffer,
): Promise<boolean> {
  const area = ram.readWord(prefix + LC_EXTENDED_SAVE_AREA + 4) & EXTENDED_MASK;
  if (area === 0 || ram.readWord(prefix + LC_EXTENDED_SAVE_AREA) !== 0) return false;
  const low = await registers(stub, STUB.vectorLow, 8);
  const vectors = Buffer.alloc(256);
  for (let n = 0; n < REGISTERS_OF_A_KIND; n++) {
    floating.copy(vectors, 16 * n, 8 * n, 8 * n + 8);
    low.copy(vectors, 16 * n + 8, 8 * n, 8 * n + 8);
  }
  ram.write(area >>> 0, vectors);
  ram.write((area >>> 0) + vectors.length, await registers(stub, STUB.vectorHigh, 16));
  return true;
}

function copy(ram: GuestRam, from: number, to: number, bytes: number): void {
  const between = Buffer.alloc(bytes);
  ram.read(from, between);
  ram.write(to, between);
}
