// SPDX-License-Identifier: Apache-2.0
// A kernel that has the partition to itself configures adapters by the service processor, which QEMU is, and knows nothing of adapters.
// QEMU's debug stub stops it where it learns what the service processor can do, and, later, where it is about to use that. QEMU executes each
// command itself, brings the interruption, and answers that it knows no such command; the answer is changed before the kernel reads it.
// Source: src/qemu/sclp.ts; docs/reference/qemu-attach.md section 8 (the stub); docs/linux.md, A kernel that is the host.

import { INSTRUCTION_BYTES } from '../../native-like/arch/instructions.ts';
import { ApemuError } from '../errors.ts';
import type { AdapterCommands } from './ap-service.ts';
import { askForDescription, breakpoint, DebugStub, letGoAfter } from './debug-stub.ts';
import { findInstructions, lengthOf } from './kernel-code.ts';
import { findInText } from './kernel-text.ts';
import type { LowcoreHook } from './lowcore.ts';
import type { GuestPause } from './pause.ts';
import type { GuestRam } from './ram.ts';
import {
  AP_FACILITY,
  AP_FACILITY_AT,
  adapterCommand,
  CONFIGURE_AP,
  DECONFIGURE_AP,
  OPCODE_SERVC,
  RESPONSE_AT,
  RESPONSE_INFORMATION,
  readsInformation,
} from './sclp.ts';
import type { StoppedCpu } from './stopped-cpu.ts';
import { serveStops } from './stops.ts';

/** A guest whose service calls are looked at. */
export interface CallingGuest {
  readonly ram: GuestRam;
  readonly pause: GuestPause;
  /** Unix socket of QEMU's debug stub. */
  readonly debug: string;
}

/** A service call a CPU is stopped at. */
interface ServiceCall {
  readonly command: number;
  /** Address of the block. */
  readonly block: number;
}

/** @returns undefined at any other instruction */
async function serviceCallAt(cpu: StoppedCpu, text: Buffer): Promise<ServiceCall | undefined> {
  if (text.length < INSTRUCTION_BYTES || text.readUInt16BE(0) !== OPCODE_SERVC) return undefined;
  const [command, block] = await Promise.all([cpu.gr(text[3] >>> 4), cpu.gr(text[3] & 0xf)]);
  return {
    command: Number(BigInt.asUintN(32, command)),
    block: Number(BigInt.asUintN(31, block)),
  };
}

/** Goes past the instruction a CPU stands at. */
async function goPast(cpu: StoppedCpu, text: Buffer): Promise<boolean> {
  return text.length >= 2 && (await cpu.step(lengthOf(text.readUInt16BE(0))));
}

/**
 * Starts a guest that has not run yet, and adds to what its first look at the service processor tells it that adapters can be configured.
 *
 * @param kernel the file it boots: the part of it that looks is not compressed
 */
export async function startWithAdapters(kernel: Buffer, guest: CallingGuest): Promise<void> {
  const stub = await DebugStub.connect(guest.debug);
  await askForDescription(stub);
  for (const place of findInstructions(kernel, (halfword) => halfword === OPCODE_SERVC))
    await stub.ask(breakpoint('Z', BigInt(place)));
  stub.send('c');
  const serve = (cpu: StoppedCpu): Promise<boolean> => addFacility(cpu, guest.ram);
  // Without the facility the kernel says EOPNOTSUPP; that is no reason to end it.
  serveStops({ stub, pause: guest.pause, serve }).catch(() => {});
}

/** @returns whether it was the look, and now says that adapters can be configured */
async function addFacility(cpu: StoppedCpu, ram: GuestRam): Promise<boolean> {
  const text = await cpu.read(await cpu.pswAddress(), INSTRUCTION_BYTES);
  const call = await serviceCallAt(cpu, text);
  const executed = await goPast(cpu, text);
  if (!executed || call === undefined || !readsInformation(call.command)) return false;
  return addBit(ram, call.block);
}

/** @returns false where the command has failed */
function addBit(ram: GuestRam, block: number): boolean {
  const response = Buffer.alloc(2);
  ram.read(block + RESPONSE_AT, response);
  if (response.readUInt16BE() !== RESPONSE_INFORMATION) return false;
  const byte = Buffer.alloc(1);
  ram.read(block + AP_FACILITY_AT, byte);
  byte[0] |= AP_FACILITY;
  ram.write(block + AP_FACILITY_AT, byte);
  return true;
}

/** Operation codes, with four bits of a register between them, of LGFI, IILF, OILF (6.1 has the adapter's number in the register already) and LLILF. */
const LOADS_WORD = new Set([0x1, 0x9, 0xd, 0xf]);

