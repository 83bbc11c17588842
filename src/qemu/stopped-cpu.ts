// SPDX-License-Identifier: Apache-2.0
// A CPU that the debug stub has stopped: gives access to its registers and to its storage as it sees it, and makes single steps.
// Source: docs/reference/qemu-attach.md section 8 (numbers of the registers; addresses are those of the selected CPU).

import type { DebugStub } from './debug-stub.ts';

/** Numbers of registers in the debug stub's target description. */
const REGISTER = { pswMask: 0, pswAddress: 1, gr: 2, cr: 87 } as const;

/** The CPU of the last stop. */
export class StoppedCpu {
  /** CPU address. */
  readonly address: number;
  readonly #stub: DebugStub;

  constructor(stub: DebugStub, address: number) {
    this.#stub = stub;
    this.address = address;
  }

  pswAddress(): Promise<bigint> {
    return this.#register(REGISTER.pswAddress);
  }

  gr(n: number): Promise<bigint> {
    return this.#register(REGISTER.gr + n);
  }

  cr(n: number): Promise<bigint> {
    return this.#register(REGISTER.cr + n);
  }

  /** Continues after an instruction of `length` bytes with a condition code, as if the instruction had been executed. */
  async complete(length: number, cc: number): Promise<void> {
    const mask = await this.#register(REGISTER.pswMask);
    const address = await this.pswAddress();
    const withCc = (mask & ~(3n << 44n)) | (BigInt(cc) << 44n);
    await this.#stub.ask(`P${REGISTER.pswMask.toString(16)}=${hex(withCc)}`);
    await this.#stub.ask(`P${REGISTER.pswAddress.toString(16)}=${hex(address + BigInt(length))}`);
  }

  /** Bytes at an address of this CPU; empty if they cannot be read. */
  async read(address: bigint, length: number): Promise<Buffer> {
    const answer = await this.#stub.ask(`m${address.toString(16)},${length.toString(16)}`);
    // An error is `E` and two digits, which the decoder would take for a byte.
    return Buffer.from(/^E..$/.test(answer) ? '' : answer, 'hex');
  }

  async write(address: bigint, bytes: Buffer): Promise<void> {
    const place = `${address.toString(16)},${bytes.length.toString(16)}`;
    await this.#stub.ask(`M${place}:${bytes.toString('hex')}`);
  }

  /**
   * Executes the instruction at which the CPU stands.
   *
   * @returns false if it did not come to the next one, because of a program interruption, another interruption, or an end
   */
  async step(length: number): Promise<boolean> {
    const before = await this.pswAddress();
    // The other CPUs are not moved, because a CPU that stopped at the same moment would not be reported.
    const stop = await this.#stub.ask(`vCont;s:${(this.address + 1).toString(16)}`);
    return stop.startsWith('T05') && (await this.pswAddress()) === before + BigInt(length);
  }

  async #register(n: number): Promise<bigint> {
    const text = await this.#stub.ask(`p${n.toString(16)}`);
    return /^[0-9a-f]+$/.test(text) ? BigInt(`0x${text}`) : 0n;
  }
}

const STOPPED = /^T05thread:(?:p[0-9a-f]+\.)?([0-9a-f]+);/;

/** Address of the CPU that has stopped according to a packet of the stub; undefined for another packet. */
export function stoppedThread(packet: string): number | undefined {
  const thread = STOPPED.exec(packet)?.[1];
  return thread === undefined ? undefined : Number.parseInt(thread, 16) - 1;
}

/** Address of the second operand of an instruction in S or RS format, with base and displacement in its second halfword. */
export async function operand(cpu: StoppedCpu, text: Buffer): Promise<bigint> {
  const place = text.readUInt16BE(2);
  const base = place >>> 12;
  const value = base === 0 ? 0n : await cpu.gr(base);
  return BigInt.asUintN(64, value + BigInt(place & 0xfff));
}

const hex = (value: bigint): string => BigInt.asUintN(64, value).toString(16).padStart(16, '0');