/** Whether an instruction makes the word of a command that concerns adapters. */
export const makesAdapterCommand = (text: Buffer, at: number): boolean => {
  if (text[at] !== 0xc0 || !LOADS_WORD.has(text[at + 1] & 0xf)) return false;
  const word = text.readUInt32BE(at + 2);
  return word === CONFIGURE_AP || word === DECONFIGURE_AP;
};

export const isServiceCall = (text: Buffer, at: number): boolean =>
  text[at] === 0xb2 && text[at + 1] === (OPCODE_SERVC & 0xff) && text[at + 2] === 0;

/** Service calls of others, such as the console's, between the word of a command and the command. */
const OTHERS_BETWEEN = 64;

/** The commands of a kernel that runs. */
export class ServiceCalls {
  readonly #guest: CallingGuest & {
    readonly hook: LowcoreHook;
    readonly log: (text: string) => void;
  };
  readonly #adapters: AdapterCommands;
  #stub: DebugStub | undefined;
  #begun = false;
  /** How many kernels have been started since the first. */
  #starts = 0;
  /** QEMU's stub serves one client at a time. */
  #followed: Promise<void> = Promise.resolve();
  #places: readonly bigint[] = [];
  /** How many service calls are still looked at; 0: the guest is not stopped at them. */
  #looking = 0;

  constructor(
    guest: CallingGuest & { readonly hook: LowcoreHook; readonly log: (text: string) => void },
    adapters: AdapterCommands,
  ) {
    this.#guest = guest;
    this.#adapters = adapters;
  }

  /** Another kernel is started: its text may lie elsewhere. */
  reset(): void {
    this.#starts++;
    this.#begun = false;
    this.#looking = 0;
    // QEMU keeps the breakpoints of who has gone without a word, and nobody would let the guest go on from one.
    this.#stub?.interrupt();
  }

  /** Begins with a kernel. `cpu` has executed an AP instruction of it, so that the registers in its mailbox are the kernel's. */
  begin(cpu: number): void {
    if (this.#begun) return;
    this.#begun = true;
    const start = this.#starts;
    this.#followed = this.#followed
      .then(() => this.#follow(cpu, () => start !== this.#starts))
      .catch((error: Error) =>
        this.#guest.log(`adapters cannot be configured from inside: ${error.message}`),
      );
  }

  async #follow(cpu: number, isOver: () => boolean): Promise<void> {
    if (isOver()) return;
    const { pause, debug } = this.#guest;
    const stub = await pause.alone(async () => {
      const connected = await DebugStub.connect(debug);
      await letGoAfter(connected, () => this.#stopAtWords(connected, cpu));
      connected.send('c');
      return connected;
    });
    this.#stub = stub;
    // The reset may have come before there was a stub to interrupt.
    if (isOver()) stub.interrupt();
    const serve = async (cpu: StoppedCpu): Promise<boolean> => {
      await this.#stopped(stub, cpu);
      return false;
    };
    await serveStops({ stub, pause, serve, over: isOver });
    this.#stub = undefined;
  }

  async #stopAtWords(stub: DebugStub, cpu: number): Promise<void> {
    const { ram, hook } = this.#guest;
    await askForDescription(stub);
    const found = (wanted: (text: Buffer, at: number) => boolean): bigint[] =>
      findInText(ram, hook, hook.mailbox(cpu), 'program', wanted);
    const words = found(makesAdapterCommand);
    if (words.length === 0)
      throw new ApemuError(
        'APEMU_ERR_QEMU_KERNEL',
        'the words of such commands are not found in the text of the kernel',
      );
    this.#places = found(isServiceCall);
    for (const place of words) await stub.ask(breakpoint('Z', place));
  }

  async #stopped(stub: DebugStub, cpu: StoppedCpu): Promise<void> {
    const text = await cpu.read(await cpu.pswAddress(), 6);
    const call = await serviceCallAt(cpu, text);
    const executed = await goPast(cpu, text);
    if (call === undefined) {
      if (makesAdapterCommand(text, 0)) await this.#look(stub, OTHERS_BETWEEN);
      return;
    }
    const wanted = adapterCommand(call.command);
    if (wanted !== undefined && executed) this.#answer(call.block, wanted);
    await this.#look(stub, wanted === undefined ? Math.max(0, this.#looking - 1) : 0);
  }

  /** Looks at so many service calls from now on. */
  async #look(stub: DebugStub, calls: number): Promise<void> {
    const changes = calls > 0 !== this.#looking > 0;
    this.#looking = calls;
    if (!changes) return;
    for (const place of this.#places) await stub.ask(breakpoint(calls > 0 ? 'Z' : 'z', place));
  }

  #answer(block: number, { apid, on }: { apid: number; on: boolean }): void {
    const response = this.#adapters.configure(apid, on);
    if (response === undefined) return;
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16BE(response);
    this.#guest.ram.write(block + RESPONSE_AT, bytes);
  }
}
